//! wamedia hosts media for WhatsApp link sends, checks it, and writes the messages that send it.
//!
//! An image message, validated against WhatsApp's rules before it is sent:
//!
//! ```
//! use wamedia::message::{BuildError, Dialect, Image, Message};
//!
//! fn main() -> Result<(), BuildError> {
//!     let link = "https://media.example.com/campaign/banner.jpg?v=8c79de8fefe4402c";
//!     let banner = Image::link(link).caption("Today only");
//!     let payload = Message::new("+1 650 555 1234", banner).build(Dialect::Cloud)?;
//!     println!("{payload}"); // post this as JSON, with any HTTP client
//!     Ok(())
//! }
//! ```
//!
//! A message that WhatsApp would reject is not built; the [`BuildError`](message::BuildError) names the fields and the reasons.
//!
//! # Modules
//!
//! The path of a request is one line: [`server`] parses its head, its path becomes an [`asset::AssetPath`], [`store`] opens the
//! asset, [`http`] decides what to send and renders the head of the response, and [`server`] writes it.
//!
//! Each module imports only modules below it in this list:
//!
//! | module | subject |
//! | --- | --- |
//! | [`cli`] | the command line: one file a command; the only code that prints |
//! | [`server`] | HTTP server: listeners, TLS, ACME, connections, limits, logs, metrics, admin listener |
//! | [`simulate`] | plays WhatsApp's documented link caches over a schedule of sends and edits |
//! | [`check`] | checks files, bucket objects and URLs against WhatsApp's rules; explains failed sends |
//! | [`store`] | where assets live: folders, buckets, mounts, and the cache in memory |
//! | [`config`] | configuration: flags, environment and file, parsed into validated settings |
//! | [`message`] | message payloads: builders, dialects, validation (pure) |
//! | [`webhook`] | webhook bodies: errors and statuses in them (pure) |
//! | [`http`] | HTTP semantics (RFC 9110) as functions (pure) |
//! | [`whatsapp`] | WhatsApp's documented rules as data (pure) |
//! | [`asset`] | asset: path, digest, media type, cache policy, metadata (pure) |
//! | `https_client` | TLS client set-up for outgoing HTTPS |
//! | `small_file` | reads keys and certificates |
//! | `log_throttle` | throttles repeated log messages |
//! | `shell` | shell quoting |
//! | `escape` | terminal-safe text |
//! | `suggest` | "did you mean": the nearest known word |
//!
//! A pure module does no I/O, holds no lock and has no async code.
//!
//! # Threads
//!
//! Each *serving core* is a thread with its own runtime and listener, and only parses, decides and writes. One *background* runtime
//! does everything else: hashing, reads from disks and buckets, certificates, the admin listener, logs.

pub mod asset;
pub mod check;
pub mod cli;
pub mod config;
mod escape;
pub mod http;
mod https_client;
mod log_throttle;
pub mod message;
pub mod server;
mod shell;
pub mod simulate;
mod small_file;
pub mod store;
mod suggest;
pub mod webhook;
pub mod whatsapp;
