//! Video.

use super::audio::{codec, is_aac};
use super::{Subject, fix, format_types, rules};
use crate::check::Finding;
use crate::check::format::{Format, MovieHead, Mp4, Track, TrackDetail, TrackKind};

/// The profiles of H.264 that phones decode, by `profile_idc`.
const BASELINE: u8 = 66;
const MAIN: u8 = 77;
const HIGH: u8 = 100;

pub(super) fn judge(subject: &Subject<'_>, format: &Format, findings: &mut Vec<Finding>) {
    let Format::Mp4(mp4) = format else { return };
    let tracks = |kind| mp4.tracks.iter().filter(move |track| track.kind == kind);
    findings.extend(brand(subject, mp4));
    // That there is no head is told as damage, and what is in it is not known.
    if mp4.head != MovieHead::Missing && tracks(TrackKind::Video).next().is_none() {
        let (seen, fix) = if format_types::is_audio_only(mp4) {
            ("sound only", format!("send it as audio: {}", fix::m4a(subject.input)))
        } else {
            ("no track that shows or plays anything", "export it again".to_owned())
        };
        findings.push(Finding::new(&rules::NO_VIDEO, seen, fix));
        return;
    }
    findings.extend(tracks(TrackKind::Video).find_map(|track| picture(subject, track)));
    if tracks(TrackKind::Audio).count() > 1 {
        let seen = format!("{} audio tracks", tracks(TrackKind::Audio).count());
        findings.push(Finding::new(&rules::VIDEO_AUDIO_TRACKS, seen, fix::remux(subject.input)));
    }
    if let Some(track) = tracks(TrackKind::Audio).find(|track| !is_aac(track)) {
        findings.push(Finding::new(&rules::VIDEO_AUDIO_CODEC, codec(track), fix::aac_sound(subject.input)));
    }
    findings.extend(layout(subject, mp4));
    mend_at_once(subject, findings);
}

/// Gives all that is wrong with the streams the one command that mends all of it: the next would begin from the same file.
fn mend_at_once(subject: &Subject<'_>, findings: &mut [Finding]) {
    let has = |rules: &[&str]| findings.iter().any(|finding| rules.contains(&finding.rule.id));
    let command = if has(&[rules::VIDEO_CODEC.id, rules::VIDEO_PROFILE.id, rules::VIDEO_B_FRAMES.id]) {
        fix::mp4(subject.input)
    } else if has(&[rules::VIDEO_AUDIO_CODEC.id]) {
        fix::aac_sound(subject.input)
    } else {
        return;
    };
    let remux = fix::remux(subject.input);
    let aac_sound = fix::aac_sound(subject.input);
    for finding in findings.iter_mut().filter(|finding| finding.fix == remux || finding.fix == aac_sound) {
        finding.fix.clone_from(&command);
    }
}

fn brand(subject: &Subject<'_>, mp4: &Mp4) -> Option<Finding> {
    // One that is nothing else disagrees with its type, which is told already.
    (mp4.brand.as_deref() == Some("qt  ") && !format_types::is_quicktime(mp4)).then(|| {
        let seen = format!("the brand `qt`, with {} behind it", mp4.compatible.join(", "));
        Finding::new(&rules::VIDEO_BRAND, seen, fix::remux(subject.input))
    })
}

/// What is wrong with a video track; one thing, since one command mends them all.
fn picture(subject: &Subject<'_>, track: &Track) -> Option<Finding> {
    let fix = || fix::mp4(subject.input);
    match track.detail {
        TrackDetail::Avc { profile: HIGH, has_reordering: Some(true), .. } => {
            Some(Finding::new(&rules::VIDEO_B_FRAMES, "High profile with B-frames", fix()))
        }
        TrackDetail::Avc { profile: HIGH, has_reordering: None, .. } => {
            let seen = "High profile, which mostly has B-frames; here it cannot be told";
            Some(Finding::new(&rules::VIDEO_B_FRAMES, seen, fix()))
        }
        TrackDetail::Avc { profile: BASELINE | MAIN | HIGH, .. } => None,
        TrackDetail::Avc { profile, .. } => {
            Some(Finding::new(&rules::VIDEO_PROFILE, profile_name(profile), fix()))
        }
        _ => Some(Finding::new(&rules::VIDEO_CODEC, codec(track), fix())),
    }
}

fn profile_name(profile: u8) -> String {
    match profile {
        88 => "Extended profile".to_owned(),
        110 => "High 10 profile: 10 bits a sample".to_owned(),
        122 => "High 4:2:2 profile".to_owned(),
        244 | 44 => "High 4:4:4 profile".to_owned(),
        other => format!("profile {other}"),
    }
}

fn layout(subject: &Subject<'_>, mp4: &Mp4) -> Option<Finding> {
    if mp4.is_fragmented {
        let seen = "fragments (moof), where players on phones expect one movie";
        return Some(Finding::new(&rules::VIDEO_FRAGMENTED, seen, fix::remux(subject.input)));
    }
    (mp4.head == MovieHead::Last).then(|| {
        let seen = "moov behind mdat, so nothing plays before all of it has come";
        Finding::new(&rules::VIDEO_HEAD_LAST, seen, fix::remux(subject.input))
    })
}
