//! `wamedia generate`: the manual page and the shell completions, generated from the definition of the options.
//!
//! The text about an option is with its definition; this file only puts pages together.

use std::fmt::Write as _;
use std::io;

use clap::builder::StyledStr;
use clap::{Args, Command, CommandFactory, ValueEnum};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::{CommandError, Exit, print};

/// Print the manual page or shell completions
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wamedia generate man | man -l -
  wamedia generate man  > /usr/local/share/man/man1/wamedia.1
  wamedia generate bash > /usr/share/bash-completion/completions/wamedia
  wamedia generate zsh  > /usr/local/share/zsh/site-functions/_wamedia
  wamedia generate fish > ~/.config/fish/completions/wamedia.fish")]
pub(super) struct Arguments {
    what: What,
}

/// What can be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// The manual page wamedia(1), in roff
    Man,
    /// Completions for bash
    Bash,
    /// Completions for zsh
    Zsh,
    /// Completions for fish
    Fish,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, CommandError> {
    let text = match arguments.what {
        What::Man => manual(),
        What::Bash => completions(Shell::Bash),
        What::Zsh => completions(Shell::Zsh),
        What::Fish => completions(Shell::Fish),
    };
    print(&text)?;
    Ok(Exit::Fine)
}

fn completions(shell: Shell) -> String {
    let mut command = super::Arguments::command();
    let mut written = Vec::new();
    clap_complete::generate(shell, &mut command, "wamedia", &mut written);
    String::from_utf8(written).expect("the names of options are UTF-8")
}

/// One page with all commands, each under a heading of its own.
fn manual() -> String {
    let mut command = super::Arguments::command();
    command.build();
    let page = Man::new(command.clone()).manual("User Commands");
    let mut roff = rendered(|to| page.render_title(to));
    roff.push_str(&section(|to| page.render_name_section(to)));
    roff.push_str(&section(|to| page.render_synopsis_section(to)));
    roff.push_str(&section(|to| page.render_description_section(to)));
    roff.push_str(&section(|to| page.render_options_section(to)));
    for command in visible(&command) {
        describe(command, &mut roff);
    }
    roff.push_str(&verbatim("EXAMPLES", command.get_after_help()));
    roff
}

/// A command and those below it, each as a section.
fn describe(command: &Command, roff: &mut String) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    // Options of every command are described once, at the top.
    let own = command.clone().mut_args(|argument| {
        let is_everywhere = matches!(argument.get_id().as_str(), "config" | "help" | "version");
        argument.hide(is_everywhere)
    });
    let has_options = own.get_arguments().any(|argument| !argument.is_hide_set());
    let page = Man::new(own);
    let mut sections = section(|to| page.render_synopsis_section(to));
    sections.push_str(&section(|to| page.render_description_section(to)));
    if has_options {
        sections.push_str(&section(|to| page.render_options_section(to)));
    }
    sections.push_str(&verbatim("NOTES", command.get_after_long_help().or(command.get_after_help())));
    roff.push_str(&section(|to| Roff::default().control("SH", [name]).to_writer(to)));
    for line in sections.lines() {
        // Its sections become subsections of the command's heading.
        match line.strip_prefix(".SH ") {
            Some(title) => writeln!(roff, ".SS {title}"),
            None => writeln!(roff, "{line}"),
        }
        .expect("writing to a String cannot fail");
    }
    for command in visible(command) {
        describe(command, roff);
    }
}

/// The subcommands that help lists, without `help` itself.
fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help")
}

/// A section of unfilled lines.
fn verbatim(title: &str, lines: Option<&StyledStr>) -> String {
    let Some(lines) = lines else { return String::new() };
    let mut roff = Roff::default();
    roff.control("SH", [title]).control("nf", []);
    for line in lines.to_string().lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    section(|to| roff.to_writer(to))
}

/// The rendered section, without the preamble that only a whole document begins with.
fn section(render: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> String {
    let whole = rendered(render);
    let begin = whole.find(".SH").unwrap_or_default();
    whole[begin..].to_owned()
}

fn rendered(render: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> String {
    let mut written = Vec::new();
    render(&mut written).expect("writing to memory cannot fail");
    ascii(&String::from_utf8(written).expect("help is UTF-8"))
}

/// Escapes characters beyond ASCII in roff's notation, which any formatter reads in any locale (groff_char(7)).
fn ascii(roff: &str) -> String {
    let mut written = String::with_capacity(roff.len());
    for character in roff.chars() {
        if character.is_ascii() {
            written.push(character);
        } else {
            let _ = write!(written, "\\[u{:04X}]", u32::from(character));
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of all commands that help lists, and the flags of each.
    fn all(command: &Command, names: &mut Vec<String>, flags: &mut Vec<String>) {
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            flags.extend(argument.get_long().map(str::to_owned));
        }
        for below in visible(command) {
            names.push(below.get_bin_name().expect("it is built").to_owned());
            all(below, names, flags);
        }
    }

    fn defined() -> (Vec<String>, Vec<String>) {
        let mut command = super::super::Arguments::command();
        command.build();
        let (mut names, mut flags) = (Vec::new(), Vec::new());
        all(&command, &mut names, &mut flags);
        (names, flags)
    }

    #[test]
    fn manual_page_has_every_command_and_every_flag() {
        let (names, flags) = defined();
        assert!(names.len() > 15 && flags.len() > 50, "{names:?} {flags:?}");
        // Hyphens are escaped in roff.
        let page = manual().replace('\\', "");
        for name in names {
            assert!(page.contains(&format!("\n.SH \"{name}\"\n")), "{name}");
        }
        for flag in flags {
            assert!(page.contains(&format!("--{flag}")), "--{flag}");
        }
    }

    #[test]
    fn manual_page_is_one_document_and_its_text_holds_no_roff_requests() {
        const REQUESTS: [&str; 13] =
            [".ie", ".el", ".TH", ".SH", ".SS", ".TP", ".PP", ".RS", ".RE", ".IP", ".br", ".nf", ".fi"];
        let page = manual();
        assert!(page.is_ascii() && page.contains("gs://\\[u2026]"));
        assert_eq!((page.matches("\n.TH ").count(), page.matches(".ie ").count()), (1, 1));
        assert_eq!(page.matches(".nf\n").count(), page.matches(".fi\n").count());
        for line in page.lines().filter(|line| line.starts_with('.')) {
            let request = line.split(' ').next().unwrap_or_default();
            assert!(REQUESTS.contains(&request), "{line:?}");
        }
    }

    #[test]
    fn completions_have_every_command_and_every_flag() {
        let (names, flags) = defined();
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = completions(shell);
            for name in &names {
                let last = name.rsplit(' ').next().expect("a name");
                assert!(script.contains(last), "{shell} does not know {name}");
            }
            for flag in &flags {
                // fish writes the name of a long flag after -l.
                let known = script.contains(&format!("--{flag}")) || script.contains(&format!("-l {flag}"));
                assert!(known, "{shell} does not know --{flag}");
            }
        }
    }
}
