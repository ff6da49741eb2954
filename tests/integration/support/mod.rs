//! Test support: starts the real binary on a folder of its own, and speaks HTTP to it byte by byte.

pub(crate) mod aws_signature;
pub(crate) mod http2_frames;
pub(crate) mod openmetrics;
pub(crate) mod proc;
pub(crate) mod response_checks;

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};
use socket2::SockRef;

/// Longer than anything that a test waits for takes on a working machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// A command of the real binary, without the environment's settings.
pub(crate) fn wamedia() -> Command {
    without_settings(Command::new(env!("CARGO_BIN_EXE_wamedia")))
}

/// A command of the real binary in a process that a shell has prepared: `exec` and its redirections are at the end.
pub(crate) fn wamedia_from_shell(script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_wamedia")]);
    without_settings(shell)
}

/// The same command without the environment's settings, with an empty stdin, and with a state folder of its own.
pub(crate) fn without_settings(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("WAMEDIA_") || text.to_ascii_uppercase().ends_with("_PROXY") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).env_remove("STATE_DIRECTORY").env("XDG_STATE_HOME", own_state_home());
    command
}

/// A folder for state that no other command uses, in one that the next run of the tests removes.
fn own_state_home() -> PathBuf {
    static HOME: LazyLock<PathBuf> = LazyLock::new(|| {
        // In memory where that is possible: hundreds of servers make a database each, and wait for the disk.
        let memory = Path::new("/dev/shm").is_dir().then(|| PathBuf::from("/dev/shm/wamedia-tests"));
        let all = memory.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("state"));
        for left in fs::read_dir(&all).into_iter().flatten().flatten() {
            if !Path::new("/proc").join(left.file_name()).exists() {
                let _ = fs::remove_dir_all(left.path());
            }
        }
        all.join(std::process::id().to_string())
    });
    static COUNT: AtomicU32 = AtomicU32::new(0);
    HOME.join(COUNT.fetch_add(1, Ordering::Relaxed).to_string())
}

/// The output of a command that ended by itself.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Repeats `look` until it returns a value.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs a command in `folder` to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Outcome {
    outcome(wamedia().current_dir(folder).args(arguments))
}

pub(crate) fn outcome(command: &mut Command) -> Outcome {
    outcome_to(Stdio::piped(), command)
}

/// Runs a command that writes its results elsewhere, to its end.
pub(crate) fn outcome_to(stdout: impl Into<Stdio>, command: &mut Command) -> Outcome {
    let mut child = command.stdout(stdout).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let deadline = Instant::now() + TIMEOUT;
    // The output of such a command fits into a pipe.
    while child.try_wait().expect("a child").is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            panic!("it did not end by itself: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().expect("its output");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A folder that is removed after the test.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, and creates its folders.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.at(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, bytes).expect("a file");
        self
    }

    pub(crate) fn set_mtime(&self, name: &str, mtime: SystemTime) -> &Self {
        let file = fs::File::options().write(true).open(self.at(name)).expect("a file");
        file.set_modified(mtime).expect("an mtime");
        self
    }

    /// Waits until the written files are so old that their timestamps alone show whether they have changed. Until then the server
    /// reads them again at each check, which tests of reads and caching must not see.
    pub(crate) fn settle(&self) -> &Self {
        std::thread::sleep(Duration::from_millis(2100));
        self
    }
}

/// A running server that ends with the test.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) addresses: Vec<SocketAddr>,
    stderr: Mutex<Receiver<String>>,
    seen: Vec<String>,
}

impl Server {
    /// Serves `folder` on a free port.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::with(folder, &[])
    }

    /// Serves `folder` with more arguments.
    pub(crate) fn with(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = wamedia();
        command.current_dir(folder).arg("serve").arg(folder);
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        Self::spawn(command.args(arguments))
    }

    /// Serves with `toml`, which it writes to `wamedia.toml` in `folder`; listens on a free port.
    pub(crate) fn configured(folder: &Folder, toml: &str) -> Self {
        fs::write(folder.at("wamedia.toml"), toml).expect("a configuration");
        Self::spawn(wamedia().current_dir(folder.path()).args(["serve", "--listen", "127.0.0.1:0"]))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let mut server = Self {
            child,
            address: "127.0.0.1:0".parse().expect("an address"),
            addresses: Vec::new(),
            stderr: Mutex::new(lines),
            seen: Vec::new(),
        };
        server.wait_for_line("policies");
        let urls =
            server.seen.iter().filter_map(|line| line.trim().strip_prefix("listens")?.split("//").nth(1));
        server.addresses =
            urls.map(|url| url.split(' ').next().unwrap_or(url).parse().expect("an address")).collect();
        server.address = *server.addresses.first().expect("it listens");
        server
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on stderr that contains `part`, and returns it.
    #[track_caller]
    pub(crate) fn wait_for_line(&mut self, part: &str) -> String {
        let deadline = Instant::now() + TIMEOUT;
        let stderr = self.stderr.get_mut().expect("not poisoned");
        while let Ok(line) = stderr.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.seen.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
        panic!("no line with {part:?} among {:#?}", self.seen);
    }

    /// All lines on stderr of a server that has ended.
    pub(crate) fn all_lines(&mut self) -> &[String] {
        self.seen.extend(self.stderr.get_mut().expect("not poisoned").iter());
        &self.seen
    }

    /// All lines on stderr so far.
    pub(crate) fn lines(&mut self) -> &[String] {
        self.seen.extend(self.stderr.get_mut().expect("not poisoned").try_iter());
        &self.seen
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("a signal");
    }

    /// Waits for the server to end by itself.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server did not end; it said {:#?}", self.lines());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends the server and returns all of its stderr.
    #[track_caller]
    pub(crate) fn end(mut self) -> Vec<String> {
        self.signal(rustix::process::Signal::TERM);
        self.wait();
        // The sender is dropped at the end of the stream.
        self.seen.extend(self.stderr.get_mut().expect("not poisoned").iter());
        std::mem::take(&mut self.seen)
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    pub(crate) fn connect(&self) -> Client {
        Client::new(self.address)
    }

    /// One request on a connection of its own.
    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Response {
        self.request("GET", target, &[])
    }

    #[track_caller]
    pub(crate) fn request(&self, method: &str, target: &str, fields: &[(&str, &str)]) -> Response {
        self.connect().request(method, target, fields)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection with timeouts, for which the kernel buffers at most a megabyte: for a fast reader it would buffer up to a whole large
/// file, and then the server could not notice that the client has stopped reading.
pub(crate) fn connected(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    stream.set_write_timeout(Some(TIMEOUT)).expect("a timeout");
    SockRef::from(&stream).set_recv_buffer_size(512 << 10).expect("an option");
    stream
}

/// A keep-alive connection.
pub(crate) struct Client<S: Read + Write = TcpStream> {
    pub(crate) stream: BufReader<S>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self::over(connected(address))
    }

    /// Whether the connection is open and nothing was received on it.
    pub(crate) fn is_silent(&mut self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).expect("a mode");
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false).expect("a mode");
        self.stream.buffer().is_empty() && peeked.is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock)
    }

    /// Closes this side of the connection: no more requests follow.
    pub(crate) fn end(&self) {
        self.stream.get_ref().shutdown(Shutdown::Write).expect("it is open");
    }
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).expect("it is taken");
    }

    #[track_caller]
    pub(crate) fn request(&mut self, method: &str, target: &str, fields: &[(&str, &str)]) -> Response {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: test\r\n");
        for (name, value) in fields {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        self.send(head + "\r\n");
        let mut response = self.head().expect("a response head");
        if method != "HEAD" {
            self.body(&mut response);
        }
        response
    }

    /// Reads a response head; an error if the connection ends instead.
    pub(crate) fn head(&mut self) -> io::Result<Response> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("not a status line: {line:?}")))?;
        let mut response = Response { status, fields: Vec::new(), body: Vec::new(), complete: true };
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                return if line == "\r\n" {
                    Ok(response)
                } else {
                    Err(io::Error::other(format!("not a field: {line:?}")))
                };
            };
            response.fields.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }

    /// Reads the body, as far as it is sent.
    pub(crate) fn body(&mut self, response: &mut Response) {
        let has_none = matches!(response.status, 204 | 304);
        let len: u64 = if has_none { 0 } else { response.field("content-length").parse().expect("a length") };
        // An error is an end, too: a server that cuts a connection may reset it. A timeout is not.
        let mut body = Vec::new();
        if let Err(e) = (&mut self.stream).take(len).read_to_end(&mut body) {
            assert!(!is_timeout(&e), "the server stopped after {} of {len} bytes", body.len());
        }
        response.complete = body.len() as u64 == len;
        response.body = body;
    }

    /// Whether the server has closed the connection, or does so soon.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.stream.fill_buf() {
            Ok(bytes) => bytes.is_empty(),
            Err(e) => !is_timeout(&e),
        }
    }

    /// Reads everything until the server has closed the connection.
    #[track_caller]
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Err(e) = self.stream.read_to_end(&mut bytes) {
            assert!(!is_timeout(&e), "the server neither sends nor closes");
        }
        bytes
    }
}

/// Whether a socket's own timeout has passed, which is [`TIMEOUT`].
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// A response as received.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case, in the order received.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body has as many bytes as the head announced.
    pub(crate) complete: bool,
}

impl Response {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(n, _)| n == name)
    }

    /// The value of the only field of that name.
    #[track_caller]
    pub(crate) fn field(&self, name: &str) -> &str {
        let mut values = self.fields.iter().filter(|(n, _)| n == name);
        let (_, value) = values.next().unwrap_or_else(|| panic!("no {name} in {self:?}"));
        assert!(values.next().is_none(), "more than one {name} in {self:?}");
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }
}

/// The ETag that these bytes must have.
pub(crate) fn etag_of(bytes: &[u8]) -> String {
    format!("\"{}\"", hex(&Sha256::digest(bytes)))
}

/// Two lowercase hex digits for each byte.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// The version that a link to these bytes must contain.
pub(crate) fn version_of(bytes: &[u8]) -> String {
    etag_of(bytes)[1..17].to_owned()
}

/// Pseudorandom bytes, so that wrong offsets show.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
