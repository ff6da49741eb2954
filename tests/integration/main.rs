//! The real binary over real sockets, one file a subject.

mod access_log;
mod command_line;
mod frames;
mod kernel;
mod leaving;
mod limits;
mod memory;
mod one_etag_one_body;
mod patience;
mod stopping;
mod support;
