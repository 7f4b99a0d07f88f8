//! The module's plain exports: bytes in, bytes out, for any host that can call a WebAssembly function. They call
//! no import. `PROTOCOL.md` beside this crate says how to use them; this file is the only one with `unsafe`.

use std::cell::RefCell;

use crate::error::Error;
use crate::options::{self, ModuleInfo};
use crate::result::Failure;
use crate::with_detector;

/// The call succeeded; the result is what was asked for.
pub const OK: i32 = 0;
/// The call failed; the result is the error form, as JSON.
pub const FAILED: i32 = 1;

thread_local! {
    /// What the last call left for the host to read.
    static RESULT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Stores an answer and tells which kind it is.
fn answer(result: Result<Vec<u8>, Error>) -> i32 {
    let (code, bytes) = match result {
        Ok(bytes) => (OK, bytes),
        Err(error) => (FAILED, failure(&error)),
    };
    RESULT.set(bytes);
    code
}

fn failure(error: &Error) -> Vec<u8> {
    serde_json::to_vec(&Failure::from(error)).unwrap_or_default()
}

fn json<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::Internal {
        reason: error.to_string(),
    })
}

/// Leaves a panic's words where the host finds them after the trap, as an error form with code `internal`.
pub(crate) fn keep_panics_words() {
    // Native tests keep the default hook: there a panic unwinds and is printed.
    #[cfg(target_arch = "wasm32")]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            std::panic::set_hook(Box::new(|panic| {
                let reason = panic.to_string();
                RESULT.set(failure(&Error::Internal { reason }));
            }));
        });
    }
}

/// The caller's bytes.
///
/// # Safety
/// `len` bytes at `ptr` are readable and not written to meanwhile, or `len` is 0.
unsafe fn bytes<'a>(ptr: *const u8, len: usize) -> &'a [u8] {
    if len == 0 {
        return &[];
    }
    // SAFETY: promised by the caller.
    unsafe { std::slice::from_raw_parts(ptr, len) }
}

/// Builds the networks' plans, so that no picture waits for them. Idempotent; the others do it if it was not called.
#[unsafe(no_mangle)]
pub extern "C" fn cbd_init() -> i32 {
    keep_panics_words();
    // A second call finds all of it done and leaves the memory as it is, to the byte: hosts start instances from it.
    answer(with_detector(|_| Ok(Vec::new())))
}

/// Memory for `len` bytes that the host fills and hands back with [`cbd_free`]; 0 if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn cbd_alloc(len: usize) -> *mut u8 {
    let mut memory: Vec<u8> = Vec::new();
    // `try_reserve`: a host that asks for too much gets 0 and not a trap.
    if len == 0 || memory.try_reserve_exact(len).is_err() {
        return std::ptr::null_mut();
    }
    let ptr = memory.as_mut_ptr();
    std::mem::forget(memory);
    ptr
}

/// Takes back what [`cbd_alloc`] gave.
///
/// # Safety
/// `ptr` came from `cbd_alloc(len)` with the same `len`, and is handed back once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cbd_free(ptr: *mut u8, len: usize) {
    if ptr.is_null() || len == 0 {
        return;
    }
    // SAFETY: promised by the caller; `try_reserve_exact` on an empty vector of bytes takes exactly `len`.
    drop(unsafe { Vec::from_raw_parts(ptr, 0, len) });
}

/// Result: what this build is, as JSON ([`ModuleInfo`]).
#[unsafe(no_mangle)]
pub extern "C" fn cbd_info() -> i32 {
    keep_panics_words();
    answer(ModuleInfo::new().and_then(|info| json(&info)))
}

/// Finds the checkboxes on the picture file at `image`. `options` is JSON ([`crate::DetectOptions`]) or nothing.
/// Result: the result form as JSON.
///
/// # Safety
/// Both pointers have as many readable bytes as their lengths say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cbd_detect(
    image: *const u8,
    image_len: usize,
    options: *const u8,
    options_len: usize,
) -> i32 {
    keep_panics_words();
    // SAFETY: promised by the caller.
    let (image, options) = unsafe { (bytes(image, image_len), bytes(options, options_len)) };
    answer(with_detector(|detector| {
        json(&detector.detect(image, &options::parse(options)?)?)
    }))
}

/// Draws what [`cbd_detect`] finds. `options` is JSON ([`crate::AnnotateOptions`]) or nothing. Result: a JPEG or PNG.
///
/// # Safety
/// As [`cbd_detect`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cbd_annotate(
    image: *const u8,
    image_len: usize,
    options: *const u8,
    options_len: usize,
) -> i32 {
    keep_panics_words();
    // SAFETY: promised by the caller.
    let (image, options) = unsafe { (bytes(image, image_len), bytes(options, options_len)) };
    answer(with_detector(|detector| {
        detector.annotate(image, &options::parse(options)?)
    }))
}

/// Where the last call's result lies; valid until the next call.
#[unsafe(no_mangle)]
pub extern "C" fn cbd_result_ptr() -> *const u8 {
    RESULT.with_borrow(|result| result.as_ptr())
}

/// How many bytes the last call's result has.
#[unsafe(no_mangle)]
pub extern "C" fn cbd_result_len() -> usize {
    RESULT.with_borrow(Vec::len)
}

/// tract's operator library asks for a source of randomness; nothing here draws a random number, and the module
/// must not import one. Should anything ever ask, it gets an error, not zeros.
#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
unsafe extern "Rust" fn __getrandom_v03_custom(
    _dest: *mut u8,
    _len: usize,
) -> Result<(), getrandom::Error> {
    Err(getrandom::Error::UNSUPPORTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result() -> Vec<u8> {
        // SAFETY: the result stays put until the next call on this thread.
        unsafe { bytes(cbd_result_ptr(), cbd_result_len()) }.to_vec()
    }

    #[test]
    fn speaks_the_protocol() {
        assert_eq!(cbd_init(), OK);
        assert_eq!(cbd_info(), OK);
        let info: serde_json::Value = serde_json::from_slice(&result()).expect("JSON");
        assert_eq!(info["name"], "checkbox-detector");

        let ptr = cbd_alloc(3);
        assert!(!ptr.is_null());
        // SAFETY: three bytes were just given.
        unsafe { ptr.copy_from_nonoverlapping(b"abc".as_ptr(), 3) };
        // SAFETY: as above; no options.
        assert_eq!(unsafe { cbd_detect(ptr, 3, std::ptr::null(), 0) }, FAILED);
        let error: serde_json::Value = serde_json::from_slice(&result()).expect("JSON");
        assert_eq!(error["code"], "unsupported_format");
        // SAFETY: from cbd_alloc(3).
        unsafe { cbd_free(ptr, 3) };
    }

    #[test]
    fn refuses_what_it_cannot_give() {
        assert!(cbd_alloc(0).is_null());
        assert!(cbd_alloc(usize::MAX / 2).is_null());
        // SAFETY: nothing to free is nothing to do.
        unsafe { cbd_free(std::ptr::null_mut(), 0) };
        // SAFETY: no bytes are read.
        assert_eq!(
            unsafe { cbd_detect(std::ptr::null(), 0, std::ptr::null(), 0) },
            FAILED
        );
        assert!(String::from_utf8_lossy(&result()).contains("empty_input"));
    }
}
