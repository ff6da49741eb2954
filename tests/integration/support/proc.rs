//! Sockets, threads, CPU time and memory of a server, from `/proc`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::support::eventually;

/// A line of `/proc/net/tcp`.
struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    is_listening: bool,
    /// Bytes that were received and not read.
    unread: u64,
    inode: String,
}

fn sockets() -> Vec<Socket> {
    let table = fs::read_to_string("/proc/net/tcp").expect("a table of sockets");
    table.lines().skip(1).map(socket).collect()
}

/// `sl local remote state sent:received …`, numbers in hexadecimal, addresses in the machine's byte order.
fn socket(line: &str) -> Socket {
    let words: Vec<_> = line.split_whitespace().collect();
    let address = |word: &str| {
        let (ip, port) = word.split_once(':').expect("an address and a port");
        let ip = u32::from_str_radix(ip, 16).expect("an address").to_ne_bytes();
        SocketAddr::from((Ipv4Addr::from(ip), u16::from_str_radix(port, 16).expect("a port")))
    };
    let (_, unread) = words[4].split_once(':').expect("two queues");
    Socket {
        local: address(words[1]),
        remote: address(words[2]),
        is_listening: words[3] == "0A",
        unread: u64::from_str_radix(unread, 16).expect("a length"),
        inode: words[9].to_owned(),
    }
}

/// Waits until the server has read everything that was sent on this connection.
#[track_caller]
pub(crate) fn wait_until_read(client: &TcpStream) {
    let ends = (client.peer_addr().expect("a server"), client.local_addr().expect("a client"));
    eventually("the server reads what was sent", || {
        let server = sockets().into_iter().find(|socket| (socket.local, socket.remote) == ends)?;
        (server.unread == 0).then_some(())
    });
}

/// Waits until the process listens, and returns its address.
#[track_caller]
pub(crate) fn wait_until_listening(pid: u32) -> SocketAddr {
    eventually("the process listens", || {
        let inodes = socket_inodes(pid);
        sockets()
            .into_iter()
            .find(|socket| socket.is_listening && inodes.contains(&socket.inode))
            .map(|socket| socket.local)
    })
}

fn socket_inodes(pid: u32) -> Vec<String> {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    descriptors
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|target| Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect()
}

/// The fields of a `stat` file that follow the name: the state is the first.
fn stat(path: &str) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a process");
    let (_, rest) = text.rsplit_once(')').expect("a name in parentheses");
    rest.split_whitespace().map(str::to_owned).collect()
}

/// Waits until every thread of the process has been stopped (SIGSTOP).
#[track_caller]
pub(crate) fn wait_until_stopped(pid: u32) {
    eventually("all threads are stopped", || {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("threads");
        threads
            .map(|thread| thread.expect("a thread").path().join("stat"))
            .all(|stat_file| stat(stat_file.to_str().expect("UTF-8"))[0] == "T")
            .then_some(())
    });
}

/// CPU time of the process.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let fields = stat(&format!("/proc/{pid}/stat"));
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("ticks")).sum();
    // USER_HZ, which is 100 on every architecture that Rust's standard library runs on.
    Duration::from_millis(ticks * 10)
}

/// Resident memory of the process, in bytes.
pub(crate) fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a size in kB") << 10
}
