//! Lower bound for this machine: the smallest epoll loop that answers every request with a prepared response.
//!
//! It parses nothing but the end of a head, and has one response for each port. The rest of a server's time is its own
//! cost. Started by `benches/compare/run`: `bare_epoll PORT FILE`.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

struct Connection {
    stream: TcpStream,
    /// Bytes of the current response that have been written; all of them if no response is due.
    written: usize,
    /// Requests that have been read and not answered.
    due: usize,
}

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let (Some(port), Some(file)) = (arguments.next(), arguments.next()) else {
        // `cargo bench` and `cargo test --benches` run every target without arguments.
        return Ok(());
    };
    let body = fs::read(file)?;
    let mut response =
        format!("HTTP/1.1 200 OK\r\ncontent-type: image/jpeg\r\ncontent-length: {}\r\n\r\n", body.len());
    response.reserve_exact(body.len());
    let mut response = response.into_bytes();
    response.extend_from_slice(&body);

    let listener = TcpListener::bind(("127.0.0.1", port.parse().map_err(io::Error::other)?))?;
    listener.set_nonblocking(true)?;
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, EventData::new_u64(0), EventFlags::IN)?;
    let mut connections: HashMap<u64, Connection> = HashMap::new();
    let mut events = Vec::with_capacity(256);
    loop {
        events.clear();
        epoll::wait(&poll, spare_capacity(&mut events), None)?;
        for event in &events {
            let token = event.data.u64();
            if token == 0 {
                let Ok((stream, _)) = listener.accept() else { continue };
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                let token = u64::try_from(stream.as_raw_fd()).map_err(io::Error::other)?;
                epoll::add(
                    &poll,
                    &stream,
                    EventData::new_u64(token),
                    EventFlags::IN | EventFlags::OUT | EventFlags::ET,
                )?;
                connections.insert(token, Connection { stream, written: response.len(), due: 0 });
            } else if let Some(connection) = connections.get_mut(&token)
                && !connection.advance(&response)
            {
                connections.remove(&token);
            }
        }
    }
}

impl Connection {
    /// Reads and writes until both would block; false once the client has disconnected.
    fn advance(&mut self, response: &[u8]) -> bool {
        let mut request = [0; 4096];
        loop {
            if self.written < response.len() {
                match self.stream.write(&response[self.written..]) {
                    Ok(n) => self.written += n,
                    Err(e) => return e.kind() == io::ErrorKind::WouldBlock,
                }
            } else if self.due > 0 {
                (self.due, self.written) = (self.due - 1, 0);
            } else {
                match self.stream.read(&mut request) {
                    Ok(0) => return false,
                    Ok(n) => self.due += request[..n].windows(4).filter(|end| end == b"\r\n\r\n").count(),
                    Err(e) => return e.kind() == io::ErrorKind::WouldBlock,
                }
            }
        }
    }
}
