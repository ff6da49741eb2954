//! wamedia hosts media for WhatsApp link sends.

pub mod asset;
pub mod cli;
pub mod config;
pub mod http;
pub mod server;
mod spelling;
pub mod store;
pub mod whatsapp;
