//! Compiling the module ahead of time, in the state that it has after its start: `checkbox_detector.wasm` in,
//! `checkbox_detector.cwasm` and `module.json` out.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use crate::cpu::CpuLevel;
use crate::engine;
use crate::identity::sha256;
use crate::module::{COMPILED_FILE, MANIFEST_FILE, Manifest};
use crate::snapshot;

/// The version of wasmtime in Cargo.toml, which pins it exactly.
pub const WASMTIME: &str = "48.0.8";

/// Why there is no compiled module.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// The system's words.
        source: io::Error,
    },
    /// The module's state after its start cannot be had.
    #[error("the module's state after cbd_init cannot be taken: {0:#}")]
    Snapshot(wasmtime::Error),
    /// The compiler refuses.
    #[error("the module does not compile: {0:#}")]
    Compile(wasmtime::Error),
}

/// The state in which every instance of a compiled module begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// That after `cbd_init`: instances are ready at once.
    Ready,
    /// That of the file: `cbd_init` does its work in every instance. To compare.
    AsBuilt,
}

/// What [`run`] found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Compiled and written.
    Compiled,
    /// The files there are of this very module, compiler, machine and level, and load.
    UpToDate,
}

/// Compiles a module for a processor level into a folder, to begin in a state, unless that has been done.
///
/// # Errors
/// See [`Error`].
pub fn run(wasm: &Path, dir: &Path, level: &CpuLevel, state: State) -> Result<Outcome, Error> {
    let wasm = fs::read(wasm).map_err(|source| at(wasm, source))?;
    let manifest = Manifest {
        sha256: sha256(&wasm),
        wasmtime: WASMTIME.to_owned(),
        target: target_lexicon::HOST.to_string(),
        cpu: level.name.to_owned(),
        ready: state == State::Ready,
    };
    if up_to_date(dir, &manifest) {
        return Ok(Outcome::UpToDate);
    }
    let wasm = match state {
        State::Ready => snapshot::take(&wasm).map_err(Error::Snapshot)?,
        State::AsBuilt => wasm,
    };
    let compiled = engine::compile(&wasm, &manifest.target, level).map_err(Error::Compile)?;
    // The manifest last: where it is missing or old, the work is not done.
    replace(&dir.join(COMPILED_FILE), &compiled)?;
    let json = serde_json::to_string(&manifest).unwrap_or_default() + "\n";
    replace(&dir.join(MANIFEST_FILE), json.as_bytes())?;
    Ok(Outcome::Compiled)
}

/// Whether the files there are what would be written. That the file loads shows that the configuration it was
/// compiled under has not changed either.
fn up_to_date(dir: &Path, manifest: &Manifest) -> bool {
    Manifest::read(dir).is_ok_and(|there| there == *manifest)
        && engine::runner()
            .is_ok_and(|engine| engine::map(&engine, &dir.join(COMPILED_FILE)).is_ok())
}

/// Writes a file under another name and renames it: a host that has the old one mapped keeps the old one.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    // A name of its own for each process, so that two at once do not write into one file.
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".{}", std::process::id()));
    fs::File::create(&new)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&new, path))
        .map_err(|source| at(path, source))
}

fn at(path: &Path, source: io::Error) -> Error {
    Error::File {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_written_down_is_the_one_compiled_in() {
        let pinned = format!("wasmtime = {{ version = \"={WASMTIME}\"");
        assert!(include_str!("../Cargo.toml").contains(&pinned));
    }
}
