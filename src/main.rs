//! The `wamedia` program.

fn main() {}
