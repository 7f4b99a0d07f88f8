//! Runs the checkbox detector's WebAssembly module on a server: as a local HTTP server with the page, on AWS
//! Lambda, and over files on the command line. The module is the same file that the browser runs.
//!
//! From the inside out:
//! - [`engine`], [`cpu`], [`clock`]: wasmtime, what the compiled code needs, the time limit.
//! - [`module`]: the module; a picture's bytes in, the result's bytes out. `precompile` (feature `compile`) makes
//!   what it loads, `snapshot` the state in which it begins.
//! - [`input`]: a request's body (multipart, JSON, a bare picture) as a picture and options.
//! - [`http`]: one handler from a plain request to a plain response; [`page`] has the static files.
//! - [`serve`] and [`lambda`] carry requests to it; [`count`] works on files.
//! - [`settings`], [`limits`] and [`failure`] are used by all.
#![deny(unsafe_code)]

pub mod clock;
pub mod count;
pub mod cpu;
pub mod engine;
pub mod failure;
pub mod http;
pub mod identity;
pub mod input;
pub mod lambda;
pub mod limits;
pub mod module;
pub mod page;
#[cfg(feature = "compile")]
pub mod precompile;
pub mod serve;
pub mod settings;
#[cfg(feature = "compile")]
pub mod snapshot;
