//! README and the manual: every command that they show runs and prints what they show, every configuration loads, every link leads
//! somewhere.
//!
//! `UPDATE_MANUAL=1 cargo test --test integration manual` writes the output of the commands into the pages.

mod compare;
mod page;
mod shell;

use std::fs;
use std::path::Path;

use page::{Page, ShownCommand, Step, root};
use shell::Shell;

/// Commands that cannot run in a test, with the reason.
const NOT_RUN: &[(&str, &str)] = &[
    ("cargo test", "would run this test again"),
    ("cargo install --path .", BUILDS),
    ("cargo build --release", BUILDS),
    ("wamedia serve media --listen 0.0.0.0:80 --public-url http://media.example.com", LOW_PORT),
    ("wamedia serve media --listen 0.0.0.0:443 --tls-cert fullchain.pem --tls-key privkey.pem", LOW_PORT),
    ("wamedia serve media --domain media.example.com", DOMAIN),
    ("wamedia serve ./media --domain media.example.com", DOMAIN),
    ("AWS_REGION=eu-west-1 wamedia serve s3://my-media/campaign", CLOUD),
    (
        "AWS_ENDPOINT_URL=https://ACCOUNT.r2.cloudflarestorage.com AWS_REGION=auto wamedia serve s3://my-media",
        CLOUD,
    ),
    (
        "AWS_ENDPOINT_URL=http://127.0.0.1:9000 AWS_ALLOW_HTTP=true wamedia serve s3://my-media",
        "needs a store on this machine",
    ),
    ("GOOGLE_APPLICATION_CREDENTIALS=key.json wamedia serve gs://my-media", CLOUD),
    ("AZURE_STORAGE_ACCOUNT_NAME=shop AZURE_STORAGE_ACCOUNT_KEY=… wamedia serve az://my-container", CLOUD),
    ("install -m 755 wamedia /usr/local/bin/", ROOT),
    (
        "mkdir -p /usr/local/share/man/man1 && wamedia generate man > /usr/local/share/man/man1/wamedia.1",
        ROOT,
    ),
    ("install -m 644 packaging/wamedia.service /etc/systemd/system/", ROOT),
    ("install -D -m 644 wamedia.toml /etc/wamedia/wamedia.toml", ROOT),
    (
        "install -D -m 644 packaging/wamedia.sysusers /usr/lib/sysusers.d/wamedia.conf && systemd-sysusers",
        ROOT,
    ),
    ("systemctl daemon-reload && systemctl enable --now wamedia", ROOT),
    ("journalctl -u wamedia -f", ROOT),
    ("docker build -f packaging/Dockerfile -t wamedia .", DOCKER),
    (
        "docker run --read-only --cap-drop ALL -p 8080:8080 -v ./media:/media:ro wamedia serve /media --listen 0.0.0.0:8080",
        DOCKER,
    ),
    ("benches/compare/run --install", BENCHMARK),
    ("benches/lean", BENCHMARK),
    ("benches/compare/extremes", BENCHMARK),
];

const BUILDS: &str = "builds the program, which takes minutes";
const LOW_PORT: &str = "listens on a port below 1024";
const DOMAIN: &str = "needs a public name and an authority on the internet";
const CLOUD: &str = "needs an account with a provider on the internet";
const ROOT: &str = "installs into the system as root";
const DOCKER: &str = "needs Docker";
const BENCHMARK: &str = "measures for minutes, and needs other servers";

const LIST_IT: &str = "add it to NOT_RUN in tests/integration/manual/mod.rs with the reason";

/// The exit code of a shell that finds no such program.
const NOT_FOUND: i32 = 127;

/// Flags whose value is a URL that is not requested.
const FLAGS_WITH_URLS: &[&str] = &["--public-url", "--endpoint", "--link"];

#[test]
fn every_command_of_the_manual_prints_the_output_that_is_shown() {
    let pages = page::all();
    let example = example_configuration(&pages);
    let updates = std::env::var_os("UPDATE_MANUAL").is_some();
    let mut failures = Vec::new();
    std::thread::scope(|scope| {
        let runs: Vec<_> = pages.iter().map(|page| scope.spawn(|| run(page, &example, updates))).collect();
        for run in runs {
            failures.extend(run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    assert!(
        failures.is_empty(),
        "the page has the lines with -, the command prints those with +\n\n{}\n\n\
         UPDATE_MANUAL=1 cargo test --test integration manual writes the output into the pages.",
        failures.join("\n\n")
    );
}

#[test]
fn every_command_that_does_not_run_is_still_in_the_manual() {
    let pages = page::all();
    let shown: Vec<_> = pages.iter().flat_map(Page::commands).map(ShownCommand::without_comment).collect();
    for (command, reason) in NOT_RUN {
        assert!(
            shown.iter().any(|shown| shown == command),
            "no page shows `{command}` ({reason}): remove it from the list"
        );
    }
}

#[test]
fn every_configuration_in_the_manual_loads() {
    let mut shell = Shell::start();
    // Some defaults depend on whether an address is configured.
    shell.run("unset WAMEDIA_LISTEN");
    shell.write("signing.keys", "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
    let mut count = 0;
    for page in page::all() {
        for step in &page.steps {
            let Step::Toml { text, line, .. } = step else { continue };
            // Some blocks show a table alone.
            let mount = if text.contains("[[mount]]") { "" } else { "\n[[mount]]\nstore = \"media\"\n" };
            shell.write("shown.toml", &format!("{text}{mount}"));
            let printed = shell.run("wamedia serve --config shown.toml --print-config");
            assert_eq!(printed.code, 0, "{}: {:#?}", page.place(*line), printed.lines);
            count += 1;
        }
    }
    assert!(count > 0, "the manual shows no configuration");
}

#[test]
fn every_link_of_the_manual_leads_to_a_file_and_a_heading() {
    let pages = page::all();
    for page in &pages {
        for (line, link) in page.links() {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let folder = Path::new(&page.name).parent().expect("a folder");
            let target = normal_path(&if file.is_empty() {
                page.name.clone()
            } else {
                folder.join(file).display().to_string()
            });
            assert!(root().join(&target).exists(), "{}: {link} leads to no file", page.place(line));
            if !anchor.is_empty() {
                let other =
                    pages.iter().find(|page| page.name == target).expect("an anchor in a page of the manual");
                let anchors = other.anchors();
                assert!(
                    anchors.iter().any(|known| known == anchor),
                    "{}: {link} leads to no heading of {anchors:?}",
                    page.place(line)
                );
            }
        }
    }
}

#[test]
fn readme_is_short_and_names_every_page() {
    let pages = page::all();
    let readme = pages.iter().find(|page| page.name == "README.md").expect("README");
    assert!(readme.lines.len() <= 200, "README has {} lines; 200 at most", readme.lines.len());
    for (index, line) in readme.lines.iter().enumerate() {
        let width = line.chars().count();
        assert!(width <= 110, "{}: {width} columns; 110 at most", readme.place(index));
    }
    let links: Vec<_> = readme.links().into_iter().map(|(_, link)| link).collect();
    for page in pages.iter().filter(|page| page.name != "README.md") {
        assert!(links.contains(&page.name), "README has no link to {}", page.name);
    }
}

#[test]
fn a_page_that_is_wrong_fails() {
    let text = "```console\n$ sha256sum media/codes/login-code.png\n0000\n$ sed --nonsense\n\
                $ systemctl stop wamedia\n$ wamedia check https://media.example.com/a.jpg\n$ wamedia serve s3://media\n\
                $ wamedia serve media --listen 0.0.0.0:8080\n$ wamedia serve media --public-url https://media.example.com\n\
                ```\n```console\n# true\n```\n";
    let page = Page::parse("a.md".to_owned(), text);
    let failures = run(&page, "", false);
    let expected = [
        ("a.md:2: $ sha256sum", "\n- 0000\n+ "),
        ("a.md:4: $ sed", "ends with exit code"),
        ("a.md:5: $ systemctl", "systemctl: command not found"),
        ("a.md:6: $ wamedia check", "reaches beyond this machine"),
        ("a.md:7: $ wamedia serve s3", "reaches beyond this machine"),
        ("a.md:8: $ wamedia serve media --listen", "reaches beyond this machine"),
        ("a.md:12: $ true", "a command for root"),
    ];
    assert_eq!(failures.len(), expected.len(), "{failures:#?}");
    for (failure, (begin, part)) in failures.iter().zip(expected) {
        assert!(failure.starts_with(begin) && failure.contains(part), "{failure}");
    }
}

/// `docs/../README.md` → `README.md`
fn normal_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            ".." => {
                parts.pop().expect("a link within the repository");
            }
            "" | "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The configuration that the commands of all pages use unless the page has its own: the first one of getting-started.
fn example_configuration(pages: &[Page]) -> String {
    let page = pages.iter().find(|page| page.name == "docs/getting-started.md").expect("the page");
    let file = page.steps.iter().find_map(|step| match step {
        Step::Toml { name: Some(name), text, .. } if name == "wamedia.toml" => Some(text.clone()),
        _ => None,
    });
    file.expect("getting-started has a wamedia.toml")
}

/// Runs the commands of a page from top to bottom, and describes each that does not do what the page shows; with `updates`, writes
/// other output into the page instead.
fn run(page: &Page, example: &str, updates: bool) -> Vec<String> {
    let mut shell = Shell::start();
    if page.name != "README.md" {
        shell.write("wamedia.toml", example);
    }
    let mut failures = Vec::new();
    let mut outputs = Vec::new();
    for step in &page.steps {
        match step {
            Step::Toml { name: Some(name), text, .. } => shell.write(name, text),
            Step::Toml { .. } => {}
            Step::Prepare { command, line } => {
                let printed = shell.run(command);
                assert_eq!(printed.code, 0, "{}: {:#?}", page.place(*line), printed.lines);
            }
            Step::Command(command) => {
                if NOT_RUN.iter().any(|(known, _)| *known == command.without_comment()) {
                    continue;
                }
                if let Err(failure) = run_command(page, command, &mut shell) {
                    match failure.new_output(page, command) {
                        Some(output) if updates => outputs.push((command.output.clone(), output)),
                        _ => failures.push(failure.describe(page, command)),
                    }
                }
            }
        }
    }
    shell.stop_server();
    if !outputs.is_empty() {
        let mut lines = page.lines.clone();
        for (output, new) in outputs.into_iter().rev() {
            lines.splice(output, new);
        }
        fs::write(root().join(&page.name), lines.join("\n") + "\n").expect("the page is writable");
    }
    failures
}

/// How a command differs from its page.
enum Difference {
    /// It cannot or must not run; with the reason.
    NotRunnable(String),
    /// It ended with this code, and the page does not announce it.
    ExitCode(i32, Vec<String>),
    /// It printed these lines.
    Output(Vec<String>),
}

impl Difference {
    fn describe(&self, page: &Page, command: &ShownCommand) -> String {
        let head = format!("{}: $ {}", page.place(command.line), command.text);
        match self {
            Self::NotRunnable(reason) => format!("{head}\n{reason}"),
            Self::ExitCode(code, lines) => format!(
                "{head}\nends with exit code {code}; if that is right, announce it in a comment (# exit code {code}). It prints\n{}",
                lines.join("\n")
            ),
            Self::Output(lines) => {
                let shown = &page.lines[command.output.clone()];
                format!("{head}\n{}", compare::diff(shown, lines))
            }
        }
    }

    /// The output for the page, where the page leaves none of it out.
    fn new_output(&self, page: &Page, command: &ShownCommand) -> Option<Vec<String>> {
        let shown = &page.lines[command.output.clone()];
        match self {
            Self::Output(lines) if !compare::leaves_out_lines(shown) => Some(compare::updated(shown, lines)),
            _ => None,
        }
    }
}

fn run_command(page: &Page, command: &ShownCommand, shell: &mut Shell) -> Result<(), Difference> {
    let shown = &page.lines[command.output.clone()];
    // Readers of the repository have no `wamedia` on their PATH yet.
    let text = command.text.replace("cargo run -- ", "wamedia ");
    refuse_what_must_not_run(command, &text).map_err(Difference::NotRunnable)?;
    let words: Vec<_> = text.split_whitespace().collect();
    if words.contains(&"serve") && !words.contains(&"--print-config") {
        let is_complete = |printed: &[String]| shown.is_empty() || compare::matches(shown, printed);
        return shell.serve(&text, is_complete).map_err(Difference::Output);
    }
    let printed = shell.run(&text);
    if printed.code == NOT_FOUND {
        let reason = format!(
            "{}: {LIST_IT}, or add the program to PROGRAMS in shell.rs, or install it",
            printed.lines.join("\n")
        );
        return Err(Difference::NotRunnable(reason));
    }
    if !shown.is_empty() {
        return if compare::matches(shown, &printed.lines) {
            Ok(())
        } else {
            Err(Difference::Output(printed.lines))
        };
    }
    if printed.code == 0 || command.announces_exit_code(printed.code) {
        Ok(())
    } else {
        Err(Difference::ExitCode(printed.code, printed.lines))
    }
}

/// Refuses commands of root, requests to other machines, and listening for them.
fn refuse_what_must_not_run(command: &ShownCommand, text: &str) -> Result<(), String> {
    if command.is_root {
        return Err(format!("it is a command for root: {LIST_IT}"));
    }
    let is_local = |host: &str| host.starts_with("127.0.0.1") || host.starts_with("localhost");
    let words: Vec<_> = text.split([' ', '\n', '\'', '"']).filter(|word| !word.is_empty()).collect();
    let requests = words.iter().any(|word| matches!(*word, "curl" | "check" | "simulate" | "serve"));
    for (index, word) in words.iter().enumerate().filter(|_| requests) {
        let flag = words[index.saturating_sub(1)];
        let is_remote =
            word.split_once("://").is_some_and(|(_, host)| !is_local(host)) || *word == "--domain";
        if (is_remote && !FLAGS_WITH_URLS.contains(&flag)) || (flag == "--listen" && !is_local(word)) {
            return Err(format!("`{word}` reaches beyond this machine: {LIST_IT}"));
        }
    }
    Ok(())
}
