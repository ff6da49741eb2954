//! The real binary over real sockets, one file a subject.

mod memory;
mod one_etag_one_body;
mod support;
