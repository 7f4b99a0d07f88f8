//! Counting over files: the pages side by side over the cores, the answers in the order of the files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use serde::Deserialize;

use bytes::Bytes;

use crate::answer;
use crate::failure::Failure;
use crate::input::Options;
use crate::module::Module;
use crate::pages;

/// The file name that stands for standard input.
const STDIN: &str = "-";

/// How the answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A table for people.
    Table,
    /// A JSON object on a line of its own for each file: the result or error form with `file` before it.
    JsonLines,
}

/// Counts the checkboxes of each file. Answers go to `out`, progress and reasons of failure to standard error.
/// `true`: all files were counted.
///
/// # Errors
/// When `out` cannot be written to.
pub fn count(
    module: &Module,
    files: &[PathBuf],
    options: Options,
    form: Form,
    out: &mut impl Write,
) -> io::Result<bool> {
    let options = options.for_detect();
    let next = AtomicUsize::new(0);
    let stopped = AtomicBool::new(false);
    let stdin_taken = AtomicBool::new(false);
    let worker = |answers: mpsc::Sender<(usize, Result<String, Failure>)>| {
        while !stopped.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(index) else {
                return;
            };
            let picture = read(file, module.info().limits.max_bytes, &stdin_taken);
            let answer = picture.and_then(|picture| document(module, picture.into(), &options));
            // No one listens once writing has failed.
            let _ = answers.send((index, answer));
        }
    };
    thread::scope(|scope| {
        let (sender, answers) = mpsc::channel();
        for _ in 0..module.limits().concurrency.min(files.len()) {
            let sender = sender.clone();
            scope.spawn(move || worker(sender));
        }
        drop(sender);
        let printed = print(files, answers, form, out);
        // The others need not go on when there is nowhere to print to.
        stopped.store(true, Ordering::Relaxed);
        printed
    })
}

/// All pages of a file, one after the other: the files run side by side.
fn document(module: &Module, file: Bytes, options: &str) -> Result<String, Failure> {
    let pages = pages::pages(&file, module.limits().batch)?;
    let results = pages
        .iter()
        .map(|page| module.detect(&page.bytes(), options));
    let answer = answer::of_pages(results.collect(), &module.info().model.version)?;
    Ok(answer.json)
}

/// Reads a picture; one that is too large is not read at all.
fn read(file: &Path, max_bytes: u64, stdin_taken: &AtomicBool) -> Result<Vec<u8>, Failure> {
    let failure = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Failure::new("not_found", "there is no such file"),
        io::ErrorKind::IsADirectory => {
            Failure::new("unreadable", "this is a folder; name the files in it")
        }
        _ => Failure::new("unreadable", error.to_string()),
    };
    let mut picture = Vec::new();
    // One byte more than allowed, so that a file that grows, or standard input, is seen to be too large.
    if file == Path::new(STDIN) {
        if stdin_taken.swap(true, Ordering::Relaxed) {
            return Err(Failure::new(
                "unreadable",
                "standard input can be read only once",
            ));
        }
        io::stdin()
            .lock()
            .take(max_bytes + 1)
            .read_to_end(&mut picture)
            .map_err(failure)?;
    } else {
        File::open(file)
            .and_then(|file| file.take(max_bytes + 1).read_to_end(&mut picture))
            .map_err(failure)?;
    }
    if picture.len() as u64 > max_bytes {
        return Err(Failure::new(
            "too_many_bytes",
            format!("the file is larger than the {max_bytes} bytes that are read"),
        ));
    }
    Ok(picture)
}

fn print(
    files: &[PathBuf],
    answers: mpsc::Receiver<(usize, Result<String, Failure>)>,
    form: Form,
    out: &mut impl Write,
) -> io::Result<bool> {
    let names: Vec<String> = files
        .iter()
        .map(|file| file.to_string_lossy().into_owned())
        .collect();
    let mut table = Table::new(&names);
    if form == Form::Table {
        table.head(out)?;
    }
    let show_progress =
        names.len() > 1 && io::stderr().is_terminal() && !io::stdout().is_terminal();
    let mut waiting = BTreeMap::new();
    let mut turn = 0;
    let mut all_counted = true;
    for (index, answer) in answers {
        waiting.insert(index, answer);
        while let Some((name, answer)) = waiting
            .remove(&turn)
            .and_then(|answer| Some((names.get(turn)?, answer)))
        {
            turn += 1;
            all_counted &= answer.is_ok();
            match form {
                Form::Table => table.row(out, name, answer)?,
                Form::JsonLines => json_line(out, name, answer)?,
            }
            out.flush()?;
            if show_progress {
                eprint!("\r{turn} of {}", names.len());
            }
        }
    }
    if show_progress {
        eprintln!();
    }
    if form == Form::Table {
        table.foot(out)?;
    }
    out.flush()?;
    Ok(all_counted)
}

/// The module's own JSON with the file's name put before its first key.
fn json_line(out: &mut impl Write, name: &str, answer: Result<String, Failure>) -> io::Result<()> {
    if let Err(failure) = &answer {
        eprintln!("{name}: {}", failure.detail);
    }
    let json = answer.unwrap_or_else(|failure| failure.to_json());
    let name = serde_json::to_string(name)?;
    let rest = json.strip_prefix('{').unwrap_or_default();
    writeln!(out, "{{\"file\":{name},{rest}")
}

/// Counts of a result.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Counts {
    empty_checkbox: u64,
    filled_checkbox: u64,
}

impl Counts {
    fn of(json: &str) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Counted {
            counts: Counts,
        }
        match serde_json::from_str::<Counted>(json) {
            Ok(result) => Ok(result.counts),
            Err(error) => Err(Failure::new(
                "crashed",
                format!("the detector's result: {error}"),
            )),
        }
    }
}

struct Table {
    /// Of the column of names, in characters.
    width: usize,
    rows: usize,
    sum: Counts,
}

impl Table {
    const SUM: &'static str = "all files";

    fn new(names: &[String]) -> Self {
        let widest = names
            .iter()
            .map(|name| name.chars().count())
            .max()
            .unwrap_or_default();
        Self {
            width: widest.max(Self::SUM.len()),
            rows: 0,
            sum: Counts::default(),
        }
    }

    fn line(
        &self,
        out: &mut impl Write,
        name: &str,
        empty: &str,
        filled: &str,
        total: &str,
    ) -> io::Result<()> {
        writeln!(
            out,
            "{name:<width$}  {empty:>6}  {filled:>6}  {total:>6}",
            width = self.width
        )
    }

    fn counts(&self, out: &mut impl Write, name: &str, counts: Counts) -> io::Result<()> {
        let total = counts.empty_checkbox + counts.filled_checkbox;
        self.line(
            out,
            name,
            &counts.empty_checkbox.to_string(),
            &counts.filled_checkbox.to_string(),
            &total.to_string(),
        )
    }

    fn head(&self, out: &mut impl Write) -> io::Result<()> {
        self.line(out, "file", "empty", "filled", "total")
    }

    fn row(
        &mut self,
        out: &mut impl Write,
        name: &str,
        answer: Result<String, Failure>,
    ) -> io::Result<()> {
        self.rows += 1;
        match answer.and_then(|json| Counts::of(&json)) {
            Ok(counts) => {
                self.sum.empty_checkbox += counts.empty_checkbox;
                self.sum.filled_checkbox += counts.filled_checkbox;
                self.counts(out, name, counts)
            }
            Err(failure) => {
                self.line(out, name, "-", "-", "-")?;
                eprintln!("{name}: {} [{}]", failure.detail, failure.code);
                Ok(())
            }
        }
    }

    fn foot(&self, out: &mut impl Write) -> io::Result<()> {
        if self.rows > 1 {
            self.counts(out, Self::SUM, self.sum)?;
        }
        Ok(())
    }
}
