//! `wamedia check` on files and folders: output, JSON and exit codes.

mod bucket;
mod fixes;
mod url;
mod url_tls;
mod webhook;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use crate::support::{Folder, Outcome, Server, outcome, run, wamedia, without_settings};

/// The parts of a JPEG that recognition reads: its frame has 8 bits per sample and this many components.
fn jpeg(components: u8) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xc0, 0, 8 + 3 * components, 8, 0, 16, 0, 16, components];
    for component in 1..=components {
        bytes.extend([component, 0x11, 0]);
    }
    bytes.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0, 0xff, 0xd9]);
    bytes
}

fn lines(outcome: &Outcome) -> Vec<Value> {
    outcome.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect()
}

fn ids(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().map(|finding| finding["id"].as_str().expect("an id")).collect()
}

#[test]
fn the_exit_code_is_1_if_anything_is_refused() {
    let folder = Folder::new();
    folder
        .write("good.jpg", jpeg(3))
        .write("print.jpg", jpeg(4))
        .write("grey.jpg", jpeg(1))
        .write("empty.jpg", "");
    for (arguments, code) in [
        (&["check", "good.jpg"][..], 0),
        (&["check", "grey.jpg"], 0),
        (&["check", "print.jpg"], 1),
        (&["check", "empty.jpg"], 1),
        (&["check", "good.jpg", "print.jpg"], 1),
        (&["check", "--as", "video", "good.jpg"], 1),
        (&["check", "--as", "document", "good.jpg"], 0),
        (&["check", "nowhere.jpg"], 1),
        (&["check"], 2),
        (&["check", "--as", "picture", "good.jpg"], 2),
        (&["check", "good.jpg", "--config", "nowhere.toml"], 2),
    ] {
        let outcome = run(folder.path(), arguments);
        assert_eq!(outcome.code, Some(code), "{arguments:?}: {outcome:?}");
    }
}

#[test]
fn with_strict_doubtful_findings_fail_and_advice_does_not() {
    let folder = Folder::new();
    folder.write("good.jpg", jpeg(3)).write("grey.jpg", jpeg(1)).write("print.jpg", jpeg(4));
    let name = format!("{}.txt", "a".repeat(245));
    folder.write(&name, "a text\n");
    for (given, verdict, usual, strict) in [
        ("good.jpg", "fine", 0, 0),
        (name.as_str(), "advice", 0, 0),
        ("grey.jpg", "doubtful", 0, 1),
        ("print.jpg", "refused", 1, 1),
    ] {
        let default = run(folder.path(), &["check", given]);
        let strictly = run(folder.path(), &["check", "--strict", given]);
        assert_eq!((default.code, strictly.code), (Some(usual), Some(strict)), "{strictly:?}");
        assert!(default.stdout.starts_with(verdict), "{default:?}");
        assert_eq!(default.stdout, strictly.stdout, "--strict changes only the exit code");
    }
    // A doubtful finding takes precedence over an asset that could not be read, as a refused one does; --webhook has no --strict.
    symlink("nowhere", folder.at("broken.jpg")).expect("a link");
    for (arguments, code) in [
        (&["check", "grey.jpg", "broken.jpg"][..], 3),
        (&["check", "--strict", "grey.jpg", "broken.jpg"], 1),
        (&["check", "--strict", "good.jpg", "broken.jpg"], 3),
        (&["check", "--strict", "--webhook", "-"], 2),
    ] {
        let outcome = run(folder.path(), arguments);
        assert_eq!(outcome.code, Some(code), "{arguments:?}: {outcome:?}");
    }
}

#[test]
fn a_file_is_reported_with_all_details_and_a_folder_with_findings_only() {
    let folder = Folder::new();
    folder.write("m/good.jpg", jpeg(3)).write("m/sub/print.jpg", jpeg(4)).write("m/.hidden.jpg", "");
    let one = run(folder.path(), &["check", "m/good.jpg"]);
    assert_eq!(one.stdout, "fine m/good.jpg: JPEG as image, image/jpeg, 34 bytes\n");
    let tree = run(folder.path(), &["check", "m"]);
    assert!(tree.stdout.starts_with("refused m/sub/print.jpg: JPEG (CMYK) as image"), "{tree:?}");
    assert!(tree.stdout.contains("refused[image-cmyk]") && !tree.stdout.contains("good.jpg"), "{tree:?}");
    assert!(tree.stdout.ends_with("2 checked: 1 refused, 1 fine; 1 skipped, since not served\n"), "{tree:?}");
    assert!(!tree.stdout.contains('\x1b'), "colour is for terminals");
}

#[test]
fn json_has_a_line_per_file_and_the_summary_last() {
    let folder = Folder::new();
    folder.write("m/b.jpg", jpeg(4)).write("m/a.jpg", jpeg(3));
    let outcome = run(folder.path(), &["check", "--format", "json", "m"]);
    let lines = lines(&outcome);
    let names = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let [a, b, summary] = &lines[..] else { panic!("{outcome:?}") };
    let expected =
        ["asset", "verdict", "kind", "media_type", "format", "size", "caching", "details", "findings"];
    assert_eq!(names(a), expected);
    assert_eq!((&a["asset"], &a["verdict"]), (&"m/a.jpg".into(), &"fine".into()));
    assert_eq!(
        (&b["asset"], &b["verdict"], ids(b)),
        (&"m/b.jpg".into(), &"refused".into(), vec!["image-cmyk"])
    );
    let expected = ["id", "severity", "title", "seen", "source", "evidence", "code", "webhook", "fix"];
    assert_eq!(names(&b["findings"][0]), expected);
    let counts = &summary["summary"];
    assert_eq!((&counts["checked"], &counts["refused"], &counts["fine"]), (&2.into(), &1.into(), &1.into()));
}

#[test]
fn the_format_of_the_bytes_is_reported_whatever_the_extension() {
    let folder = Folder::new();
    let media =
        |name: &str| fs::read(format!("{}/tests/media/{name}", env!("CARGO_MANIFEST_DIR"))).expect(name);
    let page = "<!DOCTYPE html>\n<html><head><title>403</title></head><body>Forbidden</body></html>\n";
    let letter = media("letter.doc");
    for (name, bytes, format, expected, code) in [
        ("menu.txt", page.into(), "HTML page", &["page-as-text"][..], 0),
        ("list.csv", page.into(), "HTML page", &["type-not-listed", "page-as-text"], 0),
        ("a.txt", r#"{"message":"Forbidden"}"#.into(), "JSON with an error", &["page-as-text"], 0),
        ("b.txt", r#"{"soup":4}"#.into(), "JSON", &[], 0),
        ("c.txt", "<html> is how a page begins\n".into(), "text (ASCII)", &[], 0),
        ("a.mp4", media("audio.webm"), "WebM", &["bytes-disagree"], 1),
        ("a.ogg", media("audio.webm"), "WebM", &["bytes-disagree"], 1),
        ("a.webm", media("audio.webm"), "WebM", &["type-not-taken"], 1),
        ("b.webm", media("other.webm"), "WebM", &["type-not-taken"], 1),
        ("a.doc", letter[..letter.len() - 100].into(), "Word document (doc)", &["damaged-document"], 0),
        ("b.doc", letter.clone(), "Word document (doc)", &[], 0),
    ] {
        folder.write(name, bytes);
        let outcome = run(folder.path(), &["check", "--format", "json", name]);
        let report = &lines(&outcome)[0];
        assert_eq!((&report["format"], &ids(report)[..]), (&format.into(), expected), "{name}: {outcome:?}");
        assert_eq!(outcome.code, Some(code), "{name}: {outcome:?}");
    }
    let file = run(folder.path(), &["check", "--as", "document", "a.webm"]);
    assert_eq!(file.code, Some(0), "{file:?}");
}

#[test]
fn named_files_and_folders_are_reported_in_the_given_order() {
    let folder = Folder::new();
    folder.write("b.jpg", jpeg(4)).write("a.jpg", jpeg(3)).write("m/c.jpg", jpeg(3));
    let given = ["b.jpg", "a.jpg", "m", "nowhere.jpg", "a.jpg"];
    let outcome = run(folder.path(), &[&["check", "--format", "json"], &given[..]].concat());
    let lines = lines(&outcome);
    let assets: Vec<_> = lines.iter().filter_map(|line| line["asset"].as_str()).collect();
    assert_eq!(assets, ["b.jpg", "a.jpg", "m/c.jpg", "nowhere.jpg", "a.jpg"], "{outcome:?}");
    assert_eq!(lines.last().expect("a summary")["summary"]["checked"], 4, "{outcome:?}");
}

#[test]
fn malformed_urls_get_a_hint() {
    let folder = Folder::new();
    for (given, part) in [
        ("www.example.com/a.jpg", "put https:// before it"),
        ("ftp://x.example/a.jpg", "begins with http:// or https://"),
        (" https://x.example/a.jpg", "begins with http:// or https://"),
    ] {
        let outcome = run(folder.path(), &["check", given]);
        assert!(outcome.code == Some(1) && outcome.stderr.contains(part), "{given}: {outcome:?}");
    }
}

#[test]
fn json_contains_no_control_characters() {
    let folder = Folder::new();
    let name = "a\u{9b}31m\u{202e}\u{7f}.jpg";
    folder.write(name, jpeg(3));
    let outcome = run(folder.path(), &["check", "--format", "json", name]);
    assert!(outcome.stdout.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')), "{outcome:?}");
    assert_eq!(lines(&outcome)[0]["asset"], name);
}

#[test]
fn control_characters_in_names_are_escaped_in_text() {
    let folder = Folder::new();
    let names = [&b"a\x1b[31m.jpg"[..], b"new\nline.jpg", b"\xff.jpg", "\u{202e}gpj.exe.jpg".as_bytes()];
    for name in names {
        fs::write(folder.path().join(std::ffi::OsStr::from_bytes(name)), jpeg(3)).expect("a file");
    }
    let text = run(folder.path(), &["check", "."]);
    assert!(text.stdout.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')), "{text:?}");
    assert_eq!(text.stdout.matches("refused[name-not-served]").count(), 3, "{text:?}");
    assert_eq!(text.code, Some(1));
}

#[test]
fn fifos_and_broken_links_do_not_block() {
    let folder = Folder::new();
    folder.write("m/good.jpg", jpeg(3));
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.at("m/fifo.jpg"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .expect("a FIFO");
    symlink("nowhere", folder.at("m/broken.jpg")).expect("a link");
    symlink(".", folder.at("m/circle")).expect("a link");
    let tree = run(folder.path(), &["check", "m"]);
    assert_eq!(tree.stdout, "1 checked: 1 fine; 3 skipped, since not served\n", "{tree:?}");
    assert_eq!(tree.code, Some(0));
    assert_eq!(run(folder.path(), &["check", "m/fifo.jpg"]).code, Some(3));
    assert_eq!(run(folder.path(), &["check", "m/broken.jpg"]).code, Some(3));
}

/// The user `nobody`. Root can read everything, whatever the permissions.
const NOBODY: u32 = 65534;

#[test]
fn unreadable_files_are_reported_and_counted() {
    let folder = Folder::new();
    folder.write("m/good.jpg", jpeg(3)).write("m/locked/x.jpg", jpeg(3)).write("m/secret.jpg", jpeg(3));
    let permit = |name: &str, mode| {
        fs::set_permissions(folder.at(name), fs::Permissions::from_mode(mode)).expect("permissions");
    };
    permit("m/locked", 0o0);
    permit("m/secret.jpg", 0o0);
    let mut command = wamedia();
    if rustix::process::geteuid().is_root() {
        // Other users may have no access to the build folder, so the binary is copied here. A separate program copies it, because a
        // file that this process had open for writing could not be executed while another test starts a program (ETXTBSY).
        let copied = Command::new("cp").arg(command.get_program()).arg(folder.at("wamedia")).status();
        assert!(copied.is_ok_and(|status| status.success()), "cp copies the binary");
        for name in ["", "m", "wamedia"] {
            permit(name, 0o755);
        }
        permit("m/good.jpg", 0o644);
        command = without_settings(Command::new(folder.at("wamedia")));
        command.uid(NOBODY).gid(NOBODY);
    }
    let outcome = outcome(command.current_dir(folder.path()).args(["check", "m"]));
    permit("m/locked", 0o700);
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    assert!(outcome.stdout.ends_with("2 could not be checked\n"), "{outcome:?}");
    assert!(outcome.stdout.starts_with("1 checked: 1 fine"), "{outcome:?}");
}

#[test]
fn in_a_mount_the_cache_policy_is_reported_for_file_and_url_paths() {
    let folder = Folder::new();
    folder.write("media/campaign/a.jpg", jpeg(3)).write(
        "wamedia.toml",
        "[[mount]]\npath = \"/shop\"\nstore = \"media\"\n[[cache.rule]]\nmatch = \"shop/campaign/**\"\n\
         cache_control = \"max-age=60\"\n",
    );
    for path in ["media/campaign/a.jpg", "shop/campaign/a.jpg", "/shop/campaign/a.jpg"] {
        let outcome = run(folder.path(), &["check", "--format", "json", path]);
        assert_eq!(lines(&outcome)[0]["caching"]["policy"], "max-age=60", "{path}: {outcome:?}");
    }
    let tree = run(folder.path(), &["check", "--format", "json", "shop/campaign"]);
    assert_eq!(lines(&tree).len(), 2, "{tree:?}");
    assert_eq!(run(folder.path(), &["check", "shop/nothing.jpg"]).code, Some(1));
}

#[test]
fn a_date_that_a_build_tool_gave_to_all_files_is_reported() {
    let folder = Folder::new();
    let constant = UNIX_EPOCH + Duration::from_mins(8_319_375);
    let check = || run(folder.path(), &["check", "--format", "json", "."]);
    for number in 0..6_u8 {
        let name = format!("{number}.jpg");
        folder.write(&name, jpeg(3)).set_mtime(&name, constant);
    }
    folder.write("wamedia.toml", "[[mount]]\nstore = \".\"\nlast_modified = \"mtime\"\n");
    // Equal files may have equal dates.
    assert_eq!(lines(&check()).len(), 7);
    folder.write("5.jpg", [jpeg(3), vec![0]].concat()).set_mtime("5.jpg", constant);
    folder.write("now.jpg", jpeg(3));
    let outcome = check();
    let reports = lines(&outcome);
    let report = &reports[7];
    assert_eq!(reports[8]["summary"]["checked"], 7, "the folder is no asset: {outcome:?}");
    assert_eq!((ids(report), &report["verdict"]), (vec!["shared-date"], &"advice".into()), "{outcome:?}");
    assert_eq!(report["findings"][0]["seen"], "Sat, 26 Oct 1985 08:15:00 GMT, 6 of 7 files");
    assert_eq!(run(folder.path(), &["check", "--strict", "."]).code, Some(0), "advice");
    let is_warning = |line: &String| line.contains("6 of 8 files in ");
    let serve =
        || Server::spawn(wamedia().current_dir(folder.path()).args(["serve", "--listen", "127.0.0.1:0"]));
    assert!(serve().end().iter().any(is_warning));
    // Dates that follow the content are not the files'.
    folder.write("wamedia.toml", "[[mount]]\nstore = \".\"\n");
    assert_eq!(lines(&check()).len(), 8);
    assert!(!serve().end().iter().any(is_warning));
}

#[test]
fn ten_thousand_files_are_reported_in_order() {
    let folder = Folder::new();
    for number in 0..10_000 {
        let name = format!("m/{:02}/{number:05}.jpg", number / 100);
        folder.write(&name, if number % 1000 == 7 { jpeg(4) } else { jpeg(3) });
    }
    let listed = folder.at("listed");
    let mut command = wamedia();
    command.current_dir(folder.path()).args(["check", "--format", "json", "m"]);
    let outcome = crate::support::outcome_to(fs::File::create(&listed).expect("a file"), &mut command);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let text = fs::read_to_string(&listed).expect("what was listed");
    let assets: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let names: Vec<_> = assets.iter().filter_map(|report| report["asset"].as_str()).collect();
    assert!(names.len() == 10_000 && names.is_sorted(), "{} names", names.len());
    assert_eq!(assets.last().expect("a summary")["summary"]["refused"], 10);
    let text = outcome_of_text(&folder);
    assert_eq!(text.stdout.matches("refused[image-cmyk]").count(), 10);
}

fn outcome_of_text(folder: &Folder) -> Outcome {
    outcome(wamedia().current_dir(folder.path()).args(["check", "m"]))
}

#[test]
fn the_manual_lists_every_rule() {
    let page = include_str!("../../../docs/check.md");
    for rule in wamedia::check::rules::all() {
        let row = format!("| `{}` | {} | {} |", rule.id, rule.severity.name(), rule.title);
        assert!(page.contains(&row), "docs/check.md has no row {row}");
    }
}
