//! Everything that can go wrong, with a stable code for programs and words for people.

use crate::limits::{MAX_BYTES, MAX_PIXELS, MAX_SIDE, MIN_SIDE};

/// Why a page could not be read. [`Error::code`] is stable; the words may change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No bytes at all.
    #[error("the file is empty")]
    EmptyInput,
    /// More bytes than [`MAX_BYTES`].
    #[error("the file has {bytes} bytes; the most that is read is {MAX_BYTES}")]
    TooManyBytes {
        /// Size of the file.
        bytes: usize,
    },
    /// Not a picture, or a kind of picture that is not read.
    #[error("{what} cannot be read; send a JPEG, PNG, WebP, TIFF, BMP or GIF picture")]
    UnsupportedFormat {
        /// The format found, in words.
        what: String,
    },
    /// The format is known, the content is broken.
    #[error("the picture could not be decoded: {reason}")]
    CorruptImage {
        /// The decoder's own words.
        reason: String,
    },
    /// More pixels than are read, or a form of storage that takes too much memory for them.
    #[error(
        "the picture is {width} x {height} pixels; the most that is read is {MAX_PIXELS} pixels in all, \
         {MAX_SIDE} on a side and less for more than 8 bits a channel; scale it down first"
    )]
    TooManyPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// Too small to hold a checkbox.
    #[error(
        "the picture is {width} x {height} pixels; at least {MIN_SIDE} are needed on each side"
    )]
    TooSmall {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The options are not what the protocol says.
    #[error("the options are not valid: {reason}")]
    BadOptions {
        /// What is wrong with them.
        reason: String,
    },
    /// The network could not be built or run. Not the caller's fault.
    #[error("the network failed: {reason}")]
    Network {
        /// tract's words.
        reason: String,
    },
    /// A fault of the detector itself. Not the caller's fault.
    #[error("internal fault: {reason}")]
    Internal {
        /// What failed.
        reason: String,
    },
}

impl Error {
    /// The stable code of this error, as it stands in the result form.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::EmptyInput => "empty_input",
            Self::TooManyBytes { .. } => "too_many_bytes",
            Self::UnsupportedFormat { .. } => "unsupported_format",
            Self::CorruptImage { .. } => "corrupt_image",
            Self::TooManyPixels { .. } => "too_many_pixels",
            Self::TooSmall { .. } => "too_small",
            Self::BadOptions { .. } => "bad_options",
            Self::Network { .. } => "network",
            Self::Internal { .. } => "internal",
        }
    }
}
