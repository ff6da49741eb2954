//! ACME. Tests that need an authority are ignored by default:
//! `tests/backends/run pebble -- cargo test --test integration acme -- --ignored`

mod issuance;
mod offline;
mod outages;
mod pebble;
mod renewal;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;

use self::pebble::Pebble;
use crate::support::{Client, Folder, Server, wamedia};
use crate::tls::{Stream, shake};

const NAME: &str = "media.example.com";

/// A folder with `media` to serve, and `state`.
struct House {
    folder: Folder,
}

impl House {
    fn new() -> Self {
        let folder = Folder::new();
        folder.write("media/a.jpg", "a");
        Self { folder }
    }

    /// Serves on the ports that `pebble` validates, with these names and more under `[acme]`.
    fn serve(&self, pebble: &Pebble, names: &[&str], acme: &str) -> Server {
        let toml = format!(
            "listen = \"127.0.0.1:{}\"\nplain_listen = \"127.0.0.1:{}\"\nplain_serves = \"challenges\"\n\
             [acme]\ndomains = {names:?}\n{}{acme}\n",
            pebble.tls_port,
            pebble.http_port,
            pebble.toml()
        );
        self.serve_as(&toml)
    }

    /// Serves on other ports, with the same state.
    fn serve_aside(&self, pebble: &Pebble, names: &[&str]) -> Server {
        self.serve_as(&format!("listen = \"127.0.0.1:0\"\n[acme]\ndomains = {names:?}\n{}", pebble.toml()))
    }

    fn serve_as(&self, toml: &str) -> Server {
        self.write(toml);
        Server::spawn(wamedia().current_dir(self.folder.path()).arg("serve"))
    }

    /// Writes a configuration that ends within `[acme]`.
    fn write(&self, toml: &str) {
        self.folder.write("wamedia.toml", format!("{toml}state = \"state\"\n[[mount]]\nstore = \"media\"\n"));
    }

    /// The stored files, by name.
    fn kept(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let folders = fs::read_dir(self.folder.at("state")).expect("a folder");
        let files =
            folders.flat_map(|folder| fs::read_dir(folder.expect("an entry").path()).expect("a folder"));
        let mut kept: Vec<_> = files
            .map(|file| file.expect("an entry").path())
            .map(|path| (path.clone(), fs::read(path).expect("a file")))
            .collect();
        kept.sort();
        kept
    }

    fn account(&self) -> Vec<u8> {
        let mut kept = self.kept().into_iter();
        kept.find(|(path, _)| path.ends_with("account.json")).expect("an account").1
    }
}

/// Requests the asset over a connection of its own, and returns the server's certificate.
fn ask(server: &Server, client: &Arc<ClientConfig>, name: &str) -> io::Result<Vec<u8>> {
    let stream: Stream = shake(server.address, client, name)?;
    let shown = stream.conn.peer_certificates().expect("certificates")[0].to_vec();
    let response = Client::over(stream).request("GET", "/a.jpg", &[]);
    assert_eq!((response.status, response.text()), (200, "a"));
    Ok(shown)
}
