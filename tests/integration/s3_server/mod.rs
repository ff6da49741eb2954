//! An S3 server in memory, in the process of the test: this is its interface for tests. [`objects`] responds as S3 does,
//! [`front`] records requests and injects faults, [`faults`] defines them. It has one bucket, supports HTTP/1.1 with
//! path-style addresses, and verifies signatures.

mod faults;
mod front;
mod objects;
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use bytes::Bytes;
use s3s::service::S3ServiceBuilder;
use socket2::{Domain, Socket, Type};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use self::faults::Rule;
use self::front::Front;
use self::objects::{Bucket, Keyring};
use crate::support::eventually;

pub(crate) use self::faults::{FOREVER, Fault, Gate, any, gets_of, heads_of, of};
pub(crate) use self::front::Seen;

pub(crate) const BUCKET: &str = "media";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const ACCESS_KEY: &str = "AKIDTEST";
pub(crate) const OTHER_ACCESS_KEY: &str = "AKIDNEXT";
/// Of object and list.
pub(crate) const SECRET: &str = "SECRETTEST1234567890";

/// The metadata of an object.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meta {
    pub(crate) content_type: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_encoding: Option<String>,
    /// `x-amz-meta-…`, without that prefix.
    pub(crate) user: Vec<(String, String)>,
    /// Another modification time than that of the put, in whole seconds.
    pub(crate) modified: Option<SystemTime>,
    /// Another entity tag than the MD5 of the bytes, without quotes, such as that of a multipart upload.
    pub(crate) etag: Option<String>,
}

impl Meta {
    pub(crate) fn typed(content_type: &str) -> Self {
        Self { content_type: Some(content_type.to_owned()), ..Self::default() }
    }
}

/// A running server, stopped on drop.
pub(crate) struct S3Server {
    address: SocketAddr,
    bucket: Bucket,
    front: Arc<Front>,
    runtime: Handle,
    accepting: Mutex<AbortHandle>,
    /// Bound and never listening: it reserves the port while the server is down.
    _port: Socket,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl S3Server {
    /// Serves an empty bucket on a free port.
    pub(crate) fn start() -> Self {
        let bucket = Bucket::default();
        let mut service = S3ServiceBuilder::new(bucket.clone());
        service.set_auth(Keyring);
        let front = Front::new(service.build());
        let port = bound((Ipv4Addr::LOCALHOST, 0).into());
        let address = port.local_addr().ok().and_then(|address| address.as_socket()).expect("an address");
        // All on one thread: bytes of a waiting body have been flushed when other tasks run.
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            // An error means that the server has been dropped.
            let _ = runtime.block_on(stopped);
        });
        let accepting = Mutex::new(listen(&handle, &front, address));
        Self {
            address,
            bucket,
            front,
            runtime: handle,
            accepting,
            _port: port,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The environment variables that lead a client to this server.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ]
    }

    /// Puts an object, and returns its entity tag, with quotes.
    pub(crate) fn put(&self, key: &str, bytes: impl Into<Bytes>, meta: Meta) -> String {
        format!("\"{}\"", self.bucket.put(key.to_owned(), bytes.into(), meta))
    }

    /// Removes an object. Returns whether there was one.
    pub(crate) fn remove(&self, key: &str) -> bool {
        self.bucket.remove(key)
    }

    /// All requests so far, successful or not.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.front.seen()
    }

    /// The number of requests so far that match.
    pub(crate) fn count(&self, is_meant: impl Fn(&Seen) -> bool) -> usize {
        self.requests().iter().filter(|seen| is_meant(seen)).count()
    }

    pub(crate) fn gets(&self, key: &str) -> usize {
        self.count(gets_of(key))
    }

    pub(crate) fn heads(&self, key: &str) -> usize {
        self.count(heads_of(key))
    }

    /// GET requests without a condition.
    pub(crate) fn unconditional_gets(&self, key: &str) -> usize {
        let of_key = gets_of(key);
        self.count(|seen| of_key(seen) && seen.if_match.is_none() && seen.if_none_match.is_none())
    }

    /// Clears the recorded requests.
    pub(crate) fn clear(&self) {
        self.front.forget_seen();
    }

    /// Applies all of `faults` to each of the next so many matching requests; [`FOREVER`] lasts until [`heal`](Self::heal). If
    /// several rules match a request, the first that is not used up applies.
    pub(crate) fn fault(
        &self,
        is_for: impl Fn(&Seen) -> bool + Send + 'static,
        faults: impl Into<Vec<Fault>>,
        times: usize,
    ) {
        self.front.add(Rule { is_for: Box::new(is_for), faults: faults.into(), left: times });
    }

    /// Ends all faults. Gates remain.
    pub(crate) fn heal(&self) {
        self.front.heal();
    }

    /// Holds matching requests, which are recorded, before the bucket is read for them. Their faults are chosen when they
    /// arrive, and applied when they are released.
    pub(crate) fn hold(&self, is_for: impl Fn(&Seen) -> bool + Send + 'static) -> Gate {
        self.held(is_for, None)
    }

    /// Holds the responses to matching requests when the head and so many bytes of the body are sent.
    pub(crate) fn hold_after(&self, bytes: u64, is_for: impl Fn(&Seen) -> bool + Send + 'static) -> Gate {
        self.held(is_for, Some(bytes))
    }

    fn held(&self, is_for: impl Fn(&Seen) -> bool + Send + 'static, after: Option<u64>) -> Gate {
        let (gate, passage) = Gate::new();
        self.front.hold(Box::new(is_for), after, passage);
        gate
    }

    /// Refuses connections, and resets all open ones.
    pub(crate) fn go_down(&self) {
        let accepting = self.accepting.lock().expect("not poisoned");
        accepting.abort();
        eventually("it does not listen", || accepting.is_finished().then_some(()));
        self.front.reset_all();
    }

    /// Listens again, at the same address.
    pub(crate) fn come_back(&self) {
        let mut accepting = self.accepting.lock().expect("not poisoned");
        assert!(accepting.is_finished(), "it is not down");
        *accepting = listen(&self.runtime, &self.front, self.address);
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A socket that shares its address with others of this server.
fn bound(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_reuse_address(true).expect("an option");
    socket.set_reuse_port(true).expect("an option");
    socket.bind(&address.into()).expect("an address");
    socket
}

fn listen(runtime: &Handle, front: &Arc<Front>, address: SocketAddr) -> AbortHandle {
    let socket = bound(address);
    socket.set_nonblocking(true).expect("a mode");
    socket.listen(1024).expect("it listens");
    runtime.spawn(Arc::clone(front).accept(socket.into())).abort_handle()
}
