//! Micro-benchmarks of the steps of every request: `cargo bench --bench per_request`.
//!
//! Counts instructions (under valgrind, if it is installed), because they are the same on a busy machine; the time beside
//! them is the minimum of several runs. `benches/compare` measures whole requests. With `-- --check`, compares the instructions with
//! those in `per_request.txt`, and fails if a step takes more than a twentieth more; `-- --write` writes that file.

use std::env;
use std::fs;
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use httpdate::HttpDate;
use hyper::header::{HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, RANGE};
use hyper::{Method, Uri};
use tokio::runtime::Runtime;
use wamedia::asset::{Asset, AssetPath, CachePolicy, Digest, EntityTag, MediaType};
use wamedia::config::{self, Flags};
use wamedia::http::{Decision, Link, ResponseHeaders, decide, link_of};
use wamedia::store::{Freshness, ReadIntent, StateAccess, Stores};

/// Calls of a step that are counted together.
const CALLS: u32 = 20_000;
const TRIES: u32 = 25;
/// The compiler's version, and under it each step with its instructions, for `--check`.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/per_request.txt");
/// How many times the kept instructions a step may take.
const ALLOWED: f64 = 1.05;
/// Instructions by which the figure of one build differs from run to run.
const NOISE: f64 = 3.0;

type Step = (&'static str, Box<dyn FnMut()>);

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--calls", name, calls] => call(name, calls.parse().expect("a number of calls")),
        ["--check", ..] => return check(),
        ["--write", ..] => write(),
        ["--bench", ..] => print_all(),
        // `cargo test --benches` runs every target without arguments.
        _ => steps().iter_mut().for_each(|(_, step)| step()),
    }
    ExitCode::SUCCESS
}

fn print_all() {
    println!("| step | instructions | ns |\n| --- | ---: | ---: |");
    for (name, mut step) in steps() {
        let time = (0..TRIES).map(|_| time(&mut step)).min().unwrap_or_default();
        let instructions =
            instructions_of_a_call(name).map_or("no valgrind".to_owned(), |count| format!("{count:.0}"));
        println!("| {name} | {instructions} | {:.0} |", time.as_secs_f64() * 1e9 / f64::from(CALLS));
    }
}

/// Compares with the kept figures. Another compiler gives other figures, which say nothing about a change.
fn check() -> ExitCode {
    let kept = fs::read_to_string(KEPT).expect(KEPT);
    let (compiler, kept) = kept.split_once('\n').expect("lines");
    if compiler != self::compiler() {
        println!("{KEPT} was written with {compiler}: not compared. Write it again: -- --write");
        return ExitCode::SUCCESS;
    }
    let mut is_fine = true;
    for (name, _) in steps() {
        let Some(now) = instructions_of_a_call(name) else {
            println!("valgrind is not installed: not compared");
            return ExitCode::SUCCESS;
        };
        let before =
            kept.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t')?.parse::<f64>().ok());
        let Some(before) = before else {
            println!("{name}: {KEPT} does not have it. Write it again: -- --write");
            is_fine = false;
            continue;
        };
        let is_slower = now > before * ALLOWED + NOISE;
        is_fine &= !is_slower;
        let verdict = if is_slower { ": more than 5 % slower" } else { "" };
        println!(
            "{name}: {now:.0} instructions, kept {before:.0} ({:+.1} %){verdict}",
            100.0 * (now / before - 1.0)
        );
    }
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn write() {
    let lines = steps().into_iter().map(|(name, _)| {
        format!("{name}\t{:.0}\n", instructions_of_a_call(name).expect("valgrind, which has to be installed"))
    });
    fs::write(KEPT, format!("{}\n{}", compiler(), lines.collect::<String>())).expect(KEPT);
}

/// The version of the compiler, on one line.
fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output().expect("rustc");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Instructions of one call, without those that prepare it; `None` without valgrind.
fn instructions_of_a_call(name: &str) -> Option<f64> {
    Some((instructions(name, CALLS)? - instructions(name, 0)?) / f64::from(CALLS))
}

fn time(step: &mut dyn FnMut()) -> Duration {
    let began = Instant::now();
    (0..CALLS).for_each(|_| step());
    began.elapsed()
}

/// Instructions of a process that prepares a step and calls it so many times.
fn instructions(name: &str, calls: u32) -> Option<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().ok()?)
        .args(["--calls", name, &calls.to_string()])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

fn call(name: &str, calls: u32) {
    let (_, mut step) = steps().into_iter().find(|(known, _)| *known == name).expect("a step of this name");
    (0..calls).for_each(|_| step());
}

fn steps() -> Vec<Step> {
    vec![
        ("path", path_from_url("/campaign/2026/banner.jpg")),
        ("path with escapes", path_from_url("/documents/Preisliste%20M%C3%A4rz.pdf")),
        ("link without version", link_version("/banner.jpg")),
        ("link with version", link_version("/banner.jpg?utm_source=a&v=q6urq6urq6urq6ur")),
        ("decision: whole", decision(&[])),
        ("decision: If-None-Match", decision(&[(IF_NONE_MATCH, "\"v0\", \"v1\"")])),
        ("decision: Range", decision(&[(RANGE, "bytes=52428800-52429823")])),
        ("head: 200", response_head(Decision::Whole)),
        ("head: 304", response_head(Decision::NotModified)),
        ("head: 206", response_head(decide(&Method::GET, &request(&[(RANGE, "bytes=100-2000")]), &asset()))),
        ("cache hit", cache_hit()),
    ]
}

fn path_from_url(path: &'static str) -> Box<dyn FnMut()> {
    Box::new(move || drop(black_box(AssetPath::from_url_path(black_box(path)))))
}

fn link_version(target: &'static str) -> Box<dyn FnMut()> {
    let (uri, asset) = (Uri::from_static(target), asset());
    Box::new(move || {
        black_box(link_of(black_box(&uri).query(), &asset.version));
    })
}

fn decision(fields: &[(HeaderName, &str)]) -> Box<dyn FnMut()> {
    let (request, asset) = (request(fields), asset());
    Box::new(move || drop(black_box(decide(&Method::GET, black_box(&request), &asset))))
}

fn response_head(decision: Decision) -> Box<dyn FnMut()> {
    let versioned: CachePolicy = "max-age=31536000, immutable".parse().expect("a policy");
    let fields = ResponseHeaders::render(&asset(), &versioned);
    Box::new(move || drop(black_box(fields.answer(black_box(&decision).clone(), Link::Unversioned))))
}

/// The asset in the store, cached and fresh.
fn cache_hit() -> Box<dyn FnMut()> {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/media-sample");
    let flags = Flags { store: Some(sample.into()), ..Flags::default() };
    let settings = config::load(&flags, std::iter::empty(), sample.as_ref()).expect("settings");
    let runtime = Runtime::new().expect("a runtime");
    let stores = Stores::open_all(&settings, StateAccess::Read, runtime.handle()).expect("the sample media");
    let path = stores.example(&settings).expect("an asset among the samples");
    let now = Instant::now();
    runtime.block_on(stores.open(&path, ReadIntent::Whole, Freshness::Configured, now)).expect("an asset");
    Box::new(move || {
        let _ = &runtime;
        assert!(black_box(stores.cached(black_box(&path), Freshness::Configured, now)).is_some());
    })
}

fn asset() -> Asset {
    Asset {
        name: "banner.jpg".into(),
        len: 100 << 20,
        etag: EntityTag::parse("\"v1\"").expect("a tag"),
        version: Digest::new([0xab; 32]).version(),
        last_modified: Some(HttpDate::from(std::time::UNIX_EPOCH + Duration::from_secs(784_111_777))),
        is_date_ambiguous: false,
        media_type: MediaType::from_static("image/jpeg"),
        content_encoding: None,
        cache_policy: CachePolicy::NO_CACHE,
    }
}

/// The headers of Meta's fetcher, and these.
fn request(fields: &[(HeaderName, &str)]) -> HeaderMap {
    let usual = [("host", "media.example.com"), ("user-agent", "WhatsApp/2.24 A"), ("accept", "*/*")];
    let usual = usual.map(|(name, value)| (HeaderName::from_static(name), value));
    let all = usual.iter().chain(fields);
    all.map(|(name, value)| (name.clone(), HeaderValue::from_str(value).expect("a value"))).collect()
}
