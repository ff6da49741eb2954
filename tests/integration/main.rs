//! The real binary over real sockets, one file a subject.

mod one_etag_one_body;
mod support;
