//! Recipes: the commands that fix a file, as data that is printed for a shell or run.
//!
//! A recipe's first way is the command to print. The others do the same with other tools, for machines that lack the first.
//! [`run_recipe`](super::run_recipe()) runs them.

use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::shell::{quoted, single_quoted};

/// A tool that fixes files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the tools' own names")]
pub enum Tool {
    Ffmpeg,
    ImageMagick,
    Vips,
    Cwebp,
    Qpdf,
    Iconv,
    LibreOffice,
    /// A copy under another name, which needs no program.
    Copy,
}

impl Tool {
    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ffmpeg => "ffmpeg",
            Self::ImageMagick => "ImageMagick",
            Self::Vips => "libvips",
            Self::Cwebp => "cwebp",
            Self::Qpdf => "qpdf",
            Self::Iconv => "iconv",
            Self::LibreOffice => "LibreOffice",
            Self::Copy => "a copy",
        }
    }

    /// Its program under each of its names, in the order in which they are searched; none if it needs no program.
    pub const fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Ffmpeg => &["ffmpeg"],
            // Version 7 has both and warns about the second; version 6 has only that.
            Self::ImageMagick => &["magick", "convert"],
            Self::Vips => &["vips"],
            Self::Cwebp => &["cwebp"],
            Self::Qpdf => &["qpdf"],
            Self::Iconv => &["iconv"],
            Self::LibreOffice => &["soffice", "libreoffice"],
            Self::Copy => &[],
        }
    }

    /// The package of Debian and Ubuntu that contains it; `None` if it needs none.
    pub const fn package(self) -> Option<&'static str> {
        match self {
            Self::Ffmpeg => Some("ffmpeg"),
            Self::ImageMagick => Some("imagemagick"),
            Self::Vips => Some("libvips-tools"),
            Self::Cwebp => Some("webp"),
            Self::Qpdf => Some("qpdf"),
            Self::Iconv => Some("libc-bin"),
            Self::LibreOffice => Some("libreoffice"),
            Self::Copy => None,
        }
    }

    /// The program in printed commands.
    const fn printed(self) -> &'static str {
        match self {
            Self::ImageMagick => "convert",
            Self::Copy => "mv -n",
            _ => self.programs()[0],
        }
    }

    /// Whether it writes its result to stdout.
    pub(super) const fn writes_to_stdout(self) -> bool {
        matches!(self, Self::Iconv)
    }
}

/// One way to fix a file: a tool and the arguments of each of its runs.
///
/// An argument is a word that may contain [`INPUT`], [`OUTPUT`], [`LEVEL`] and [`FOLDER`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) tool: Tool,
    pub(super) runs: Vec<Vec<String>>,
}

/// Stands for the input file.
pub(super) const INPUT: &str = "{in}";
/// Stands for the output file.
pub(super) const OUTPUT: &str = "{out}";
/// Stands for the value of [`Levels`] that is tried.
pub(super) const LEVEL: &str = "{level}";
/// Stands for the folder in which a tool writes a file of the input's name.
pub(super) const FOLDER: &str = "{folder}";

/// Settings of decreasing quality, tried in turn until the output is small enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Levels {
    pub(super) values: &'static [&'static str],
    /// The most bytes of the output.
    pub(super) most: u64,
}

/// How to fix a file: commands that write a corrected copy of `input` to `output`.
///
/// [`Display`](fmt::Display) prints the command for a POSIX shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    pub(super) input: PathBuf,
    pub(super) output: PathBuf,
    pub(super) ways: Vec<Way>,
    pub(super) levels: Option<Levels>,
}

impl Recipe {
    /// Fixes `input` with `tool`, whose arguments are the words of `arguments`.
    pub(super) fn new(input: &Path, output: PathBuf, tool: Tool, arguments: &str) -> Self {
        Self { input: input.to_owned(), output, ways: Vec::new(), levels: None }.or(tool, &[arguments])
    }

    /// A copy under another name; printed as a command that renames.
    pub(super) fn rename(input: &Path, output: PathBuf) -> Self {
        Self::new(input, output, Tool::Copy, "{in} {out}")
    }

    /// Another way to the same result, for machines without the tools before.
    #[must_use]
    pub(super) fn or(mut self, tool: Tool, runs: &[&str]) -> Self {
        let words = |run: &&str| run.split_whitespace().map(str::to_owned).collect();
        self.ways.push(Way { tool, runs: runs.iter().map(words).collect() });
        self
    }

    /// Tries `values` in turn until the output has at most `most` bytes.
    #[must_use]
    pub(super) fn until(self, values: &'static [&'static str], most: u64) -> Self {
        Self { levels: Some(Levels { values, most }), ..self }
    }

    /// The file that the printed command writes.
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// The tools of which one is needed, the preferred one first.
    pub fn tools(&self) -> impl Iterator<Item = Tool> {
        self.ways.iter().map(|way| way.tool)
    }

    /// Whether it does the same as `other` to another file.
    pub fn is_like(&self, other: &Self) -> bool {
        self.ways == other.ways && self.levels == other.levels
    }

    /// Whether the printed command uses the same tool as that of `other`.
    pub(super) fn has_tool_of(&self, other: &Self) -> bool {
        self.tools().next() == other.tools().next()
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Way { tool, runs }) = self.ways.first() else { return Ok(()) };
        let output = quoted(&self.output);
        if let Some(Levels { values, .. }) = &self.levels {
            write!(f, "for q in {}; do ", values.join(" "))?;
        }
        f.write_str(tool.printed())?;
        let is_piped = *tool == Tool::ImageMagick && has_imagemagick_syntax(&self.input);
        for word in runs.iter().flatten() {
            f.write_str(" ")?;
            match (word.split_once(INPUT), word.split_once(OUTPUT)) {
                (Some((_, suffix)), _) if is_piped => f.write_str(&single_quoted(&format!("-{suffix}")))?,
                (Some((_, suffix)), _) => {
                    let mut path = self.input.as_os_str().to_owned();
                    path.push(suffix);
                    f.write_str(&quoted(Path::new(&path)))?;
                }
                (None, Some((coder, _))) if is_piped => {
                    let extension = self.output.extension().unwrap_or_default().to_string_lossy();
                    write!(f, "{}:-", coder.strip_suffix(':').unwrap_or(&extension))?;
                }
                (None, Some((coder, _))) => write!(f, "{coder}{output}")?,
                (None, None) => f.write_str(&printed_word(word))?,
            }
        }
        if is_piped {
            write!(f, " < {}", quoted(&self.input))?;
        }
        if is_piped || tool.writes_to_stdout() {
            write!(f, " > {output}")?;
        }
        match &self.levels {
            Some(Levels { most, .. }) => {
                write!(f, "; [ \"$(wc -c < {output})\" -le {most} ] && break; done")
            }
            None => Ok(()),
        }
    }
}

/// Whether `ImageMagick` would interpret characters of this name. Such a file is passed by redirection instead.
fn has_imagemagick_syntax(input: &Path) -> bool {
    input.as_os_str().as_bytes().iter().any(|byte| b"%[]{}*?".contains(byte))
}

/// A word of an argument list for a shell, with the names that printed commands use.
fn printed_word(word: &str) -> String {
    let word = word.replace(LEVEL, "$q").replace(FOLDER, "whatsapp");
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+=:,./$".contains(&byte);
    if word.bytes().all(is_plain) { word } else { single_quoted(&word) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_prints_the_command_of_its_first_way() {
        let recipe = |input: &str, levels| Recipe {
            levels,
            ..Recipe::new(Path::new(input), "o.jpg".into(), Tool::ImageMagick, "{in}[0] -resize 9x9> {out}")
                .or(Tool::Vips, &["thumbnail {in} {out} 9"])
        };
        assert_eq!(recipe("a b.png", None).to_string(), "convert 'a b.png[0]' -resize '9x9>' 'o.jpg'");
        assert_eq!(
            recipe("a*.png", None).to_string(),
            "convert '-[0]' -resize '9x9>' jpg:- < 'a*.png' > 'o.jpg'"
        );
        let levels = Some(Levels { values: &["80", "5"], most: 9 });
        assert_eq!(
            recipe("a.png", levels).to_string(),
            "for q in 80 5; do convert 'a.png[0]' -resize '9x9>' 'o.jpg'; [ \"$(wc -c < 'o.jpg')\" -le 9 ] && break; done"
        );
        assert_eq!(
            Recipe::rename(Path::new("-a"), "a.pdf".into()).to_string(),
            "mv -n './-a' 'a.pdf'",
            "a name that begins with a dash is no option"
        );
        assert_eq!(recipe("a.png", None).tools().collect::<Vec<_>>(), [Tool::ImageMagick, Tool::Vips]);
    }
}
