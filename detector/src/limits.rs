//! Every limit of the detector, in one place. Hosts show them (`info`) and may only be stricter.

use serde::Serialize;

/// Largest input file, in bytes. A 600 dpi grey A4 page, uncompressed, is 35 MB.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Largest picture, in pixels. A3 at 600 dpi is 70 million, the largest phone sensors have 108 or 200 (and
/// deliver a quarter of that unless asked).
pub const MAX_PIXELS: u64 = 100_000_000;

/// Largest side, in pixels: A0 at 600 dpi has 28,000. A picture that is very long and thin is cut into very many tiles.
pub const MAX_SIDE: u32 = 32_767;

/// Most bytes a decoder may ask for: [`MAX_PIXELS`] in 8-bit RGB, and some room to work in. Deep pictures
/// (16 bit, alpha) reach it at fewer pixels.
pub const MAX_DECODED_BYTES: u64 = 400 * 1024 * 1024;

/// Smallest side, in pixels: less than this holds no box that could be told from a letter.
pub const MIN_SIDE: u32 = 8;

/// Most boxes reported for one page; a dense answer sheet has about a thousand.
pub const MAX_DETECTIONS: usize = 5_000;

/// The limits as they are shown to callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// See [`MAX_BYTES`].
    pub max_bytes: usize,
    /// See [`MAX_PIXELS`].
    pub max_pixels: u64,
    /// See [`MAX_SIDE`].
    pub max_side: u32,
    /// See [`MIN_SIDE`].
    pub min_side: u32,
    /// See [`MAX_DECODED_BYTES`].
    pub max_decoded_bytes: u64,
    /// See [`MAX_DETECTIONS`].
    pub max_detections: usize,
}

/// The limits this build enforces.
pub const LIMITS: Limits = Limits {
    max_bytes: MAX_BYTES,
    max_pixels: MAX_PIXELS,
    max_side: MAX_SIDE,
    min_side: MIN_SIDE,
    max_decoded_bytes: MAX_DECODED_BYTES,
    max_detections: MAX_DETECTIONS,
};
