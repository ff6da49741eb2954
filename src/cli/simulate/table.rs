//! Tables with aligned columns, and time spans, as text.

use std::fmt::Write as _;
use std::time::Duration;

/// Writes rows in aligned columns: the first `left` columns to the left, the others to the right.
pub(super) fn table(text: &mut String, rows: &[Vec<String>], left: usize) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns)
        .map(|column| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let gap = if column == 0 { "" } else { "  " };
            let _ = if column < left {
                write!(line, "{gap}{cell:<width$}")
            } else {
                write!(line, "{gap}{cell:>width$}")
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// A time span in the syntax of the options: `2h 30m`.
pub(super) fn span(span: Duration) -> String {
    humantime::format_duration(span).to_string()
}
