//! Video: codecs, H.264 profiles, tracks, brands and the position of `moov`.

use super::audio_codec::{codec, is_aac};
use super::{Subject, fix, format_types, rules};
use crate::check::format::{Format, MoovPosition, Mp4, Track, TrackDetail, TrackKind};
use crate::check::{Finding, Fix};

/// The H.264 profiles that phones decode, by `profile_idc`.
const BASELINE: u8 = 66;
const MAIN: u8 = 77;
const HIGH: u8 = 100;

pub(super) fn judge(subject: &Subject<'_>, format: &Format, findings: &mut Vec<Finding>) {
    let Format::Mp4(mp4) = format else { return };
    let tracks = |kind| mp4.tracks.iter().filter(move |track| track.kind == kind);
    findings.extend(brand(subject, mp4));
    // A missing `moov` is reported as damage; without it the tracks are unknown.
    if mp4.moov != MoovPosition::Missing && tracks(TrackKind::Video).next().is_none() {
        let (seen, fix) = if format_types::is_audio_only(mp4) {
            ("audio tracks only", Fix::from(fix::remux_audio(subject, mp4)).after("send it as audio: "))
        } else {
            ("no video or audio track", Fix::from("export it again"))
        };
        findings.push(Finding::new(&rules::NO_VIDEO, seen, fix));
        return;
    }
    findings.extend(tracks(TrackKind::Video).find_map(|track| codec_or_profile(subject, format, track)));
    if tracks(TrackKind::Audio).count() > 1 {
        let seen = format!("{} audio tracks", tracks(TrackKind::Audio).count());
        findings.push(Finding::new(&rules::VIDEO_AUDIO_TRACKS, seen, fix::remux(subject)));
    }
    if let Some(track) = tracks(TrackKind::Audio).find(|track| !is_aac(track)) {
        findings.push(Finding::new(&rules::VIDEO_AUDIO_CODEC, codec(track), fix::aac_audio(subject)));
    }
    findings.extend(box_order(subject, mp4));
    share_command(subject, format, findings);
}

/// Gives all findings about the streams one command that fixes them together: separate commands would each read the original file.
fn share_command(subject: &Subject<'_>, format: &Format, findings: &mut [Finding]) {
    let has = |rules: &[&str]| findings.iter().any(|finding| rules.contains(&finding.rule.id));
    let command = if has(&[rules::VIDEO_CODEC.id, rules::VIDEO_PROFILE.id, rules::VIDEO_B_FRAMES.id]) {
        fix::mp4(subject, format)
    } else if has(&[rules::VIDEO_AUDIO_CODEC.id]) {
        fix::aac_audio(subject)
    } else {
        return;
    };
    let others = [fix::remux(subject), fix::aac_audio(subject)];
    for finding in findings {
        if finding.recipe.as_ref().is_some_and(|recipe| others.contains(recipe)) {
            finding.set_fix(command.clone().into());
        }
    }
}

fn brand(subject: &Subject<'_>, mp4: &Mp4) -> Option<Finding> {
    let brand = format_types::only_compatible_with_mp4(mp4)?;
    Some(Finding::new(&rules::VIDEO_BRAND, brand, fix::remux(subject)))
}

/// The first problem of a video track's codec or profile; one command fixes them all.
fn codec_or_profile(subject: &Subject<'_>, format: &Format, track: &Track) -> Option<Finding> {
    let fix = || fix::mp4(subject, format);
    match track.detail {
        TrackDetail::Avc { profile: HIGH, has_reordering: Some(true), .. } => {
            Some(Finding::new(&rules::VIDEO_B_FRAMES, "High profile with B-frames", fix()))
        }
        TrackDetail::Avc { profile: HIGH, has_reordering: None, .. } => {
            let seen = "High profile, which usually has B-frames; this could not be determined";
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
        110 => "High 10 profile: 10 bits per sample".to_owned(),
        122 => "High 4:2:2 profile".to_owned(),
        244 | 44 => "High 4:4:4 profile".to_owned(),
        other => format!("profile {other}"),
    }
}

fn box_order(subject: &Subject<'_>, mp4: &Mp4) -> Option<Finding> {
    if mp4.is_fragmented {
        let seen = "moof boxes; players on phones expect one moov with all samples";
        return Some(Finding::new(&rules::VIDEO_FRAGMENTED, seen, fix::remux(subject)));
    }
    (mp4.moov == MoovPosition::Last).then(|| {
        let seen = "moov is after mdat, so playback starts only when the whole file has arrived";
        Finding::new(&rules::VIDEO_HEAD_LAST, seen, fix::remux(subject))
    })
}
