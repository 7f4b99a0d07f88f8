//! wasmtime, configured once for the program that compiles and the one that runs: a file compiled under one
//! configuration is refused under another.
//!
//! The only `unsafe` of this crate is here, because both steps hand wasmtime something it has to take on trust.
#![allow(unsafe_code)]

use std::path::Path;

use wasmtime::{Config, Engine, Module, Result};

/// What running and compiling have in common.
fn config() -> Config {
    let mut config = Config::new();
    // The time limit: the code looks at a counter at every loop and call, which costs a few per cent; counting
    // fuel instead would cost several times that.
    config.epoch_interruption(true);
    // What the module is made with and nothing else: simd128 is on by default and stays on.
    config.wasm_relaxed_simd(false);
    config.wasm_multi_memory(false);
    config.wasm_memory64(false);
    // Tables for debuggers and for line numbers in traces; the module is shipped without names. They would be a
    // good part of the compiled file.
    config.native_unwind_info(false);
    config.generate_address_map(false);
    config
}

/// An engine that runs what was compiled under the same configuration.
///
/// # Errors
/// When wasmtime does not run on this machine.
pub fn runner() -> Result<Engine> {
    Engine::new(&config())
}

/// Maps a compiled module into memory; pages are read as they are first used.
///
/// # Errors
/// When the file is not there, or was compiled by another wasmtime, with another configuration or for another
/// kind of machine.
pub fn map(engine: &Engine, path: &Path) -> Result<Module> {
    // SAFETY: wasmtime checks version, configuration and processor, but trusts the machine code in the file. The
    // file is this project's own build product, made by `precompile`, installed beside this program and as
    // trusted as the program itself; `precompile` replaces it by renaming, so that a mapped file never changes.
    unsafe { Module::deserialize_file(engine, path) }
}

/// Compiles a module for every processor of a level, not just the one this runs on.
///
/// # Errors
/// When the bytes are not a valid module, or the machine's operating system is one wasmtime does not know.
#[cfg(feature = "compile")]
pub fn compile(wasm: &[u8], target: &str, level: &crate::cpu::CpuLevel) -> Result<Vec<u8>> {
    let mut config = config();
    // Naming the target turns off what wasmtime would otherwise infer from this machine's own processor.
    config.target(target)?;
    for flag in level.features.iter().filter_map(|feature| feature.flag) {
        // SAFETY: a wrong flag makes code that the processor cannot run. These are the features of the named
        // level, which is written beside the file and looked for before the file is loaded; wasmtime checks too.
        unsafe { config.cranelift_flag_enable(flag) };
    }
    Engine::new(&config)?.precompile_module(wasm)
}
