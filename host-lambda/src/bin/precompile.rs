//! `precompile`: compiles `checkbox_detector.wasm` ahead of time, so that the host needs no compiler.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use host_lambda::cpu::{CpuLevel, LEVELS};
use host_lambda::precompile::{self, Outcome, State};

/// Compiles checkbox_detector.wasm, started, into checkbox_detector.cwasm, and writes module.json beside it.
///
/// Does nothing when that has been done already for this module, processor level and version of wasmtime.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The module: checkbox_detector.wasm
    #[arg(value_name = "MODULE")]
    wasm: PathBuf,

    /// Folder for the results [default: the module's]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,

    /// Processor level to compile for [default: the highest listed for this machine's architecture]
    #[arg(long, value_name = "LEVEL", value_parser = PossibleValuesParser::new(here().map(|level| level.name)))]
    cpu: Option<String>,

    /// Compile the module as it is, so that every request starts it anew; for comparison
    #[arg(long)]
    as_built: bool,
}

/// The levels of this machine's architecture: the compiler is built for that one only.
fn here() -> impl Iterator<Item = &'static CpuLevel> {
    LEVELS
        .iter()
        .filter(|level| level.arch == std::env::consts::ARCH)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let level = match &arguments.cpu {
        Some(name) => CpuLevel::named(name),
        None => CpuLevel::default_here(),
    };
    let Some(level) = level else {
        eprintln!(
            "precompile: no processor level is known for {}",
            std::env::consts::ARCH
        );
        return ExitCode::FAILURE;
    };
    let beside = arguments.wasm.parent().unwrap_or(Path::new(""));
    let out = arguments.out.as_deref().unwrap_or(beside);
    let state = if arguments.as_built {
        State::AsBuilt
    } else {
        State::Ready
    };
    match precompile::run(&arguments.wasm, out, level, state) {
        Ok(Outcome::Compiled) => println!("compiled for {}", level.name),
        Ok(Outcome::UpToDate) => println!("up to date for {}", level.name),
        Err(error) => {
            eprintln!("precompile: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
