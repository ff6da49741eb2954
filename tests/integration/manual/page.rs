//! Pages of the manual, parsed: console commands with the output that they show, configuration files, preparations, links.
//!
//! Two comments in a page prepare what its commands need. `<!-- file: NAME -->` writes the code block below it to a file of that
//! name; `<!-- prepare: COMMAND -->` runs a shell command.

use std::fs;
use std::path::{Path, PathBuf};

/// One page.
pub(crate) struct Page {
    /// Its path in the repository, such as `docs/check.md`.
    pub(crate) name: String,
    pub(crate) lines: Vec<String>,
    /// Its commands, files and preparations, from top to bottom.
    pub(crate) steps: Vec<Step>,
}

/// Part of a page, with the index of its first line.
pub(crate) enum Step {
    /// A command in a `console` block.
    Command(ShownCommand),
    /// A shell command that readers do not need to run.
    Prepare { command: String, line: usize },
    /// A `toml` block; it has a name where it is a file that commands of the page read.
    Toml { name: Option<String>, text: String, line: usize },
}

/// A command and the output below it.
pub(crate) struct ShownCommand {
    pub(crate) text: String,
    /// Whether it has the prompt of root, `#`, instead of `$`.
    pub(crate) is_root: bool,
    pub(crate) line: usize,
    /// The lines of its output, as indices into the page.
    pub(crate) output: std::ops::Range<usize>,
}

impl ShownCommand {
    /// The command without the comment behind it, each run of whitespace as one space.
    pub(crate) fn without_comment(&self) -> String {
        let code = self.text.split(" # ").next().unwrap_or_default().replace("\\\n", " ");
        code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Whether the comment behind it announces this exit code.
    pub(crate) fn announces_exit_code(&self, code: i32) -> bool {
        let comment = self.text.split_once(" # ").map_or("", |(_, comment)| comment);
        comment.contains(&format!("exit code {code}"))
    }
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README and every page of the manual.
pub(crate) fn all() -> Vec<Page> {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join("docs"))
        .expect("docs")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.push(root().join("README.md"));
    files.sort();
    files.iter().map(|file| Page::read(file)).collect()
}

impl Page {
    fn read(file: &Path) -> Self {
        let name = file.strip_prefix(root()).expect("a file of the repository").display().to_string();
        let text = fs::read_to_string(file).expect("a page in UTF-8");
        Self::parse(name, &text)
    }

    pub(crate) fn parse(name: String, text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut steps = Vec::new();
        let mut file = None;
        let mut at = 0;
        while at < lines.len() {
            let line = lines[at].trim_start();
            if let Some(command) = comment(line, "prepare:") {
                steps.push(Step::Prepare { command, line: at });
            } else if let Some(name) = comment(line, "file:") {
                file = Some(name);
            } else if let Some(language) = line.strip_prefix("```") {
                let begin = at + 1;
                let len = lines[begin..].iter().position(|line| line.trim() == "```");
                let end = begin + len.unwrap_or_else(|| panic!("{name}:{begin}: the block has no end"));
                match language {
                    "console" => steps.extend(commands(&lines, begin..end).map(Step::Command)),
                    "toml" => {
                        let text = lines[begin..end].join("\n") + "\n";
                        steps.push(Step::Toml { name: file.take(), text, line: begin });
                    }
                    _ => {}
                }
                assert!(
                    file.is_none(),
                    "{name}:{begin}: a `file` comment stands before a block that is not toml"
                );
                at = end;
            }
            at += 1;
        }
        Self { name, lines, steps }
    }

    pub(crate) fn commands(&self) -> impl Iterator<Item = &ShownCommand> {
        self.steps.iter().filter_map(|step| match step {
            Step::Command(command) => Some(command),
            _ => None,
        })
    }

    /// Where a line stands, as editors and compilers write it.
    pub(crate) fn place(&self, line: usize) -> String {
        format!("{}:{}", self.name, line + 1)
    }

    /// The targets of its links and images, with the indices of their lines; code is left out.
    pub(crate) fn links(&self) -> Vec<(usize, String)> {
        let mut links = Vec::new();
        for (index, line) in self.prose() {
            let without_code: String = line.split('`').step_by(2).collect();
            for part in without_code.split("](").skip(1) {
                links.push((index, part.split(')').next().unwrap_or_default().to_owned()));
            }
        }
        links
    }

    /// The anchors of its headings, as GitHub makes them.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let headings = self.prose().into_iter().filter(|(_, line)| line.starts_with('#'));
        headings.map(|(_, line)| anchor(line.trim_start_matches('#').trim())).collect()
    }

    /// The lines outside of code blocks.
    fn prose(&self) -> Vec<(usize, &str)> {
        let mut is_code = false;
        let mut prose = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            if line.trim_start().starts_with("```") {
                is_code = !is_code;
            } else if !is_code {
                prose.push((index, line.as_str()));
            }
        }
        prose
    }
}

/// The rest of an HTML comment that begins with `keyword`.
fn comment(line: &str, keyword: &str) -> Option<String> {
    let rest = line.strip_prefix("<!--")?.trim_start().strip_prefix(keyword)?;
    Some(rest.strip_suffix("-->").expect("the comment ends in its line").trim().to_owned())
}

/// Letters and digits in lower case, hyphens for spaces, nothing for other characters.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The commands of a block. A line that ends in a backslash continues in the next.
fn commands(lines: &[String], block: std::ops::Range<usize>) -> impl Iterator<Item = ShownCommand> {
    let mut commands: Vec<ShownCommand> = Vec::new();
    let mut at = block.start;
    while at < block.end {
        let is_user = lines[at].starts_with("$ ");
        // Output may begin with a hash, too, but a block of root's commands begins with one.
        let is_root = lines[at].starts_with("# ") && commands.iter().all(|command| command.is_root);
        if is_user || is_root {
            let line = at;
            let mut text = lines[at][2..].to_owned();
            while text.ends_with('\\') && at + 1 < block.end {
                at += 1;
                text = format!("{text}\n{}", lines[at]);
            }
            commands.push(ShownCommand { text, is_root, line, output: at + 1..at + 1 });
        } else {
            let command = commands.last_mut().expect("a console block begins with a command");
            command.output.end = at + 1;
        }
        at += 1;
    }
    commands.into_iter()
}

#[test]
fn a_page_is_parsed_into_its_steps() {
    let text = "# A `b`, c\n\n<!-- prepare: mkdir x -->\n<!-- file: a.toml -->\n```toml\nx = 1\n```\n\
                ```console\n$ one \\\n  two   # exit code 1\nsaid\n# said\n$ three\n```\n```console\n# four\n# five\n```\n\
                [d](e.md#f) `[g](h)`\n";
    let page = Page::parse("a.md".to_owned(), text);
    let steps: Vec<_> = page
        .steps
        .iter()
        .map(|step| match step {
            Step::Prepare { command, line } => format!("prepare {line} {command}"),
            Step::Toml { name, text, line } => format!("toml {line} {name:?} {text:?}"),
            Step::Command(c) => format!("{} {} {} {:?}", c.is_root, c.line, c.without_comment(), c.output),
        })
        .collect();
    assert_eq!(
        steps,
        [
            "prepare 2 mkdir x",
            "toml 5 Some(\"a.toml\") \"x = 1\\n\"",
            "false 8 one two 10..12",
            "false 12 three 13..13",
            "true 15 four 16..16",
            "true 16 five 17..17",
        ]
    );
    let first = page.commands().next().expect("a command");
    assert!(first.announces_exit_code(1) && !first.announces_exit_code(2));
    assert_eq!(page.links(), [(18, "e.md#f".to_owned())]);
    assert_eq!(page.anchors(), ["a-b-c"]);
}
