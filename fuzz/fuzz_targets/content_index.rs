//! Content indexes: whatever the bytes, each line that is used prints as it was read, and reads back as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wamedia::store::read_lines;

fuzz_target!(|bytes: &[u8]| {
    let (lines, fault) = read_lines(bytes).expect("bytes in memory are readable");
    let count = lines.len() + fault.as_ref().map_or(0, |fault| fault.count);
    assert!(count <= bytes.iter().filter(|byte| **byte == b'\n').count() + 1);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    assert_eq!(read_lines(text.as_bytes()).expect("readable"), (lines, None));
});
