//! wamedia hosts media for WhatsApp link sends.
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
pub mod cli;
pub mod config;
pub mod http;
pub mod server;
mod spelling;
pub mod store;
pub mod whatsapp;
