//! Images: the facts of each, and what is wrong with files that are cut or contradict themselves.

use super::*;

fn jpeg(name: &str) -> Jpeg {
    match sound(&media(name)) {
        Format::Jpeg(jpeg) => jpeg,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn a_jpeg_tells_its_process_its_colours_and_how_it_is_turned() {
    let rgb = Jpeg {
        width: 16,
        height: 12,
        precision: 8,
        components: 3,
        is_progressive: false,
        is_common_process: true,
        orientation: None,
    };
    assert_eq!(jpeg("rgb.jpg"), rgb);
    assert_eq!(jpeg("grey.jpg"), Jpeg { components: 1, ..rgb });
    assert_eq!(jpeg("cmyk.jpg"), Jpeg { components: 4, ..rgb });
    assert_eq!(jpeg("progressive.jpg"), Jpeg { is_progressive: true, ..rgb });
    assert_eq!(jpeg("arithmetic.jpg"), Jpeg { is_common_process: false, ..rgb });
    assert_eq!(jpeg("turned.jpg"), Jpeg { orientation: Some(6), ..rgb });
}

/// `rgb.jpg` with these segments behind its first marker.
fn with_segments(segments: &[u8]) -> Vec<u8> {
    let jpeg = media("rgb.jpg");
    [&jpeg[..2], segments, &jpeg[2..]].concat()
}

#[test]
fn a_jpegs_frame_header_is_found_behind_segments_of_any_size() {
    // 2 MB of them, of which as good as nothing is read; fill bytes between them.
    let large = [&[0xFF, 0xFF, 0xEF, 0xFF, 0xFF][..], &vec![0xFF; 0xFFFD]].concat().repeat(32);
    let orientation =
        b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0\0\0\0\0";
    let told = sound(&with_segments(&[&large[..], orientation].concat()));
    assert!(matches!(told, Format::Jpeg(Jpeg { width: 16, orientation: Some(8), .. })), "{told:?}");
    let endless = tell(&with_segments(&b"\xff\xef\0\x02".repeat(1000)));
    assert!(is_malformed(&endless, "segments"), "{endless:?}");
}

#[test]
fn an_orientation_that_makes_no_sense_is_none() {
    for exif in [
        &b"II*\0\xff\xff\xff\xff"[..],
        b"II*\0\x08\0\0\0\xff\xff",
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0",
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x01\0\0\0\x06\0\0\0",
        b"XX*\0\x08\0\0\0",
        b"",
    ] {
        let length = u16::try_from(exif.len() + 8).unwrap().to_be_bytes();
        let told = sound(&with_segments(&[b"\xff\xe1", &length[..], b"Exif\0\0", exif].concat()));
        assert!(matches!(told, Format::Jpeg(Jpeg { orientation: None, .. })), "{told:?}");
    }
}

#[test]
fn a_jpeg_that_is_cut_says_so_and_one_with_more_behind_it_is_whole() {
    let whole = std::fs::read(folder("media-sample/campaign/banner.jpg")).unwrap();
    for cut in (0..whole.len()).step_by(997).filter(|cut| *cut > 3) {
        assert!(is_cut(&tell(&whole[..cut])), "{cut}: {:?}", tell(&whole[..cut]));
    }
    // What cameras put behind an image: a film, padding, another image.
    let film = std::fs::read(folder("media-sample/campaign/spot.mp4")).unwrap();
    for behind in [&film[..], &vec![0; 70_000], &whole, b"\0"] {
        assert!(matches!(sound(&[&whole[..], behind].concat()), Format::Jpeg(_)));
    }
    // Zeros in place of what a copy left out, however many, are no padding.
    for (kept, zeros) in [(3000, 20_000), (whole.len() - 2, 100_000), (whole.len() / 2, 17_000)] {
        let told = tell(&[&whole[..kept], &vec![0; zeros][..]].concat());
        assert!(is_cut(&told), "{kept} and {zeros} zeros: {told:?}");
    }
    // Where its head is cut, no size is known.
    assert_eq!(tell(&whole[..30]).format, Format::Unknown);
    assert!(is_malformed(&tell(b"\xff\xd8\xff\xd9"), "before any image data"));
    assert!(is_malformed(&tell(b"\xff\xd8\xff\xe0\0\x01"), "1 bytes long"));
}

#[test]
fn a_png_tells_its_samples_and_whether_it_moves() {
    let png = |bit_depth, colour, is_animated| {
        Format::Png(Png { width: 16, height: 12, bit_depth, colour, is_animated })
    };
    assert_eq!(sound(&media("rgb.png")), png(8, PngColour::Rgb, false));
    assert_eq!(sound(&media("rgb16.png")), png(16, PngColour::Rgb, false));
    assert_eq!(sound(&media("rgba.png")), png(8, PngColour::Rgba, false));
    assert_eq!(sound(&media("indexed.png")), png(8, PngColour::Indexed, false));
    assert_eq!(sound(&media("grey1.png")), png(1, PngColour::Greyscale, false));
    assert_eq!(sound(&media("moving.png")), png(8, PngColour::Rgb, true));
}

#[test]
fn a_png_that_is_cut_or_contradicts_itself_says_so() {
    let whole = media("rgb.png");
    for cut in 8..whole.len() {
        assert!(is_cut(&tell(&whole[..cut])), "{cut}");
    }
    assert!(matches!(sound(&[&whole[..], b"behind it"].concat()), Format::Png(_)));
    let changed = |at: usize, byte| {
        let mut png = whole.clone();
        png[at] = byte;
        tell(&png)
    };
    assert!(is_malformed(&changed(25, 5), "colour type 5"));
    assert!(is_malformed(&changed(24, 4), "4 bits"));
    assert!(is_malformed(&changed(16, 0x80), "pixels"));
    assert!(is_malformed(&changed(19, 0), "0×12"));
    assert!(is_malformed(&changed(12, b'X'), "IHDR"));
    // 2^24 pixels and more in a row are more than so few bytes can hold.
    assert!(is_cut(&changed(16, 1)));
    let empty = [&whole[..33], &whole[whole.len() - 12..]].concat();
    assert!(is_cut(&tell(&empty)), "{:?}", tell(&empty));
    let apples = [&whole[..8], b"\0\0\0\x04CgBI\x50\0\x20\x02", &whole[8..]].concat();
    assert!(is_malformed(&tell(&apples), "Apple"));
}

#[test]
fn a_webp_tells_its_canvas_and_whether_it_moves() {
    let webp = |is_animated, has_alpha| Format::WebP(WebP { width: 16, height: 12, is_animated, has_alpha });
    assert_eq!(sound(&media("lossy.webp")), webp(false, false));
    assert_eq!(sound(&media("lossless.webp")), webp(false, false));
    assert_eq!(sound(&media("alpha.webp")), webp(false, true));
    assert_eq!(sound(&media("moving.webp")), webp(true, false));
}

#[test]
fn a_webp_that_is_cut_or_contradicts_itself_says_so() {
    for name in ["lossy.webp", "lossless.webp", "alpha.webp", "moving.webp"] {
        let whole = media(name);
        for cut in 12..whole.len() {
            assert!(is_cut(&tell(&whole[..cut])), "{name}, {cut}");
        }
        assert!(matches!(sound(&[&whole[..], b"behind it"].concat()), Format::WebP(_)));
    }
    let no_image = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x01\0\xff\x01\0";
    assert!(is_malformed(&tell(no_image), "without an image"));
    assert!(is_malformed(&tell(b"RIFF\x0c\0\0\0WEBPICCP\0\0\0\0"), "no image header"));
}

#[test]
fn a_gif_moves_where_it_has_a_second_frame() {
    let moving = media("moving.gif");
    assert_eq!(sound(&moving), Format::Gif { is_animated: true });
    // Without the extension that makes it loop, its second frame still tells.
    let at = moving.windows(11).position(|bytes| bytes == b"NETSCAPE2.0").unwrap() - 3;
    let once = [&moving[..at], &moving[at + 19..]].concat();
    assert_eq!(sound(&once), Format::Gif { is_animated: true });
    let still = media("still.gif");
    for cut in 6..still.len() {
        assert!(is_cut(&tell(&still[..cut])), "{cut}");
    }
}
