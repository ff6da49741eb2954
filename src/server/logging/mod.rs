//! Logs: the access log's lines, the thread that writes them, and the log file that follows its name.

pub(super) mod access;
mod file;
pub(super) mod writer;
