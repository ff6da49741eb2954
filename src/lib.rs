//! wamedia hosts media for WhatsApp link sends.

pub mod asset;
