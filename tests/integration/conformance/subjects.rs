//! Each kind of store with a server: the binary, or its parts if the store is in this process.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;

use object_store::path::Path;
use object_store::{Attribute, Attributes, ObjectStore, ObjectStoreExt, PutOptions};
use tokio::runtime::{Builder, Runtime};
use wamedia::config::{self, Flags};
use wamedia::server::{InheritedSockets, LogWriter};
use wamedia::store::Stores;

use super::aged_store::AgedStore;
use super::keepers::{Environment, Keeper};
use super::{Beside, Manner, Subject, Tag, configuration};
use crate::s3_server::BUCKET;
use crate::support::{Folder, Server, wamedia};

/// Files in a folder.
pub(super) struct BackendFolder {
    folder: Folder,
    server: Server,
}

impl BackendFolder {
    pub(super) fn start(fresh: &str) -> Self {
        let folder = Folder::new();
        fs::create_dir(folder.at("media")).expect("a folder");
        let server = Server::configured(&folder, &configuration("media", fresh));
        Self { folder, server }
    }
}

impl Subject for BackendFolder {
    fn address(&self) -> SocketAddr {
        self.server.address
    }

    fn manner(&self) -> Manner {
        Manner { tag: Tag::Sha256, keeps: false, untyped: "application/octet-stream" }
    }

    fn put(&self, path: &str, bytes: &[u8], _: Beside<'_>) {
        // As deployments should: written to another name, and renamed.
        self.folder.write("new", bytes);
        let path = self.folder.at("media").join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::rename(self.folder.at("new"), path).expect("a rename");
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.folder.at("media").join(path)).expect("a file");
    }
}

/// Objects in this process, and the server too.
pub(super) struct InMemory {
    store: Arc<object_store::memory::InMemory>,
    server: Option<wamedia::server::Server>,
    address: SocketAddr,
    runtime: Runtime,
}

impl InMemory {
    pub(super) fn start(fresh: &str) -> Self {
        let folder = Folder::new();
        folder.write("wamedia.toml", configuration("s3://memory/some/prefix", fresh));
        let (listen, access_log) = (vec!["127.0.0.1:0".to_owned()], Some("off".to_owned()));
        let flags = Flags { listen, access_log, ..Flags::default() };
        let settings = config::load(&flags, std::iter::empty(), folder.path()).expect("settings");
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let store = Arc::new(object_store::memory::InMemory::new());
        let aged = Arc::new(AgedStore(Arc::clone(&store)));
        let stores = Stores::over(aged, &settings, runtime.handle());
        let log = LogWriter::start(&config::AccessLog::Off).expect("a thread");
        let server =
            wamedia::server::Server::start(&settings, stores, log, None, &InheritedSockets::default())
                .expect("a server");
        Self { store, address: server.addresses()[0], server: Some(server), runtime }
    }

    fn key(path: &str) -> Path {
        Path::parse(format!("some/prefix/{path}")).expect("a key")
    }
}

impl Subject for InMemory {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn manner(&self) -> Manner {
        Manner { tag: Tag::Opaque, keeps: true, untyped: "application/octet-stream" }
    }

    fn put(&self, path: &str, bytes: &[u8], beside: Beside<'_>) {
        let mut attributes = Attributes::new();
        let named =
            [(Attribute::ContentType, beside.content_type), (Attribute::CacheControl, beside.cache_control)];
        for (attribute, value) in named {
            if let Some(value) = value {
                attributes.insert(attribute, value.to_owned().into());
            }
        }
        let options = PutOptions { attributes, ..PutOptions::default() };
        let key = Self::key(path);
        let put = self.store.put_opts(&key, bytes.to_vec().into(), options);
        self.runtime.block_on(put).expect("it is stored");
    }

    fn remove(&self, path: &str) {
        self.runtime.block_on(self.store.delete(&Self::key(path))).expect("it exists");
    }
}

impl Drop for InMemory {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.drain(std::future::ready(())));
        }
    }
}

/// Objects in a bucket of another server.
pub(super) struct OfBucket<K> {
    keeper: K,
    prefix: String,
    manner: Manner,
    server: Server,
    _folder: Folder,
}

impl<K: Keeper> OfBucket<K> {
    pub(super) fn start(
        scheme: &str,
        environment: Environment,
        keeper: K,
        manner: Manner,
        fresh: &str,
    ) -> Self {
        // A prefix of its own, so that a store that keeps running can be used again.
        let prefix = format!("conformance/{:016x}", RandomState::new().hash_one(0_u8));
        let folder = Folder::new();
        folder.write("wamedia.toml", configuration(&format!("{scheme}://{BUCKET}/{prefix}"), fresh));
        let mut command = wamedia();
        // Credentials of the person who runs the tests must not interfere.
        command.env_clear().envs(environment).current_dir(folder.path());
        let server = Server::spawn(command.args(["serve", "--listen", "127.0.0.1:0"]));
        Self { keeper, prefix, manner, server, _folder: folder }
    }

    fn key(&self, path: &str) -> String {
        format!("{}/{path}", self.prefix)
    }
}

impl<K: Keeper> Subject for OfBucket<K> {
    fn address(&self) -> SocketAddr {
        self.server.address
    }

    fn manner(&self) -> Manner {
        self.manner
    }

    fn put(&self, path: &str, bytes: &[u8], beside: Beside<'_>) {
        self.keeper.put(&self.key(path), bytes, beside);
    }

    fn remove(&self, path: &str) {
        self.keeper.remove(&self.key(path));
    }
}

/// The environment for the backend of this name, from `tests/backends/run`.
#[track_caller]
pub(super) fn environment(backend: &str) -> Environment {
    let name = format!("WAMEDIA_TEST_{}", backend.to_ascii_uppercase());
    let Ok(text) = std::env::var(&name) else {
        panic!(
            "{name} is not set, so there is no {backend} to test with; run it as `tests/backends/run {backend} -- cargo \
             test --test integration conformance::{backend} -- --ignored`"
        );
    };
    let environment: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let variables = environment.as_object().expect("an object of variables").iter();
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    variables.map(|(name, value)| (name.clone(), text(value))).collect::<BTreeMap<_, _>>()
}
