//! wamedia hosts media for WhatsApp link sends, and writes the messages that send them.
//!
//! The message for an image that is hosted somewhere, held against WhatsApp's rules before anybody sends it:
//!
//! ```
//! use wamedia::message::{Dialect, Image, Message, BuildError};
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
//! What WhatsApp would refuse is not built; [`BuildError`](message::BuildError) says where and why.
//!
//! This page is the map. A request's way through the program is one line: bytes come in at [`server`], their path
//! becomes an [`asset::AssetPath`], [`store`] opens what it names, [`http`] decides what of it is asked for and renders
//! the head of the response, and [`server`] sends it.
//!
//! Each room knows only the rooms below it in this list:
//!
//! | room | subject |
//! | --- | --- |
//! | [`cli`] | one file a command; the only code that prints |
//! | [`server`] | sockets to requests to responses |
//! | [`message`] | message payloads: what they say in each dialect, and what is wrong with them |
//! | [`check`] | files and URLs held against WhatsApp's rules |
//! | [`store`] | where bytes live, and what is known of them |
//! | [`config`] | what the operator wrote, made into settings that hold |
//! | [`http`] | RFC 9110 as functions |
//! | [`whatsapp`] | what WhatsApp documents, as data |
//! | [`asset`] | what an asset is |
//!
//! Two kinds of threads do the work. Each *serving core* has a runtime and a listener of its own and only parses,
//! decides and writes; one *background* runtime does what is not one client's: hashing, waiting for disks, asking buckets,
//! writing logs.

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
