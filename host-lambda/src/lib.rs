//! Runs the checkbox detector's WebAssembly module on a server: as a local HTTP server with the page, on AWS
//! Lambda, and over files on the command line. The module is the same file that the browser runs.
//!
//! From the inside out:
//! - [`engine`], [`cpu`], [`clock`]: wasmtime, what the compiled code needs, the time limit.
//! - [`module`]: the module; a picture's bytes in, the result's bytes out. `precompile` (feature `compile`) makes
//!   what it loads, `snapshot` the state in which it begins.
//! - [`input`]: a request's body (multipart, JSON, a bare picture) as pictures and options; [`pages`]: a file as its
//!   pages; [`answer`]: many results as one.
//! - [`app`]: whose turn it is, and the work; what every way in shares. [`auth`] says who may call, [`log`] what is said.
//! - [`http`]: one handler from a plain request to a plain response; [`page`] has the static files, [`openapi`] the
//!   description.
//! - [`events`]: what comes to a function without HTTP: direct calls, and objects in S3, which [`s3`] reads and writes.
//! - [`serve`] and [`lambda`] carry requests to them; [`count`] works on files.
//! - [`settings`], [`limits`] and [`failure`] are used by all.
#![deny(unsafe_code)]

pub mod answer;
pub mod app;
pub mod auth;
pub mod clock;
pub mod count;
pub mod cpu;
pub mod engine;
pub mod events;
pub mod failure;
pub mod http;
pub mod identity;
pub mod input;
pub mod lambda;
pub mod limits;
pub mod log;
pub mod module;
pub mod openapi;
pub mod page;
pub mod pages;
#[cfg(feature = "compile")]
pub mod precompile;
pub mod s3;
pub mod serve;
pub mod settings;
#[cfg(feature = "compile")]
pub mod snapshot;
