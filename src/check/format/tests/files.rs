//! Sample files from real tools: expected formats, and a comparison with the `file_format` crate.

use super::*;
use crate::check::judge::listed_type;

/// Files of `tests/media` and `media-sample`: the name of each format, and the media type that WhatsApp lists for it.
const FILES: &[(&str, &str, Option<&str>)] = &[
    ("tests/media/rgb.jpg", "JPEG", Some("image/jpeg")),
    ("tests/media/progressive.jpg", "JPEG", Some("image/jpeg")),
    ("tests/media/arithmetic.jpg", "JPEG", Some("image/jpeg")),
    ("tests/media/cmyk.jpg", "JPEG (CMYK)", Some("image/jpeg")),
    ("tests/media/rgb.png", "PNG", Some("image/png")),
    ("tests/media/moving.png", "animated PNG", Some("image/png")),
    ("tests/media/moving.gif", "animated GIF", None),
    ("tests/media/still.gif", "GIF", None),
    ("tests/media/lossy.webp", "WebP", Some("image/webp")),
    ("tests/media/moving.webp", "animated WebP", Some("image/webp")),
    ("tests/media/still.heic", "HEIC", None),
    ("tests/media/still.avif", "AVIF", None),
    ("tests/media/rgb.bmp", "BMP", None),
    ("tests/media/rgb.tiff", "TIFF", None),
    ("tests/media/rgb.ico", "ICO", None),
    ("tests/media/rgb.psd", "PSD", None),
    ("tests/media/rgb.jp2", "JPEG 2000", None),
    ("tests/media/plain.pdf", "PDF", Some("application/pdf")),
    ("tests/media/encrypted.pdf", "PDF (encrypted)", Some("application/pdf")),
    ("tests/media/letter.doc", "Word document (doc)", Some("application/msword")),
    ("tests/media/letter.docx", "Word document (docx)", Some(DOCX)),
    ("tests/media/letter.rtf", "RTF", None),
    ("tests/media/table.xls", "Excel workbook (xls)", Some("application/vnd.ms-excel")),
    ("tests/media/table.xlsx", "Excel workbook (xlsx)", Some(XLSX)),
    ("tests/media/table.ods", "OpenDocument file", None),
    ("tests/media/macros.docm", "Office document with macros", None),
    ("tests/media/book.epub", "EPUB", None),
    ("tests/media/streamed.zip", "zip archive", None),
    ("tests/media/hi.gz", "gzip", None),
    ("tests/media/hi.7z", "7z", None),
    ("tests/media/latin1.txt", "text (an older encoding)", Some("text/plain")),
    ("tests/media/utf16.txt", "text (UTF-16)", Some("text/plain")),
    ("media-sample/campaign/banner.jpg", "JPEG", Some("image/jpeg")),
    ("media-sample/campaign/brochure.pptx", "PowerPoint presentation (pptx)", Some(PPTX)),
    ("media-sample/campaign/product.png", "PNG", Some("image/png")),
    ("media-sample/codes/login-code.png", "PNG", Some("image/png")),
    ("media-sample/personal/invoice-1001.pdf", "PDF", Some("application/pdf")),
    ("media-sample/prices/menu.docx", "Word document (docx)", Some(DOCX)),
    ("media-sample/prices/opening-hours.txt", "text (UTF-8)", Some("text/plain")),
    ("media-sample/prices/price-list.pdf", "PDF", Some("application/pdf")),
    ("media-sample/prices/price-list.xlsx", "Excel workbook (xlsx)", Some(XLSX)),
    ("media-sample/stickers/luna.webp", "WebP", Some("image/webp")),
    ("media-sample/stickers/steam.webp", "animated WebP", Some("image/webp")),
    ("media-sample/wamedia.toml", "text (ASCII)", Some("text/plain")),
    ("Cargo.lock", "text (ASCII)", Some("text/plain")),
];

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

#[test]
fn files_from_real_tools_are_recognised_without_damage() {
    for (file, name, media_type) in FILES {
        let bytes = std::fs::read(folder(file)).expect(file);
        let Recognised { format, damage } = recognise_bytes(&bytes);
        assert_eq!(
            (format.name().as_str(), listed_type(&format)),
            (*name, *media_type),
            "{file}: {format:?}"
        );
        assert_eq!(damage, [], "{file}");
    }
}

/// For every format with a listed media type except text, the `file_format` crate gives the same type.
#[test]
fn the_file_format_crate_agrees() {
    let folders = ["tests/media", "media-sample/campaign", "media-sample/codes", "media-sample/personal"];
    let files = folders.into_iter().chain(["media-sample/prices", "media-sample/stickers"]).map(folder);
    let (mut compared, mut differing) = (0, Vec::new());
    for file in files.flat_map(|folder| std::fs::read_dir(folder).unwrap()) {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let theirs = file_format::FileFormat::from_bytes(&bytes);
        // It does not distinguish text encodings, and names some texts by their content.
        let ours = recognise_bytes(&bytes).format;
        let Some(media_type) = listed_type(&ours).filter(|_| !matches!(ours, Format::Text(_))) else {
            continue;
        };
        let (ours, theirs) = (media_type.split(';').next().unwrap(), theirs.media_type());
        // It has a separate type for animated PNG, other names for audio types, and does not read past an ID3 tag.
        let same = match theirs {
            "image/apng" => "image/png",
            "audio/opus" => "audio/ogg",
            "audio/x-m4a" => "audio/mp4",
            "application/x-id3v2" => continue,
            theirs => theirs,
        };
        if ours != same {
            differing.push(format!("{}: {ours}, but file_format says {theirs}", path.display()));
        }
        compared += 1;
    }
    assert!(differing.is_empty(), "{differing:#?}");
    assert!(compared > 30, "{compared} files were compared");
}

#[test]
fn every_expected_type_is_listed_by_whatsapp() {
    for media_type in FILES.iter().filter_map(|(_, _, media_type)| *media_type) {
        let media_type = crate::asset::MediaType::parse(media_type).expect("a type");
        assert!(crate::whatsapp::kind_of(&media_type).is_some(), "{media_type}");
    }
}

/// Files that are sent by mistake, with a few bytes each.
#[test]
fn other_files_are_recognised_by_their_magic_bytes() {
    let mut program = b"MZ".to_vec();
    program.resize(60, 0);
    program.extend(*b"\x40\0\0\0PE\0\0");
    let mut archive = vec![b'a'; 257];
    archive.extend(*b"ustar\x0000");
    let files: &[(&[u8], &str)] = &[
        (b"", "empty file"),
        (b"\x7fELF\x02\x01\x01\0", "ELF program"),
        (&program, "Windows program"),
        (&archive, "tar"),
        (b"#!/bin/sh\necho hello\n", "script"),
        (b"#! /usr/bin/env python3\n", "script"),
        (b"SQLite format 3\0\x10\0", "SQLite"),
        (b"Rar!\x1a\x07\x01\0", "RAR"),
        (b"\0\x01\0\0\0\x10\x01\0\0\x04\0\0", "font"),
        (b"wOF2\0\x01\0\0", "font"),
        (b"\xca\xfe\xba\xbe\0\0\0\x34", "Java class or macOS program"),
        (b"%!PS-Adobe-3.0\n", "PostScript"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", "Git LFS pointer"),
        (b"MZ is how this text begins\n", "text (ASCII)"),
        (b"BM is how this text begins\n", "text (ASCII)"),
        (b"#! is how this text begins\n", "text (ASCII)"),
        (b"\0\x01\0\0\0\0\0\0", "an unknown format"),
        (b"\0\0\x01\0\x01\0\x10\x10\0\0\0\0\0\0\xff\xff\0\0\x16\0\0\0", "an unknown format"),
    ];
    for (bytes, name) in files {
        assert_eq!(undamaged(bytes).name(), *name, "{}", bytes.escape_ascii());
    }
}
