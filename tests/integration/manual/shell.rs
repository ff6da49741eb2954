//! A shell in a folder of its own that runs the commands of one page, one after the other.
//!
//! Ports in commands are replaced by free ones, and put back in the output. Servers run in the background until the next one
//! starts, or the page ends.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process_group};

use super::page::root;
use crate::support::{Folder, TIMEOUT, eventually};

/// The folder of a page, as output shows it.
const SHOWN_FOLDER: &str = "/srv/shop";
/// The port that `wamedia serve` listens on by default.
const DEFAULT_PORT: u16 = 8080;

/// The programs that commands may run, beside what is part of the shell. A test must not stop services or install anything.
const PROGRAMS: &[&str] = &[
    "base64",
    "basenc",
    "cat",
    "chmod",
    "cp",
    "curl",
    "od",
    "openssl",
    "python3",
    "sed",
    "sha256sum",
    "tr",
    "wamedia",
];

/// What a command printed on both of its streams, and its exit code.
pub(crate) struct Printed {
    pub(crate) lines: Vec<String>,
    pub(crate) code: i32,
}

pub(crate) struct Shell {
    folder: Folder,
    bash: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    /// Ports as pages show them, and those that are used instead.
    ports: Vec<(u16, u16)>,
    server: Option<Child>,
}

impl Shell {
    /// A shell in a folder with the sample media, as the repository has them in `media-sample` and without their configuration in
    /// `media`.
    pub(crate) fn start() -> Self {
        let folder = Folder::new();
        copy_media(&root().join("media-sample"), &folder.at("media-sample"), true);
        copy_media(&root().join("media-sample"), &folder.at("media"), false);
        link_programs(&folder);
        let ports = vec![(DEFAULT_PORT, free_port())];
        let mut bash = in_folder(Command::new("/bin/bash"), &folder, &ports)
            .args(["--noprofile", "--norc"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash starts");
        let (stdin, stdout) = (bash.stdin.take().expect("piped"), bash.stdout.take().expect("piped"));
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        });
        let mut shell = Self { folder, bash, stdin, lines, ports, server: None };
        // A terminal would not get its progress.
        shell.run("curl() { command curl --silent --show-error \"$@\"; }");
        shell
    }

    /// Writes a file of the page; a configuration is readable for its owner only, so that it may hold secrets.
    pub(crate) fn write(&mut self, name: &str, text: &str) {
        let text = self.with_free_ports(text);
        self.folder.write(name, text);
        fs::set_permissions(self.folder.at(name), fs::Permissions::from_mode(0o600)).expect("a mode");
    }

    /// Runs a command to its end; one that ends in `&` is left running, and its output is not read.
    pub(crate) fn run(&mut self, command: &str) -> Printed {
        let command = self.with_free_ports(command);
        let streams = if command.trim_end().ends_with('&') { ">/dev/null 2>&1" } else { "2>&1" };
        let script = format!("{{ {command}\n}} </dev/null {streams}\nprintf '\\n\\001%d\\n' $?\n");
        self.stdin.write_all(script.as_bytes()).expect("bash reads");
        let mut lines = Vec::new();
        let code = loop {
            let line = self.lines.recv_timeout(TIMEOUT).unwrap_or_else(|_| {
                panic!("the command did not end: {command}\nit printed {lines:#?}");
            });
            match line.strip_prefix('\u{1}') {
                Some(code) => break code.parse().expect("an exit code"),
                None => lines.push(self.as_shown(&line)),
            }
        };
        // The marker has a line feed in front, for output that ends without one.
        if lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        if streams != "2>&1" && !self.listens_soon(&command) {
            lines.push("it does not listen".to_owned());
        }
        Printed { lines, code }
    }

    /// Starts a server in the place of the one before, and waits until it listens and has printed what `is_complete` accepts. The
    /// error is what it printed instead.
    pub(crate) fn serve(
        &mut self,
        command: &str,
        is_complete: impl Fn(&[String]) -> bool,
    ) -> Result<(), Vec<String>> {
        self.stop_server();
        let command = self.with_free_ports(command);
        let log = File::create(self.folder.at("serve.log")).expect("a log");
        let mut shell = in_folder(Command::new("/bin/bash"), &self.folder, &self.ports);
        // The last command of such a shell takes its place, so that it gets the signals.
        let shell = shell.args(["--noprofile", "--norc", "-c", &command]).stdin(Stdio::null());
        let server = shell.stdout(log.try_clone().expect("a log")).stderr(log).spawn().expect("bash starts");
        self.server = Some(server);
        let listens = self.listens_soon(&command);
        let deadline = Instant::now() + TIMEOUT / 3;
        loop {
            let printed = self.server_log();
            if listens && is_complete(&printed) {
                return Ok(());
            }
            if !listens || Instant::now() > deadline {
                return Err(printed);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn server_log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.at("serve.log")).expect("a log in UTF-8");
        log.lines().map(|line| self.as_shown(line)).collect()
    }

    /// Waits until the port of a command accepts connections; not longer than its server runs.
    fn listens_soon(&mut self, command: &str) -> bool {
        let named = self.ports.iter().find(|(_, real)| command.contains(&real.to_string()));
        let (_, port) = *named.unwrap_or(&self.ports[0]);
        eventually(&format!("a server listens on port {port}: {command}"), || {
            let has_ended = |server: &mut Child| server.try_wait().expect("a child").is_some();
            let is_over = self.server.as_mut().is_some_and(has_ended);
            if is_over {
                Some(false)
            } else {
                TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok().map(|_| true)
            }
        })
    }

    /// Ends the server, which must shut down gracefully.
    pub(crate) fn stop_server(&mut self) {
        if let Some(mut server) = self.server.take()
            && server.try_wait().expect("a child").is_none()
        {
            kill_process_group(Pid::from_child(&server), Signal::TERM).expect("a signal");
            let status = eventually("the server ends", || server.try_wait().expect("a child"));
            assert!(status.success(), "the server ended with {status}: {:#?}", self.server_log());
        }
    }

    /// Replaces each port by a free one, the same as before where it was met before.
    fn with_free_ports(&mut self, text: &str) -> String {
        let mut replaced = String::new();
        let mut rest = text;
        while let Some((at, len)) = first_port(rest) {
            let (before, digits) = (&rest[..at], &rest[at..at + len]);
            let shown = digits.parse().expect("a port");
            let known = self.ports.iter().find(|(known, _)| *known == shown).map(|(_, real)| *real);
            let real = known.unwrap_or_else(|| {
                let real = free_port();
                self.ports.push((shown, real));
                real
            });
            replaced.push_str(before);
            replaced.push_str(&real.to_string());
            rest = &rest[at + len..];
        }
        replaced + rest
    }

    /// The line as a page shows it, with its ports and its folder.
    fn as_shown(&self, line: &str) -> String {
        let mut line = line.replace(&self.folder.path().display().to_string(), SHOWN_FOLDER);
        for (shown, real) in &self.ports {
            line = line.replace(&format!(":{real}"), &format!(":{shown}"));
        }
        line
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        for child in self.server.iter_mut().chain([&mut self.bash]) {
            let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
            let _ = child.wait();
        }
    }
}

/// The command in the folder of a page, with nothing of the environment but the programs, and in a process group of its own.
fn in_folder(mut command: Command, folder: &Folder, ports: &[(u16, u16)]) -> Command {
    command
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", folder.at("bin"))
        .env("HOME", folder.path())
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        // Where a page or its configuration listens elsewhere, this machine need not.
        .env("WAMEDIA_LISTEN", format!("127.0.0.1:{}", ports[0].1))
        .stderr(Stdio::null())
        .process_group(0);
    command
}

/// Links each program that commands may run.
fn link_programs(folder: &Folder) {
    fs::create_dir(folder.at("bin")).expect("a folder");
    for name in PROGRAMS {
        let target = match *name {
            "wamedia" => Some(PathBuf::from(env!("CARGO_BIN_EXE_wamedia"))),
            // What is found may be a script that needs other programs to find the right version.
            "python3" => python(),
            name => std::env::split_paths(&std::env::var_os("PATH").expect("programs"))
                .map(|folder| folder.join(name))
                .find(|file| file.is_file()),
        };
        if let Some(target) = target {
            symlink(target, folder.at("bin").join(name)).expect("a link");
        }
    }
}

fn python() -> Option<PathBuf> {
    let output = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// Copies a folder, with mtimes of ten days ago, each another: a check would report a file that has just changed, and files that
/// share a date.
fn copy_media(from: &Path, to: &Path, with_settings: bool) {
    fs::create_dir(to).expect("a folder");
    for (number, entry) in (0..).zip(fs::read_dir(from).expect("a folder")) {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_media(&entry.path(), &target, with_settings);
        } else if with_settings || (entry.file_name() != "wamedia.toml" && entry.file_name() != "README.md") {
            fs::copy(entry.path(), &target).expect("a copy");
            let file = File::options().write(true).open(&target).expect("a file");
            let age = Duration::from_hours(240) + Duration::from_secs(number);
            file.set_modified(SystemTime::now() - age).expect("an mtime");
        }
    }
}

/// Where the first port of this machine stands in a text, and how many digits it has.
fn first_port(text: &str) -> Option<(usize, usize)> {
    let places = ["127.0.0.1:", "localhost:", "http.server "];
    let begin = places.iter().filter_map(|place| Some(text.find(place)? + place.len())).min()?;
    let len = text[begin..].bytes().take_while(u8::is_ascii_digit).count();
    if len > 0 {
        return Some((begin, len));
    }
    first_port(&text[begin..]).map(|(at, len)| (begin + at, len))
}

/// A port that no other test gets from the system, which hands out those from 32768 on.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let base = 20_000 + u16::try_from(std::process::id() % 100).expect("two digits") * 100;
    loop {
        let port = base + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
