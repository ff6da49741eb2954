//! Audio and voice messages: codecs, channels and AAC profiles.

use super::audio_codec::{LC_AND_HE_AAC, codec, is_aac};
use super::{Subject, fix, format_types, rules};
use crate::check::format::{Amr, Format, MoovPosition, Mp4, Ogg, OggCodec, Track, TrackDetail, TrackKind};
use crate::check::{Finding, Fix};
use crate::whatsapp::media_errors::{processed_as, unsupported};
use crate::whatsapp::{Kind, VOICE_INSTANT_PLAY_LIMIT};

pub(super) fn judge(subject: &Subject<'_>, format: &Format, findings: &mut Vec<Finding>) {
    match format {
        Format::Ogg(ogg) => judge_ogg(subject, format, ogg, findings),
        Format::Amr(amr) => findings.extend(judge_amr(subject, format, amr)),
        Format::Mp3(mp3) if mp3.layer != 3 => {
            let seen = format!("MPEG audio Layer {}; MP3 is Layer 3", mp3.layer);
            findings.push(Finding::new(&rules::MP3_LAYER, seen, fix::mp3(subject)));
        }
        Format::Adts(adts) if !LC_AND_HE_AAC.contains(&adts.object_type) => {
            let seen = format!("audio object type {}; AAC-LC is 2", adts.object_type);
            findings.push(Finding::new(&rules::AAC_PROFILE, seen, fix::m4a(subject)));
        }
        Format::Mp4(mp4) => judge_mp4(subject, mp4, findings),
        _ => {}
    }
}

fn judge_ogg(subject: &Subject<'_>, format: &Format, ogg: &Ogg, findings: &mut Vec<Finding>) {
    if ogg.codec != OggCodec::Opus {
        let seen = format!("{:?} in Ogg", ogg.codec);
        let finding = Finding::new(&rules::OGG_NOT_OPUS, seen, fix::opus(subject, format));
        findings.push(Finding { webhook: unsupported(Kind::Audio, "audio/ogg"), ..finding });
        return;
    }
    if ogg.streams > 1 {
        let seen = format!("{} streams, of which players play only the first", ogg.streams);
        findings.push(Finding::new(&rules::OGG_STREAMS, seen, fix::opus(subject, format)));
    }
    if let Some(channels @ 2..) = ogg.channels {
        let seen = format!("{channels} channels");
        findings.push(Finding::new(&rules::OGG_NOT_MONO, seen, fix::opus(subject, format)));
    }
    if subject.size > VOICE_INSTANT_PLAY_LIMIT {
        let seen = format!("{} bytes; up to 512 KB plays immediately", subject.size);
        findings.push(Finding::new(&rules::VOICE_SIZE, seen, fix::voice(subject)));
    }
}

fn judge_amr(subject: &Subject<'_>, format: &Format, amr: &Amr) -> Option<Finding> {
    let seen = match amr {
        Amr { is_wideband: true, channels: 1 } => "AMR-WB".to_owned(),
        Amr { is_wideband: true, channels } => format!("AMR-WB with {channels} channels"),
        Amr { is_wideband: false, channels: 1 } => return None,
        Amr { is_wideband: false, channels } => format!("{channels} channels"),
    };
    Some(Finding::new(&rules::AMR_VARIANT, seen, fix::opus(subject, format)))
}

fn judge_mp4(subject: &Subject<'_>, mp4: &Mp4, findings: &mut Vec<Finding>) {
    let is = |kind: TrackKind| move |track: &&Track| track.kind == kind;
    if let Some(track) = mp4.tracks.iter().find(is(TrackKind::Video)) {
        let seen = format!("a video track ({})", track.codec);
        let fix = Fix::from(fix::m4a(subject)).after("send it as video, or extract the audio track: ");
        findings.push(Finding::new(&rules::M4A_VIDEO, seen, fix));
    }
    let audio = mp4.tracks.iter().filter(is(TrackKind::Audio));
    if let Some(finding) = audio.clone().find_map(|track| not_aac(subject, track)) {
        findings.push(finding);
    } else if let Some(finding) = audio.clone().find_map(|track| unsupported_aac_profile(subject, track)) {
        findings.push(finding);
    }
    if audio.clone().count() > 1 {
        let seen = format!("{} audio tracks, of which players play one", audio.count());
        findings.push(Finding::new(&rules::M4A_TRACKS, seen, fix::remux_audio(subject, mp4)));
    }
    if let Some(brand) = format_types::only_compatible_with_mp4(mp4) {
        findings.push(Finding::new(&rules::M4A_BRAND, brand, fix::remux_audio(subject, mp4)));
    }
    findings.extend(box_order(subject, mp4));
    share_command(subject, findings);
}

/// Fragments, or `moov` after `mdat`. Meta's servers accept such files as video and take such audio for any bytes.
fn box_order(subject: &Subject<'_>, mp4: &Mp4) -> Option<Finding> {
    let (rule, seen) = if mp4.is_fragmented {
        (&rules::M4A_FRAGMENTED, "moof boxes, as browsers record them, instead of one moov with all samples")
    } else if mp4.moov == MoovPosition::Last {
        (&rules::M4A_HEAD_LAST, "moov is after mdat")
    } else {
        return None;
    };
    let declared = subject.media_type.map_or_else(|| "audio/mp4".to_owned(), format_types::essence);
    let webhook = processed_as(Kind::Audio, &declared, "application/octet-stream");
    Some(Finding { webhook, ..Finding::new(rule, seen, fix::remux_audio(subject, mp4)) })
}

/// Gives all findings the command that encodes the audio again, if one of them has it: that one fixes the container, too.
fn share_command(subject: &Subject<'_>, findings: &mut [Finding]) {
    let encode = fix::m4a(subject);
    if findings.iter().any(|finding| finding.recipe.as_ref() == Some(&encode)) {
        let is_remux = |finding: &&mut Finding| {
            [&rules::M4A_TRACKS, &rules::M4A_BRAND, &rules::M4A_FRAGMENTED, &rules::M4A_HEAD_LAST]
                .contains(&finding.rule)
        };
        findings.iter_mut().filter(is_remux).for_each(|finding| finding.set_fix(encode.clone().into()));
    }
}

fn not_aac(subject: &Subject<'_>, track: &Track) -> Option<Finding> {
    (!is_aac(track)).then(|| Finding::new(&rules::M4A_CODEC, codec(track), fix::m4a(subject)))
}

fn unsupported_aac_profile(subject: &Subject<'_>, track: &Track) -> Option<Finding> {
    match track.detail {
        TrackDetail::Mpeg4Audio { aac: Some(aac), .. } if !LC_AND_HE_AAC.contains(&aac) => {
            let seen = format!("audio object type {aac}; AAC-LC is 2");
            Some(Finding::new(&rules::AAC_PROFILE, seen, fix::m4a(subject)))
        }
        _ => None,
    }
}
