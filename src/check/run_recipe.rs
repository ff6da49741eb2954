//! Runs a recipe: child processes of the tools that are installed, in a folder for their files.
//!
//! The tools never see the file's own name, in which they could find an option or a pattern: they read a symbolic link with a plain
//! name. They write into the given folder only.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::recipe::{FOLDER, INPUT, LEVEL, Levels, OUTPUT, Recipe, Tool, Way};

/// The most bytes of a tool's messages that are read back.
const MOST_OF_MESSAGES: u64 = 64 << 10;

/// The files that a run writes, beside its output.
const MESSAGES: &str = "messages";
const CONVERTED: &str = "converted";

/// Why a recipe could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// None of the tools is installed.
    #[error("{0}")]
    Missing(String),
    /// A tool failed.
    #[error("{tool} failed: {reason}")]
    Failed {
        /// The tool's name.
        tool: &'static str,
        /// Its last message, or its exit status.
        reason: String,
    },
    /// The system failed.
    #[error("cannot write the result: {0}")]
    Io(#[from] io::Error),
}

/// Runs `recipe` on `input` with the first of its tools that is installed and succeeds, in `folder`, which must be empty. Returns
/// the output, which is in `folder`, and the tool that wrote it.
pub fn run_recipe(recipe: &Recipe, input: &Path, folder: &Path) -> Result<(PathBuf, Tool), RunError> {
    let extension = |path: &Path| {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if extension.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            extension.to_ascii_lowercase()
        } else {
            String::new()
        }
    };
    let staged = format!("in.{}", extension(input));
    let output = format!("out.{}", extension(&recipe.output));
    symlink(input.canonicalize()?, folder.join(&staged))?;
    let mut failure = None;
    for way in &recipe.ways {
        let Some(program) = program_of(way.tool) else { continue };
        let job = Job { folder, way, program: &program, staged: &staged, output: &output };
        match job.try_levels(recipe.levels) {
            Ok(()) => return Ok((folder.join(&output), way.tool)),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.unwrap_or_else(|| RunError::Missing(missing(recipe))))
}

/// Which tools are missing, and how to install one.
fn missing(recipe: &Recipe) -> String {
    let named = |tool: Tool| match tool.programs() {
        [program] if *program == tool.name() => tool.name().to_owned(),
        programs => format!("{} ({})", tool.name(), programs.join(" or ")),
    };
    let tools: Vec<_> = recipe.tools().map(named).collect();
    let package = recipe.tools().find_map(Tool::package).unwrap_or_default();
    match &tools[..] {
        [] => "no tool fixes it".to_owned(),
        [tool] => format!("{tool} is not installed; install it, such as with `apt-get install {package}`"),
        [others @ .., last] => format!(
            "{} or {last} is needed, and none is installed; install one, such as with `apt-get install {package}`",
            others.join(", ")
        ),
    }
}

/// The program of a tool in `PATH`; for a tool without a program, an empty path.
fn program_of(tool: Tool) -> Option<PathBuf> {
    if tool.programs().is_empty() {
        return Some(PathBuf::new());
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<_> = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    tool.programs().iter().find_map(|name| {
        folders.iter().map(|folder| folder.join(name)).find(|program| {
            fs::metadata(program)
                .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        })
    })
}

/// One way of a recipe with its files.
struct Job<'a> {
    folder: &'a Path,
    way: &'a Way,
    program: &'a Path,
    staged: &'a str,
    output: &'a str,
}

impl Job<'_> {
    /// Runs the tool with each level until the output is small enough. If none makes it so, the last output stays.
    fn try_levels(&self, levels: Option<Levels>) -> Result<(), RunError> {
        let Some(Levels { values, most }) = levels else { return self.run("") };
        for level in values {
            self.run(level)?;
            if fs::metadata(self.folder.join(self.output))?.len() <= most {
                break;
            }
        }
        Ok(())
    }

    fn run(&self, level: &str) -> Result<(), RunError> {
        let written = self.folder.join(self.output);
        match fs::remove_file(&written) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        if self.way.tool == Tool::Copy {
            fs::copy(self.folder.join(self.staged), &written)?;
            return Ok(());
        }
        for words in &self.way.runs {
            self.run_once(words, level)?;
        }
        if self.way.runs.iter().flatten().any(|word| word.contains(FOLDER)) {
            let named =
                Path::new(self.staged).with_extension(Path::new(self.output).extension().unwrap_or_default());
            fs::rename(self.folder.join(CONVERTED).join(named), &written)?;
        }
        match fs::metadata(&written) {
            Ok(found) if found.len() > 0 => Ok(()),
            _ => Err(self.failed("it wrote nothing".to_owned())),
        }
    }

    fn run_once(&self, words: &[String], level: &str) -> Result<(), RunError> {
        let mut command = Command::new(self.program);
        command.current_dir(self.folder).stdin(Stdio::null());
        if self.way.tool == Tool::Ffmpeg {
            command.args(["-nostdin", "-v", "error"]);
        }
        for word in words {
            let word = word.replace(INPUT, self.staged).replace(OUTPUT, self.output);
            command.arg(word.replace(LEVEL, level).replace(FOLDER, CONVERTED));
        }
        let messages = self.folder.join(MESSAGES);
        let to_file = self.way.tool.writes_to_stdout();
        let stdout =
            if to_file { File::create(self.folder.join(self.output))?.into() } else { Stdio::null() };
        let status = command.stdout(stdout).stderr(File::create(&messages)?).status()?;
        if status.success() {
            return Ok(());
        }
        let mut text = Vec::new();
        File::open(&messages)?.take(MOST_OF_MESSAGES).read_to_end(&mut text)?;
        let text = String::from_utf8_lossy(&text);
        let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
        Err(self.failed(last.map_or_else(|| status.to_string(), str::to_owned)))
    }

    fn failed(&self, reason: String) -> RunError {
        RunError::Failed { tool: self.way.tool.name(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_named_with_its_package() {
        let recipe = Recipe::new(Path::new("a"), "b".into(), Tool::ImageMagick, "").or(Tool::Vips, &[]);
        assert_eq!(
            missing(&recipe),
            "ImageMagick (magick or convert) or libvips (vips) is needed, and none is installed; install one, such as with \
             `apt-get install imagemagick`"
        );
    }

    #[test]
    fn a_recipe_without_a_program_copies() {
        let folder = tempfile::tempdir().expect("a folder");
        let work = tempfile::tempdir().expect("a folder");
        let input = folder.path().join("- a*.mp3");
        fs::write(&input, "bytes").expect("a file");
        let recipe = Recipe::rename(&input, folder.path().join("a.ogg"));
        let (output, tool) = run_recipe(&recipe, &input, work.path()).expect("a copy");
        assert_eq!((fs::read(&output).expect("the copy"), tool), (b"bytes".to_vec(), Tool::Copy));
        assert_eq!(output.extension(), Some("ogg".as_ref()));
        assert!(input.exists(), "the original stays");
    }

    #[test]
    fn levels_are_tried_until_the_output_is_small_enough() {
        // `iconv` stands for any tool that writes more at one level than at another.
        for (most, expected) in [(100, "UTF-32"), (17, "UTF-16"), (1, "ASCII")] {
            let folder = tempfile::tempdir().expect("a folder");
            let input = folder.path().join("a.txt");
            fs::write(&input, "hello").expect("a file");
            let work = tempfile::tempdir().expect("a folder");
            let recipe = Recipe::new(&input, "b.txt".into(), Tool::Iconv, "-f ASCII -t {level} {in}")
                .until(&["UTF-32", "UTF-16", "ASCII"], most);
            let (output, _) = run_recipe(&recipe, &input, work.path()).expect("an output");
            let bytes = match expected {
                "UTF-32" => 24,
                "UTF-16" => 12,
                _ => 5,
            };
            assert_eq!(fs::metadata(output).expect("the output").len(), bytes, "at most {most}");
        }
    }

    #[test]
    fn the_last_message_of_a_tool_is_its_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let input = folder.path().join("a.txt");
        fs::write(&input, b"\xff").expect("a file");
        let work = tempfile::tempdir().expect("a folder");
        let recipe = Recipe::new(&input, "b.txt".into(), Tool::Iconv, "-f ASCII -t UTF-8 {in}");
        let error = run_recipe(&recipe, &input, work.path()).expect_err("no ASCII").to_string();
        assert!(error.starts_with("iconv failed: ") && error.contains("position 0"), "{error}");
    }
}
