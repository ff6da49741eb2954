//! Images: details of each format, and truncated and malformed files.

use super::*;

fn jpeg(name: &str) -> Jpeg {
    match undamaged(&media(name)) {
        Format::Jpeg(jpeg) => jpeg,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn jpeg_frame_header_and_exif_orientation() {
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

/// `rgb.jpg` with these segments after its first marker (SOI).
fn with_segments(segments: &[u8]) -> Vec<u8> {
    let jpeg = media("rgb.jpg");
    [&jpeg[..2], segments, &jpeg[2..]].concat()
}

#[test]
fn the_jpeg_frame_header_is_found_after_large_segments() {
    // 2 MB of segments, which are skipped, with fill bytes between them.
    let large = [&[0xFF, 0xFF, 0xEF, 0xFF, 0xFF][..], &vec![0xFF; 0xFFFD]].concat().repeat(32);
    let orientation =
        b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0\0\0\0\0";
    let recognised = undamaged(&with_segments(&[&large[..], orientation].concat()));
    assert!(
        matches!(recognised, Format::Jpeg(Jpeg { width: 16, orientation: Some(8), .. })),
        "{recognised:?}"
    );
    let endless = recognise_bytes(&with_segments(&b"\xff\xef\0\x02".repeat(1000)));
    assert!(is_malformed(&endless, "segments"), "{endless:?}");
}

#[test]
fn an_invalid_exif_orientation_is_none() {
    for exif in [
        &b"II*\0\xff\xff\xff\xff"[..],
        b"II*\0\x08\0\0\0\xff\xff",
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0",
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x01\0\0\0\x06\0\0\0",
        b"XX*\0\x08\0\0\0",
        b"",
    ] {
        let length = u16::try_from(exif.len() + 8).unwrap().to_be_bytes();
        let recognised = undamaged(&with_segments(&[b"\xff\xe1", &length[..], b"Exif\0\0", exif].concat()));
        assert!(matches!(recognised, Format::Jpeg(Jpeg { orientation: None, .. })), "{recognised:?}");
    }
}

#[test]
fn a_truncated_jpeg_is_reported_and_one_with_trailing_data_is_not() {
    let whole = std::fs::read(folder("media-sample/campaign/banner.jpg")).unwrap();
    for cut in (0..whole.len()).step_by(997).filter(|cut| *cut > 3) {
        assert!(is_truncated(&recognise_bytes(&whole[..cut])), "{cut}: {:?}", recognise_bytes(&whole[..cut]));
    }
    // Cameras append data: a video, padding, another image.
    let film = std::fs::read(folder("media-sample/campaign/spot.mp4")).unwrap();
    for trailing in [&film[..], &vec![0; 70_000], &whole, b"\0"] {
        assert!(matches!(undamaged(&[&whole[..], trailing].concat()), Format::Jpeg(_)));
    }
    // Zeros in place of bytes that a copy did not write are not padding, however many they are.
    for (kept, zeros) in [(3000, 20_000), (whole.len() - 2, 100_000), (whole.len() / 2, 17_000)] {
        let recognised = recognise_bytes(&[&whole[..kept], &vec![0; zeros][..]].concat());
        assert!(is_truncated(&recognised), "{kept} and {zeros} zeros: {recognised:?}");
    }
    // If the header segments are truncated, the size is unknown.
    assert_eq!(recognise_bytes(&whole[..30]).format, Format::Unknown);
    assert!(is_malformed(&recognise_bytes(b"\xff\xd8\xff\xd9"), "before any image data"));
    assert!(is_malformed(&recognise_bytes(b"\xff\xd8\xff\xe0\0\x01"), "1 bytes long"));
}

#[test]
fn png_bit_depth_colour_type_and_animation() {
    let png = |bit_depth, colour, is_animated| {
        Format::Png(Png { width: 16, height: 12, bit_depth, colour, is_animated })
    };
    assert_eq!(undamaged(&media("rgb.png")), png(8, PngColour::Rgb, false));
    assert_eq!(undamaged(&media("rgb16.png")), png(16, PngColour::Rgb, false));
    assert_eq!(undamaged(&media("rgba.png")), png(8, PngColour::Rgba, false));
    assert_eq!(undamaged(&media("indexed.png")), png(8, PngColour::Indexed, false));
    assert_eq!(undamaged(&media("grey1.png")), png(1, PngColour::Greyscale, false));
    assert_eq!(undamaged(&media("moving.png")), png(8, PngColour::Rgb, true));
}

#[test]
fn truncated_and_malformed_pngs_are_reported() {
    let whole = media("rgb.png");
    for cut in 8..whole.len() {
        assert!(is_truncated(&recognise_bytes(&whole[..cut])), "{cut}");
    }
    assert!(matches!(undamaged(&[&whole[..], b"after it"].concat()), Format::Png(_)));
    let changed = |at: usize, byte| {
        let mut png = whole.clone();
        png[at] = byte;
        recognise_bytes(&png)
    };
    assert!(is_malformed(&changed(25, 5), "colour type 5"));
    assert!(is_malformed(&changed(24, 4), "4 bits"));
    assert!(is_malformed(&changed(16, 0x80), "pixels"));
    assert!(is_malformed(&changed(19, 0), "0×12"));
    assert!(is_malformed(&changed(12, b'X'), "IHDR"));
    // So few bytes cannot hold rows of 2^24 pixels and more.
    assert!(is_truncated(&changed(16, 1)));
    let empty = [&whole[..33], &whole[whole.len() - 12..]].concat();
    assert!(is_truncated(&recognise_bytes(&empty)), "{:?}", recognise_bytes(&empty));
    let apples = [&whole[..8], b"\0\0\0\x04CgBI\x50\0\x20\x02", &whole[8..]].concat();
    assert!(is_malformed(&recognise_bytes(&apples), "Apple"));
}

#[test]
fn webp_canvas_animation_and_alpha() {
    let webp = |is_animated, has_alpha| Format::WebP(WebP { width: 16, height: 12, is_animated, has_alpha });
    assert_eq!(undamaged(&media("lossy.webp")), webp(false, false));
    assert_eq!(undamaged(&media("lossless.webp")), webp(false, false));
    assert_eq!(undamaged(&media("alpha.webp")), webp(false, true));
    assert_eq!(undamaged(&media("moving.webp")), webp(true, false));
}

#[test]
fn truncated_and_malformed_webps_are_reported() {
    for name in ["lossy.webp", "lossless.webp", "alpha.webp", "moving.webp"] {
        let whole = media(name);
        for cut in 12..whole.len() {
            assert!(is_truncated(&recognise_bytes(&whole[..cut])), "{name}, {cut}");
        }
        assert!(matches!(undamaged(&[&whole[..], b"after it"].concat()), Format::WebP(_)));
    }
    let no_image = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x01\0\xff\x01\0";
    assert!(is_malformed(&recognise_bytes(no_image), "without an image"));
    assert!(is_malformed(&recognise_bytes(b"RIFF\x0c\0\0\0WEBPICCP\0\0\0\0"), "no image header"));
}

#[test]
fn a_gif_with_a_second_frame_is_animated() {
    let moving = media("moving.gif");
    assert_eq!(undamaged(&moving), Format::Gif { is_animated: true });
    // Without the loop extension, the second frame shows that it is animated.
    let at = moving.windows(11).position(|bytes| bytes == b"NETSCAPE2.0").unwrap() - 3;
    let once = [&moving[..at], &moving[at + 19..]].concat();
    assert_eq!(undamaged(&once), Format::Gif { is_animated: true });
    let still = media("still.gif");
    for cut in 6..still.len() {
        assert!(is_truncated(&recognise_bytes(&still[..cut])), "{cut}");
    }
}
