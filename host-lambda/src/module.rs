//! The module, and running it: bytes in, bytes out, within a memory cap and a time limit.
//!
//! Every request has an instance of its own, made ready when the module was compiled (`precompile`). A trap, an endless loop or a hunt for memory ends that instance and
//! nothing else, what one request left in memory is out of the next one's reach, and memory, which WebAssembly
//! cannot give back, returns with the instance.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wasmtime::{
    Engine, Instance, InstancePre, Linker, Memory, ResourceLimiter, Store, StoreLimits,
    StoreLimitsBuilder, Trap, UpdateDeadline, WasmParams, WasmResults,
};

use crate::clock::{Clock, Running};
use crate::cpu::{self, CpuLevel};
use crate::engine;
use crate::failure::Failure;
use crate::limits::Limits;

/// The module as every host uses it.
pub const WASM_FILE: &str = "checkbox_detector.wasm";
/// The same, compiled ahead of time.
pub const COMPILED_FILE: &str = "checkbox_detector.cwasm";
/// What was compiled, by what and for what: a [`Manifest`].
pub const MANIFEST_FILE: &str = "module.json";

/// Most entries of a table; the module's function table has a few thousand.
const TABLE_ELEMENTS: usize = 100_000;

/// What stands in `module.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// SHA-256 of the `.wasm` file, in hexadecimal.
    pub sha256: String,
    /// Version of wasmtime that compiled it.
    pub wasmtime: String,
    /// The machine it was compiled for, as a target triple.
    pub target: String,
    /// The processor level it was compiled for: a name from [`cpu::LEVELS`].
    pub cpu: String,
    /// Whether it was compiled in its state after `cbd_init`, so that this has nothing left to do.
    #[serde(default)]
    pub ready: bool,
}

/// What of the module's own description the host goes by.
#[derive(Debug, Clone, Deserialize)]
pub struct Info {
    /// Version of the detector.
    pub version: String,
    /// The network.
    pub model: Model,
    /// Threshold used when a request names none.
    pub conf: f64,
    /// What the module takes.
    pub limits: ModuleLimits,
}

/// The network inside the module.
#[derive(Debug, Clone, Deserialize)]
pub struct Model {
    /// Its version.
    pub version: String,
}

/// Limits of the module that the host can check before it does any work.
#[derive(Debug, Clone, Deserialize)]
pub struct ModuleLimits {
    /// Largest picture file in bytes.
    pub max_bytes: u64,
}

/// How long a request may go on, and whether anyone still waits for its result.
#[derive(Debug, Clone, Default)]
pub struct Patience {
    deadline: Option<Instant>,
    left: Arc<AtomicBool>,
}

impl Patience {
    /// Until then, and in no case longer than the limits say.
    #[must_use]
    pub fn until(deadline: Option<Instant>) -> Self {
        Self {
            deadline,
            left: Arc::default(),
        }
    }

    /// No one waits any more: what runs ends at the clock's next tick, what has not begun does not begin.
    pub fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    fn is_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }
}

/// Why the module cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file is not there or cannot be read.
    #[error("{}: {source} (build it with ./build.sh build, or say where it is with --module-dir)", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// `module.json` is not what it should be.
    #[error("{}: {reason}; run `precompile` again", path.display())]
    BadManifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Compiled for another kind of machine.
    #[error(
        "the module was compiled for {level} ({arch}), this machine is {}; run `precompile` here",
        std::env::consts::ARCH
    )]
    WrongArchitecture {
        /// Name of the level.
        level: &'static str,
        /// Architecture of the level.
        arch: &'static str,
    },
    /// Compiled for a better processor than this one.
    #[error(
        "the module was compiled for {level} processors, and this one lacks {}; compile it for a lower level with \
         `precompile --cpu`", missing.join(", ")
    )]
    OldProcessor {
        /// Name of the level.
        level: &'static str,
        /// What this processor lacks of it.
        missing: Vec<&'static str>,
    },
    /// wasmtime refuses the compiled file.
    #[error("{} cannot be used: {source:#}; run `precompile` again with this version", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// wasmtime's words.
        source: wasmtime::Error,
    },
    /// The system gives no thread for the clock.
    #[error("no thread for the time limit's clock: {0}")]
    NoThread(io::Error),
    /// It is there, but it does not work.
    #[error("the module does not start: {} [{}]", .0.detail, .0.code)]
    DoesNotStart(Failure),
}

/// The module, ready to run.
pub struct Module {
    engine: Engine,
    /// Imports resolved; only to be instantiated.
    pre: InstancePre<Guest>,
    clock: Clock,
    limits: Limits,
    manifest: Manifest,
    info: Info,
    info_json: String,
}

impl Module {
    /// Loads the compiled module from the folder where `module.json` and `checkbox_detector.cwasm` are, and runs
    /// it once to read its description: a module that loads is one that works.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(dir: &Path, limits: Limits) -> Result<Self, LoadError> {
        let manifest = Manifest::read(dir)?;
        check_processor(&manifest, dir, cpu::present)?;

        let path = dir.join(COMPILED_FILE);
        fs::metadata(&path).map_err(|source| LoadError::Missing {
            path: path.clone(),
            source,
        })?;
        let refused = |source| LoadError::Refused {
            path: path.clone(),
            source,
        };
        let engine = engine::runner().map_err(refused)?;
        let code = engine::map(&engine, &path).map_err(refused)?;

        // The module imports what wasm-bindgen's glue gives it in a browser. The plain exports never call any of
        // that; should one do so, it is a fault and traps.
        let mut linker = Linker::new(&engine);
        linker
            .define_unknown_imports_as_traps(&code)
            .map_err(refused)?;
        let pre = linker.instantiate_pre(&code).map_err(refused)?;

        let clock = Clock::start(engine.clone()).map_err(LoadError::NoThread)?;
        let (info, info_json) = Run::start(&engine, &pre, &clock, &limits, &Patience::default())
            .and_then(Run::info)
            .map_err(LoadError::DoesNotStart)?;
        Ok(Self {
            engine,
            pre,
            clock,
            limits,
            manifest,
            info,
            info_json,
        })
    }

    /// Finds the checkboxes of a picture (an encoded file: JPEG, PNG, …). `options` is the module's options JSON,
    /// or empty. The result is the module's result form, unchanged.
    ///
    /// # Errors
    /// The module's own failures, and `timeout`, `out_of_memory` and `crashed`.
    pub fn detect(&self, image: &[u8], options: &str) -> Result<String, Failure> {
        self.detect_for(image, options, &Patience::default())
    }

    /// The same for someone whose patience may end.
    ///
    /// # Errors
    /// As for [`Module::detect`], and `cancelled`.
    pub fn detect_for(
        &self,
        image: &[u8],
        options: &str,
        patience: &Patience,
    ) -> Result<String, Failure> {
        let result = self
            .pristine(patience)?
            .call("cbd_detect", image, options)?;
        match String::from_utf8(result) {
            Ok(json) if json.starts_with('{') => Ok(json),
            _ => Err(Failure::new("crashed", "the detector's result is not JSON")),
        }
    }

    /// Draws the checkboxes into a picture; the result is an encoded picture in the format that `options` names.
    ///
    /// # Errors
    /// As for [`Module::detect`].
    pub fn annotate(&self, image: &[u8], options: &str) -> Result<Vec<u8>, Failure> {
        self.annotate_for(image, options, &Patience::default())
    }

    /// The same for someone whose patience may end.
    ///
    /// # Errors
    /// As for [`Module::detect_for`].
    pub fn annotate_for(
        &self,
        image: &[u8],
        options: &str,
        patience: &Patience,
    ) -> Result<Vec<u8>, Failure> {
        self.pristine(patience)?
            .call("cbd_annotate", image, options)
    }

    /// Makes an instance ready and throws it away: whether the module still works.
    ///
    /// # Errors
    /// As for [`Module::detect`].
    pub fn check(&self) -> Result<(), Failure> {
        self.pristine(&Patience::default()).map(drop)
    }

    /// An instance no one has used, ready to work. `cbd_init` has nothing to do in it where the manifest says so.
    fn pristine(&self, patience: &Patience) -> Result<Run<'_>, Failure> {
        Run::start(&self.engine, &self.pre, &self.clock, &self.limits, patience)
    }

    /// The memory that a request finds: for whoever wants to see that it is always the same.
    ///
    /// # Errors
    /// As for [`Module::detect`].
    pub fn pristine_memory(&self) -> Result<Vec<u8>, Failure> {
        let run = self.pristine(&Patience::default())?;
        Ok(run.memory.data(&run.store).to_vec())
    }

    /// What the module says of itself.
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// The same in the module's own words, as JSON.
    #[must_use]
    pub fn info_json(&self) -> &str {
        &self.info_json
    }

    /// Which module this is.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The limits it runs under.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

impl Manifest {
    /// Reads `module.json` from a folder.
    ///
    /// # Errors
    /// When it is not there or not in the right form.
    pub fn read(dir: &Path) -> Result<Self, LoadError> {
        let path = dir.join(MANIFEST_FILE);
        let bytes = fs::read(&path).map_err(|source| LoadError::Missing {
            path: path.clone(),
            source,
        })?;
        serde_json::from_slice(&bytes).map_err(|error| LoadError::BadManifest {
            path,
            reason: error.to_string(),
        })
    }
}

/// Refuses code that this processor cannot run. wasmtime would refuse it too, in the compiler's terms.
fn check_processor(
    manifest: &Manifest,
    dir: &Path,
    has: impl Fn(&str) -> bool,
) -> Result<(), LoadError> {
    let level = CpuLevel::named(&manifest.cpu).ok_or_else(|| LoadError::BadManifest {
        path: dir.join(MANIFEST_FILE),
        reason: format!("there is no processor level {:?}", manifest.cpu),
    })?;
    if level.arch != std::env::consts::ARCH {
        return Err(LoadError::WrongArchitecture {
            level: level.name,
            arch: level.arch,
        });
    }
    let missing = level.missing(has);
    if missing.is_empty() {
        Ok(())
    } else {
        Err(LoadError::OldProcessor {
            level: level.name,
            missing,
        })
    }
}

/// The host's side of one instance: its limits, and whether it ran into them.
struct Guest {
    limits: StoreLimits,
    memory_refused: bool,
}

impl ResourceLimiter for Guest {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = self.limits.memory_growing(current, desired, maximum)?;
        self.memory_refused |= !granted;
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        // Within the limit, but the system had none to give.
        self.memory_refused = true;
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.limits.table_growing(current, desired, maximum)
    }

    fn instances(&self) -> usize {
        self.limits.instances()
    }

    fn tables(&self) -> usize {
        self.limits.tables()
    }

    fn memories(&self) -> usize {
        self.limits.memories()
    }
}

/// One instance and the clock that watches it. Whatever a call ends with, it is used for one request and dropped.
struct Run<'a> {
    store: Store<Guest>,
    instance: Instance,
    memory: Memory,
    patience: Patience,
    time: Duration,
    memory_limit: usize,
    _clock: Running<'a>,
}

impl<'a> Run<'a> {
    /// Makes an instance and readies it (`cbd_init`: reads the network and plans its run, unless that is part of
    /// the compiled module).
    fn start(
        engine: &Engine,
        pre: &InstancePre<Guest>,
        clock: &'a Clock,
        limits: &Limits,
        patience: &Patience,
    ) -> Result<Self, Failure> {
        if patience.is_left() {
            return Err(cancelled());
        }
        let guest = Guest {
            limits: StoreLimitsBuilder::new()
                .memory_size(limits.memory_bytes)
                .table_elements(TABLE_ELEMENTS)
                .instances(1)
                .memories(1)
                .build(),
            memory_refused: false,
        };
        let mut store = Store::new(engine, guest);
        store.limiter(|guest| guest);
        let running = clock.run();
        // At every tick, a look at the time and at whether anyone still waits.
        let start = Instant::now();
        let left = patience.deadline.map_or(limits.time, |deadline| {
            limits.time.min(deadline.saturating_duration_since(start))
        });
        let watched = patience.clone();
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            Ok(if watched.is_left() || start.elapsed() >= left {
                UpdateDeadline::Interrupt
            } else {
                UpdateDeadline::Continue(1)
            })
        });

        let instance = pre.instantiate(&mut store).map_err(|error| {
            Failure::new(
                "crashed",
                format!("the detector cannot be started: {error:#}"),
            )
        })?;
        let memory = instance
            .get_memory(&mut store, "memory")
            .ok_or_else(|| Failure::new("crashed", "the module exports no memory"))?;
        let mut run = Self {
            store,
            instance,
            memory,
            patience: patience.clone(),
            time: left,
            memory_limit: limits.memory_bytes,
            _clock: running,
        };
        match run.export::<(), i32>("cbd_init", ())? {
            0 => Ok(run),
            _ => Err(Failure::from_module(&run.result()?)),
        }
    }

    /// The module's description: what the host goes by, and all of it.
    fn info(mut self) -> Result<(Info, String), Failure> {
        self.export::<(), i32>("cbd_info", ())?;
        let json = self.result()?;
        let unreadable =
            |reason: String| Failure::new("crashed", format!("the module's description: {reason}"));
        let info = serde_json::from_slice(&json).map_err(|error| unreadable(error.to_string()))?;
        let json = String::from_utf8(json).map_err(|error| unreadable(error.to_string()))?;
        Ok((info, json))
    }

    /// Calls `cbd_detect` or `cbd_annotate`. The inputs are not freed: the instance goes with them.
    fn call(mut self, export: &str, image: &[u8], options: &str) -> Result<Vec<u8>, Failure> {
        let image = self.put(image)?;
        let options = self.put(options.as_bytes())?;
        let arguments = (image.0, image.1, options.0, options.1);
        match self.export::<_, i32>(export, arguments)? {
            0 => self.result(),
            1 => Err(Failure::from_module(&self.result()?)),
            status => Err(self.fault(&format!("{export} answered {status}"))),
        }
    }

    /// Copies bytes into the instance; gives their address and length. Nothing needs no room.
    fn put(&mut self, bytes: &[u8]) -> Result<(u32, u32), Failure> {
        let Ok(length) = u32::try_from(bytes.len()) else {
            return Err(Failure::new(
                "too_many_bytes",
                "the file is larger than a module's memory",
            ));
        };
        if length == 0 {
            return Ok((0, 0));
        }
        let address = self.export::<u32, u32>("cbd_alloc", length)?;
        if address == 0 {
            return Err(self.out_of_memory());
        }
        match self.memory.write(&mut self.store, address as usize, bytes) {
            Ok(()) => Ok((address, length)),
            Err(_) => Err(self.fault("cbd_alloc answered an address outside of memory")),
        }
    }

    /// A copy of the last call's result.
    fn result(&mut self) -> Result<Vec<u8>, Failure> {
        let start = self.export::<(), u32>("cbd_result_ptr", ())? as usize;
        let length = self.export::<(), u32>("cbd_result_len", ())? as usize;
        let memory = self.memory.data(&self.store);
        match start
            .checked_add(length)
            .and_then(|end| memory.get(start..end))
        {
            Some(result) => Ok(result.to_vec()),
            None => Err(self.fault("the result lies outside of memory")),
        }
    }

    /// Calls an export; a trap becomes the failure that it means.
    fn export<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
        arguments: P,
    ) -> Result<R, Failure> {
        self.try_export(name, arguments)
            .map_err(|error| match error.downcast_ref::<Trap>() {
                Some(Trap::Interrupt) if self.patience.is_left() => cancelled(),
                Some(Trap::Interrupt) => Failure::new(
                    "timeout",
                    format!(
                        "the detector did not finish within {} ms; send a smaller picture",
                        self.time.as_millis()
                    ),
                ),
                // Rust's allocator answers a refusal of memory by ending the program.
                _ if self.store.data().memory_refused => self.out_of_memory(),
                _ => match self.last_words() {
                    Some(words) => self.fault(&words),
                    None => self.fault(&format!("{name}: {}", error.root_cause())),
                },
            })
    }

    fn try_export<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
        arguments: P,
    ) -> wasmtime::Result<R> {
        let function = self
            .instance
            .get_typed_func::<P, R>(&mut self.store, name)?;
        function.call(&mut self.store, arguments)
    }

    /// What the module left as its result when it panicked: the error form with the code `internal`.
    fn last_words(&mut self) -> Option<String> {
        let start: u32 = self.try_export("cbd_result_ptr", ()).ok()?;
        let length: u32 = self.try_export("cbd_result_len", ()).ok()?;
        let end = (start as usize).checked_add(length as usize)?;
        let failure = Failure::from_module(self.memory.data(&self.store).get(start as usize..end)?);
        (failure.code == "internal").then_some(failure.detail)
    }

    fn out_of_memory(&self) -> Failure {
        Failure::new(
            "out_of_memory",
            format!(
                "the detector needed more than the {} MiB of memory that a request may use; send a smaller picture",
                self.memory_limit / (1024 * 1024)
            ),
        )
    }

    fn fault(&self, what: &str) -> Failure {
        Failure::new(
            "crashed",
            format!("the detector failed on this picture and was restarted ({what})"),
        )
    }
}

fn cancelled() -> Failure {
    Failure::new("cancelled", "no one waits for this any more")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(cpu: &str) -> Manifest {
        Manifest {
            sha256: String::new(),
            wasmtime: String::new(),
            target: String::new(),
            cpu: cpu.to_owned(),
            ready: true,
        }
    }

    fn refusal(cpu: &str, has: impl Fn(&str) -> bool) -> String {
        let error = check_processor(&manifest(cpu), Path::new("dist"), has).expect_err("refused");
        error.to_string()
    }

    #[test]
    fn a_processor_without_the_level_is_named_with_what_it_lacks() {
        let level = CpuLevel::default_here().expect("a level for this machine");
        assert!(check_processor(&manifest(level.name), Path::new("dist"), |_| true).is_ok());
        if let Some(feature) = level.features.last() {
            let words = refusal(level.name, |name| name != feature.name);
            assert!(
                words.contains(level.name) && words.contains(feature.name),
                "{words}"
            );
        }
    }

    #[test]
    fn another_architecture_and_an_unknown_level_are_refused() {
        let elsewhere = cpu::LEVELS
            .iter()
            .find(|level| level.arch != std::env::consts::ARCH);
        let words = refusal(
            elsewhere.expect("a level of another architecture").name,
            |_| true,
        );
        assert!(words.contains(std::env::consts::ARCH), "{words}");
        assert!(refusal("pentium", |_| true).contains("pentium"));
    }
}
