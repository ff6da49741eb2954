//! Documents: encryption, macros, missing parts and text encoding.

use super::{Subject, fix, format_types, rules};
use crate::check::format::{Compound, Format, Pdf, Text, TextEncoding, Zip};
use crate::check::{Finding, Fix};

pub(super) fn judge(subject: &Subject<'_>, format: &Format, findings: &mut Vec<Finding>) {
    match format {
        Format::Pdf(pdf) => judge_pdf(subject, pdf, findings),
        Format::Compound(Compound::Encrypted) => {
            let seen = "an Office Open XML document, encrypted with a password";
            let fix =
                "open it in Office and save it without a password, or send the password in another message";
            findings.push(Finding::new(&rules::OFFICE_ENCRYPTED, seen, fix));
        }
        Format::Zip(Zip::MacroEnabled) => {
            let fix = Fix::from(fix::office(subject, "pdf")).after("send it as PDF: ");
            findings.push(Finding::new(&rules::OFFICE_MACROS, "an Office document with macros", fix));
        }
        Format::Text(text) => findings.extend(judge_text(subject, text)),
        _ => {}
    }
}

fn judge_pdf(subject: &Subject<'_>, pdf: &Pdf, findings: &mut Vec<Finding>) {
    if pdf.is_encrypted {
        let fix = fix::decrypted_pdf(subject);
        findings.push(Finding::new(&rules::PDF_ENCRYPTED, "an encryption dictionary", fix));
    }
    if pdf.junk_before > 0 {
        let seen = format!("{} bytes before %PDF-", pdf.junk_before);
        findings.push(Finding::new(&rules::PDF_JUNK, seen, fix::pdf(subject)));
    }
    let is_reported = findings.iter().any(|finding| finding.rule.id == rules::DAMAGED_DOCUMENT.id);
    if !pdf.has_end && !is_reported {
        let seen = "no %%EOF at the end: the file may be truncated";
        findings.push(Finding::new(&rules::DAMAGED_DOCUMENT, seen, fix::broken_pdf(subject)));
    }
}

/// A text that is served as UTF-8, as every text is by default, but has another encoding.
fn judge_text(subject: &Subject<'_>, text: &Text) -> Option<Finding> {
    let media_type = subject.media_type?;
    let charset = media_type.as_str().to_ascii_lowercase();
    let says_another = charset.contains("charset=") && !charset.contains("utf-8");
    if says_another || !format_types::essence(media_type).starts_with("text/") {
        return None;
    }
    let (seen, from) = match text.encoding {
        TextEncoding::Ascii | TextEncoding::Utf8 => return None,
        TextEncoding::Utf16 => ("UTF-16", "UTF-16"),
        TextEncoding::Legacy => ("bytes that are not UTF-8, perhaps Windows-1252", "WINDOWS-1252"),
    };
    Some(Finding::new(&rules::TEXT_ENCODING, seen, fix::utf8(subject, from)))
}
