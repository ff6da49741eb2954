//! Minimum send rate: slower readers are cut, and no faster one, however slow.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::support::http2_frames::{DATA, Frames};
use crate::support::{Client, Folder, Server, TIMEOUT, noise};

const BIG: usize = 16 << 20;
const BEAT: Duration = Duration::from_millis(100);
/// Bytes that a slow reader reads per interval: at most a third of the required 64 KiB per second.
pub(crate) const SLOW: usize = 2 << 10;
/// And a steady reader: four times the rate, so that its timing may vary.
pub(crate) const STEADY: usize = 26 << 10;
/// Several stall timeouts, over which the rate is averaged.
pub(crate) const BEATS: usize = 60;

fn serve(limits: &str) -> (Server, Vec<u8>, Folder) {
    let folder = Folder::new();
    let big = noise(BIG, 1);
    folder.write("big.mp4", &big);
    let toml = format!("[limits]\nstall_timeout = \"2s\"\n{limits}\n[[mount]]\nstore = \".\"\n");
    (Server::configured(&folder, &toml), big, folder)
}

/// A connection with small socket buffers and segments as short as on most networks: on loopback they are so long that a reader
/// seems to read tens of kilobytes at once.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(16 << 10).expect("an option");
    socket.set_tcp_mss(1000).expect("an option");
    socket.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    socket.connect(&address.into()).expect("a connection");
    socket.into()
}

/// Reads so many bytes of a response per interval; returns how many it got in all if it was cut.
fn read_slowly(server: &Server, in_a_beat: usize, beats: usize, expected: &[u8]) -> Result<(), usize> {
    let client = Client::over(connect(server.address));
    take_slowly(client, in_a_beat, beats, expected)
}

/// The same over an open connection.
pub(crate) fn take_slowly<S: Read + Write>(
    mut client: Client<S>,
    in_a_beat: usize,
    beats: usize,
    expected: &[u8],
) -> Result<(), usize> {
    client.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.head().expect("a head").status, 200);
    let (mut piece, mut at) = (vec![0; in_a_beat], 0);
    for _ in 0..beats {
        thread::sleep(BEAT);
        if client.stream.read_exact(&mut piece).is_err() {
            return Err(at);
        }
        assert!(piece == expected[at..at + in_a_beat], "other bytes at {at}");
        at += in_a_beat;
    }
    Ok(())
}

#[test]
fn a_reader_below_the_minimum_rate_is_cut_and_one_above_it_is_not() {
    let (mut server, big, _folder) = serve("min_send_rate = \"64 KiB\"");
    thread::scope(|scope| {
        let steady = scope.spawn(|| read_slowly(&server, STEADY, BEATS, &big));
        let slow = scope.spawn(|| read_slowly(&server, SLOW, usize::MAX, &big));
        assert!(slow.join().expect("it ends").is_err());
        assert_eq!(steady.join().expect("it ends"), Ok(()));
    });
    let line = server.wait_for_line("\"GET /big.mp4 ");
    assert!(line.contains(" 200 ") && line.contains(" cut "), "{line}");
}

#[test]
fn without_a_minimum_rate_a_reader_that_keeps_reading_is_not_cut() {
    // In one stall timeout it reads less than the kernel requests at once.
    let (server, big, _folder) = serve("min_send_rate = 0");
    assert_eq!(read_slowly(&server, SLOW, BEATS, &big), Ok(()));
}

#[test]
fn an_http_2_stream_with_tiny_windows_is_reset_and_one_above_the_rate_is_not() {
    let (server, big, _folder) = serve("min_send_rate = \"64 KiB\"");
    let read = |in_a_beat: u32, beats: usize| {
        let mut client = Frames::connect(server.address, 0);
        client.allow(0, 1 << 30);
        client.request(1, "GET", "/big.mp4");
        client.wait_for_200(1);
        let mut body = Vec::new();
        for beat in 1..=beats {
            thread::sleep(BEAT);
            if client.try_allow(1, in_a_beat).is_err() {
                return Err(());
            }
            while body.len() < in_a_beat as usize * beat {
                match client.next() {
                    Some(frame) if (frame.kind, frame.stream) == (DATA, 1) => body.extend(frame.payload),
                    _ => return Err(()),
                }
            }
        }
        assert!(body == big[..body.len()], "other bytes");
        Ok(())
    };
    thread::scope(|scope| {
        let steady = scope.spawn(|| read(u32::try_from(STEADY).expect("little"), BEATS));
        // A byte now and then, which passes no stall timeout.
        let slow = scope.spawn(|| read(1, usize::MAX));
        assert_eq!(slow.join().expect("it ends"), Err(()));
        assert_eq!(steady.join().expect("it ends"), Ok(()));
    });
}
