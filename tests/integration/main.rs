//! The real binary over real sockets, one file a subject.

mod access_log;
mod answers;
mod assets;
mod bucket;
mod command_line;
mod conditions;
mod conformance;
mod frames;
mod http2;
mod kernel;
mod leaving;
mod limits;
mod memory;
mod message;
mod one_etag_one_body;
mod opening;
mod patience;
mod payloads;
mod s3_server;
mod signing;
mod stopping;
mod support;
mod validate;
mod versions;
