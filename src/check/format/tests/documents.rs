//! Documents: PDF, zip files and compound files, whole, truncated and malformed.

use super::*;

#[test]
fn pdf_version_and_encryption() {
    for (name, version, is_encrypted) in [
        ("plain.pdf", "1.7", false),
        ("linear.pdf", "1.7", false),
        ("streams.pdf", "1.7", false),
        ("encrypted.pdf", "1.7", true),
        ("encrypted-streams.pdf", "1.7", true),
        ("encrypted-linear.pdf", "1.7", true),
        ("encrypted-linear-table.pdf", "1.7", true),
    ] {
        let pdf = Pdf { version: version.into(), junk_before: 0, is_encrypted, has_end: true };
        assert_eq!(undamaged(&media(name)), Format::Pdf(pdf.clone()), "{name}");
        // After other bytes, its offsets count from the PDF header.
        let prefixed = [b"\r\n<b>Warning</b>: headers already sent\n", &media(name)[..]].concat();
        assert_eq!(undamaged(&prefixed), Format::Pdf(Pdf { junk_before: 39, ..pdf.clone() }), "{name}");
        let cut = media(name);
        let cut = &cut[..cut.len() - 10];
        assert!(matches!(undamaged(cut), Format::Pdf(Pdf { has_end: false, .. })), "{name}");
    }
}

#[test]
fn the_pdf_trailer_is_found_after_a_long_table() {
    for (key, is_encrypted) in
        [("/Encrypt 9 0 R", true), ("/Encrypt<<>>", true), ("/EncryptMetadata true", false)]
    {
        let body = "%PDF-1.4\n1 0 obj\n<< /Note (/Encrypt 1 0 R) >>\nendobj\n";
        let table =
            format!("xref\n0 1\n0000000000 65535 f \n3 9000\n{}", "0000000010 00000 n \n".repeat(9_000));
        let trailer = format!("trailer\n<< /Size 9003 {key} >>\nstartxref\n{}\n%%EOF\n", body.len());
        let recognised = undamaged(format!("{body}{table}{trailer}").as_bytes());
        assert!(
            matches!(&recognised, Format::Pdf(pdf) if pdf.is_encrypted == is_encrypted),
            "{key}: {recognised:?}"
        );
    }
    // If startxref does not lead to the trailer, it is searched for at the end.
    let lost = b"%PDF-1.4\ntrailer << /Encrypt 3 0 R >>\nstartxref\n99999\n%%EOF";
    assert!(matches!(undamaged(lost), Format::Pdf(Pdf { is_encrypted: true, .. })));
    assert!(matches!(undamaged(b"A text that speaks of %PDF-1.4"), Format::Text(_)));
}

/// A zip file of empty files with these names, preceded by `before`, which its offsets do not count.
fn zip(before: &[u8], names: &[&str]) -> Vec<u8> {
    let (mut files, mut directory) = (Vec::new(), Vec::new());
    for name in names {
        let place = u32::try_from(files.len()).unwrap().to_le_bytes();
        let length = u16::try_from(name.len()).unwrap().to_le_bytes();
        files.extend([&b"PK\x03\x04"[..], &[0; 22], &length, &[0; 2], name.as_bytes()].concat());
        directory.extend([&b"PK\x01\x02"[..], &[0; 24], &length, &[0; 12], &place, name.as_bytes()].concat());
    }
    let count = u16::try_from(names.len()).unwrap().to_le_bytes();
    let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
    let offset = u32::try_from(files.len()).unwrap().to_le_bytes();
    let end = [&b"PK\x05\x06"[..], &[0; 4], &count, &count, &size, &offset, &[0; 2]].concat();
    [before, &files, &directory, &end].concat()
}

#[test]
fn a_zip_file_is_recognised_by_its_names() {
    const TYPES: &str = "[Content_Types].xml";
    for (names, kind) in [
        (&[TYPES, "_rels/.rels", "word/document.xml"][..], Zip::Docx),
        (&[TYPES, "xl/workbook.xml"], Zip::Xlsx),
        (&["ppt/slides/slide1.xml", TYPES, "ppt/embeddings/book.xlsx"], Zip::Pptx),
        (&[TYPES, "xl/workbook.xml", "xl/vbaProject.bin"], Zip::MacroEnabled),
        (&[TYPES, "xl/workbook.bin"], Zip::OtherOffice),
        (&[TYPES, "visio/document.xml"], Zip::OtherOffice),
        (&["word/document.xml"], Zip::Plain),
        (&["META-INF/manifest.xml", "content.xml"], Zip::OpenDocument),
        (&["META-INF/container.xml", "book.opf"], Zip::Epub),
        (&["AndroidManifest.xml", "META-INF/MANIFEST.MF", "classes.dex"], Zip::Apk),
        (&["META-INF/MANIFEST.MF", "a/B.class"], Zip::Jar),
        (&["a.txt", "b.txt"], Zip::Plain),
        (&[], Zip::Plain),
    ] {
        let whole = zip(b"", names);
        assert_eq!(undamaged(&whole), Format::Zip(kind), "{names:?}");
        let comment = [&whole[..whole.len() - 2], &[0xE8, 0x03], &[b'c'; 1000]].concat();
        assert_eq!(undamaged(&comment), Format::Zip(kind), "{names:?}, with a comment");
        if !names.is_empty() {
            let cut = recognise_bytes(&whole[..whole.len() - 1]);
            assert!(is_truncated(&cut) && cut.format == Format::Zip(kind), "{names:?}: {cut:?}");
        }
    }
    assert_eq!(undamaged(&zip(b"PK00", &["a.txt"])), Format::Zip(Zip::Plain));
}

#[test]
fn a_large_zip_directory_is_read_up_to_the_limit() {
    let pictures: Vec<String> = (0..1_500).map(|number| format!("word/media/image{number}.png")).collect();
    let mut names: Vec<&str> = pictures.iter().map(String::as_str).collect();
    names.push("[Content_Types].xml");
    assert_eq!(undamaged(&zip(b"", &names)), Format::Zip(Zip::Docx));
}

#[test]
fn a_zip64_file_is_read() {
    let mut whole = zip(b"", &["[Content_Types].xml", "xl/workbook.xml"]);
    let end = whole.split_off(whole.len() - 22);
    let number =
        |at: usize, count| end[at..at + count].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let (entries, size, offset) = (number(10, 2), number(12, 4), number(16, 4));
    let place = whole.len() as u64;
    whole.extend([&b"PK\x06\x06"[..], &[0; 28], &entries.to_le_bytes()[..]].concat()[..32].to_vec());
    whole.extend([entries, size, offset].into_iter().flat_map(u64::to_le_bytes));
    whole.extend([&b"PK\x06\x07"[..], &[0; 4], &place.to_le_bytes(), &[1, 0, 0, 0]].concat());
    whole.extend([&b"PK\x05\x06"[..], &[0; 4], &[0xFF; 12], &[0; 2]].concat());
    assert_eq!(undamaged(&whole), Format::Zip(Zip::Xlsx));
}

#[test]
fn a_zip_file_with_a_wrong_end_record_is_malformed() {
    let whole = zip(b"", &["a.txt", "b.txt"]);
    let end = whole.len() - 22;
    for (at, byte) in [(10, 9), (12, 1), (16, 0xFF)] {
        let mut lying = whole.clone();
        lying[end + at] = byte;
        // A wrong offset is corrected by the size, as with bytes before the zip file.
        let recognised = recognise_bytes(&lying);
        assert!(
            recognised.damage.is_empty() || is_malformed(&recognised, "directory"),
            "{at}: {recognised:?}"
        );
    }
    let mut lost = whole.clone();
    lost[end + 12..end + 20].fill(0xFE);
    assert!(is_malformed(&recognise_bytes(&lost), "directory is not where"));
}

/// A compound file whose root has these streams, each the right sibling of the one before.
fn compound(names: &[&str]) -> Vec<u8> {
    let mut file = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    file.resize(512, 0);
    file[30] = 9;
    file[44] = 1; // one sector of allocation table, which is sector 0
    file[48] = 1; // the directory begins in sector 1
    file[68..76].copy_from_slice(b"\xfe\xff\xff\xff\0\0\0\0");
    file[76..80].fill(0);
    file[80..512].fill(0xFF);
    let sectors = (names.len() + 1).div_ceil(4);
    let mut table = vec![0xFFFF_FFFD_u32];
    table.extend((1..sectors).map(|sector| u32::try_from(sector).unwrap() + 1));
    table.push(0xFFFF_FFFE);
    table.resize(128, u32::MAX);
    file.extend(table.into_iter().flat_map(u32::to_le_bytes));
    for (index, name) in ["Root Entry"].iter().chain(names).enumerate() {
        let next = if index < names.len() { u32::try_from(index).unwrap() + 1 } else { u32::MAX };
        let mut entry: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let length = u8::try_from(entry.len()).unwrap() + 2;
        entry.resize(128, 0);
        (entry[64], entry[66]) = (length, if index == 0 { 5 } else { 2 });
        entry[68..80].fill(0xFF);
        let at = if index == 0 { 76 } else { 72 };
        entry[at..at + 4].copy_from_slice(&next.to_le_bytes());
        file.extend(entry);
    }
    file.resize(1024 + sectors * 512, 0);
    file
}

#[test]
fn a_compound_file_is_recognised_by_its_streams() {
    for (names, kind) in [
        (&["\u{1}CompObj", "1Table", "WordDocument"][..], Compound::Doc),
        (&["Workbook"], Compound::Xls),
        (&["a", "b", "c", "d", "e", "Book"], Compound::Xls),
        (&["PowerPoint Document"], Compound::Ppt),
        (&["EncryptionInfo", "EncryptedPackage"], Compound::Encrypted),
        (&["__nameid_version1.0"], Compound::Msg),
        (&["Something"], Compound::Other),
        (&[], Compound::Other),
    ] {
        let whole = compound(names);
        assert_eq!(undamaged(&whole), Format::Compound(kind), "{names:?}");
        let cut = recognise_bytes(&whole[..whole.len() - 512]);
        assert!(is_truncated(&cut), "{names:?}: {cut:?}");
    }
    for name in ["letter.doc", "table.xls"] {
        let whole = media(name);
        for cut in (8..whole.len()).step_by(256).chain([whole.len() - 511, whole.len() - 1]) {
            assert!(
                is_truncated(&recognise_bytes(&whole[..cut])),
                "{name}, {cut}: {:?}",
                recognise_bytes(&whole[..cut])
            );
        }
    }
}

#[test]
fn only_the_unused_rest_of_the_last_sector_may_be_missing() {
    // The stream of 4,196 bytes uses the nine sectors from the third on, and 100 bytes of the last.
    let with_stream = |entry: usize, kind: u8| {
        let mut file = compound(&["WordDocument"]);
        for sector in 2_u32..=10 {
            let next = if sector == 10 { 0xFFFF_FFFE } else { sector + 1 };
            let at = 512 + 4 * sector as usize;
            file[at..at + 4].copy_from_slice(&next.to_le_bytes());
        }
        let entry = &mut file[1024 + entry * 128..][..128];
        entry[66] = kind;
        entry[116..120].copy_from_slice(&2_u32.to_le_bytes());
        entry[120..124].copy_from_slice(&4196_u32.to_le_bytes());
        file.resize(512 * 12, 7);
        file
    };
    for (entry, kind) in [(0, 5), (1, 2)] {
        let whole = with_stream(entry, kind);
        let used = 512 * 11 + 100;
        for length in [512 * 12, 512 * 12 + 300, used] {
            let mut file = whole.clone();
            file.resize(length, 0);
            assert!(matches!(undamaged(&file), Format::Compound(_)), "{entry}, {length}");
        }
        for length in [512 * 12 - 1, used + 1, used - 1, 512 * 11 + 1, 512 * 11] {
            assert!(is_truncated(&recognise_bytes(&whole[..length])), "{entry}, {length}");
        }
    }
    // A short stream is in the mini stream, whatever its sector number seems to say.
    let mut short = with_stream(1, 2);
    short[1024 + 128 + 116..][..8].copy_from_slice(&[10, 0, 0, 0, 100, 0, 0, 0]);
    assert!(is_truncated(&recognise_bytes(&short[..512 * 11 + 100])));
}

#[test]
fn cyclic_chains_and_trees_end() {
    let mut chain = compound(&["a", "b", "c", "d", "e"]);
    chain[512 + 8] = 1; // the second sector of the directory is followed by its first
    assert!(matches!(recognise_bytes(&chain).format, Format::Compound(Compound::Other)));
    let mut tree = compound(&["a", "Workbook"]);
    tree[1024 + 2 * 128 + 68] = 0; // the last entry has the root beside it
    tree[1024 + 2 * 128 + 69..1024 + 2 * 128 + 72].fill(0);
    assert!(matches!(recognise_bytes(&tree).format, Format::Compound(Compound::Xls)));
    let mut odd = compound(&["a"]);
    odd[30] = 40;
    assert!(is_malformed(&recognise_bytes(&odd), "2^40"));
}

/// A file of 40 MB whose FAT is listed in a chain of DIFAT sectors, with this many directory sectors.
fn large_compound(directory: u32) -> Vec<u8> {
    const SECTORS: u32 = 80_000;
    const TABLES: u32 = SECTORS / 128;
    let mut file = compound(&["WordDocument"]);
    file.resize(512 * (1 + SECTORS as usize), 0);
    let put = |file: &mut Vec<u8>, sector: u32, place: u32, number: u32| {
        let at = 512 * (1 + sector as usize) + 4 * place as usize;
        file[at..at + 4].copy_from_slice(&number.to_le_bytes());
    };
    // The directory comes last; FAT and DIFAT sectors come before it.
    let first = SECTORS - directory;
    let tables = 1000;
    let lists = 5000_u32;
    file[44..48].copy_from_slice(&TABLES.to_le_bytes());
    file[48..52].copy_from_slice(&first.to_le_bytes());
    file[68..72].copy_from_slice(&lists.to_le_bytes());
    for index in 0..TABLES {
        let number = tables + index;
        if index < 109 {
            let at = 76 + 4 * index as usize;
            file[at..at + 4].copy_from_slice(&number.to_le_bytes());
        } else {
            let (list, place) = ((index - 109) / 127, (index - 109) % 127);
            put(&mut file, lists + list, place, number);
            put(&mut file, lists + list, 127, lists + list + 1);
        }
        for place in 0..128 {
            put(&mut file, number, place, 0xFFFF_FFFE);
        }
    }
    for sector in first..SECTORS - 1 {
        put(&mut file, tables + sector / 128, sector % 128, sector + 1);
    }
    // The root and its stream.
    let entries = file[1024..1024 + 512].to_vec();
    let at = 512 * (1 + first as usize);
    file[at..at + 512].copy_from_slice(&entries);
    file
}

#[test]
fn a_large_compound_file_with_a_long_directory_is_recognised_within_the_limit() {
    for directory in [1, 100, 200] {
        assert_eq!(
            recognise_bytes(&large_compound(directory)).format,
            Format::Compound(Compound::Doc),
            "{directory}"
        );
    }
}
