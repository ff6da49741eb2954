//! HTTP/2 frame by frame (RFC 9113), so that a test controls everything that a client sends.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::{connected, is_timeout};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

const INITIAL_WINDOW_SIZE: u16 = 4;

/// A frame as received.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn ends_its_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }
}

/// A connection that speaks HTTP/2 with prior knowledge.
pub(crate) struct Frames {
    pub(crate) stream: TcpStream,
}

impl Frames {
    /// Lets the server send `window` bytes of each response before it has to wait.
    pub(crate) fn connect(address: SocketAddr, window: u32) -> Self {
        let mut frames = Self { stream: connected(address) };
        frames.stream.write_all(PREFACE).expect("it is taken");
        let mut setting = INITIAL_WINDOW_SIZE.to_be_bytes().to_vec();
        setting.extend(window.to_be_bytes());
        frames.send(SETTINGS, 0, 0, &setting).expect("it is taken");
        frames
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        self.stream.write_all(&frame(kind, flags, stream, payload))
    }

    /// Sends a request without a body.
    pub(crate) fn request(&mut self, stream: u32, method: &str, path: &str) {
        self.try_request(stream, method, path).expect("it is taken");
    }

    /// The same; an error if the connection is closed.
    pub(crate) fn try_request(&mut self, stream: u32, method: &str, path: &str) -> io::Result<()> {
        self.send(HEADERS, END_STREAM | END_HEADERS, stream, &header_block(method, path))
    }

    /// Sends the head of a request with a body, and no body; an error if the connection is closed.
    pub(crate) fn request_in_part(&mut self, stream: u32, path: &str) -> io::Result<()> {
        let block = header_block("GET", path);
        self.send(HEADERS, END_STREAM, stream, &block[..block.len() / 2])
    }

    /// Lets the server send `len` more bytes on a stream, or on all of them together (0).
    pub(crate) fn allow(&mut self, stream: u32, len: u32) {
        self.try_allow(stream, len).expect("it is taken");
    }

    /// The same; an error if the connection is closed.
    pub(crate) fn try_allow(&mut self, stream: u32, len: u32) -> io::Result<()> {
        self.send(WINDOW_UPDATE, 0, stream, &len.to_be_bytes())
    }

    /// Sends a ping; an error if the connection is closed.
    pub(crate) fn ping(&mut self) -> io::Result<()> {
        self.send(PING, 0, 0, b"are you?")
    }

    /// The next frame; `None` at the end of the connection. Acknowledges settings and pings.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Option<Frame> {
        loop {
            let mut head = [0; 9];
            self.read(&mut head)?;
            let [a, b, c, kind, flags, stream @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.read(&mut payload)?;
            match (kind, flags & ACK) {
                // The next read reports a closed connection.
                (SETTINGS, 0) => drop(self.send(SETTINGS, ACK, 0, &[])),
                (PING, 0) => drop(self.send(PING, ACK, 0, &payload)),
                (SETTINGS | PING | WINDOW_UPDATE, _) => {}
                _ => return Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload }),
            }
        }
    }

    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> Option<()> {
        match self.stream.read_exact(buffer) {
            Ok(()) => Some(()),
            Err(e) => {
                assert!(!is_timeout(&e), "the server neither sends nor closes");
                None
            }
        }
    }

    /// Waits for the head of the response on `stream`, which must be a 200.
    #[track_caller]
    pub(crate) fn wait_for_200(&mut self, stream: u32) {
        while let Some(frame) = self.next() {
            if (frame.kind, frame.stream) == (HEADERS, stream) {
                // `:status: 200` is entry 8 of the static table (RFC 7541 appendix A).
                assert_eq!(frame.payload[0], 0x88, "{frame:?}");
                return;
            }
        }
        panic!("the connection ended without a response");
    }

    /// Reads until `stream` is completed or reset, or the connection ends; returns its bytes, and whether it was completed.
    #[track_caller]
    pub(crate) fn read_stream(&mut self, stream: u32) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        while let Some(frame) = self.next() {
            if frame.stream != stream {
                continue;
            }
            if frame.kind == RST_STREAM {
                break;
            }
            let is_complete = frame.ends_its_stream();
            if frame.kind == DATA {
                body.extend(frame.payload);
            }
            if is_complete {
                return (body, true);
            }
        }
        (body, false)
    }

    /// Reads to the end of the connection; returns the bytes of `stream`, and whether it was completed.
    #[track_caller]
    pub(crate) fn read_to_end(&mut self, stream: u32) -> (Vec<u8>, bool) {
        let (mut body, mut is_complete) = (Vec::new(), false);
        while let Some(frame) = self.next() {
            if frame.stream == stream {
                is_complete |= frame.ends_its_stream();
                if frame.kind == DATA {
                    body.extend(frame.payload);
                }
            }
        }
        (body, is_complete)
    }
}

/// The bytes of one frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    let mut frame = vec![len[1], len[2], len[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Header fields as literals without an index (RFC 7541 section 6.2.2).
pub(crate) fn header_block(method: &str, path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [(":method", method), (":scheme", "http"), (":path", path), (":authority", "test")] {
        block.push(0);
        for text in [name, value] {
            let len = u8::try_from(text.len()).ok().filter(|len| *len < 127).expect("a short text");
            block.push(len);
            block.extend(text.as_bytes());
        }
    }
    block
}
