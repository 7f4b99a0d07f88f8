//! First stage: bytes to picture. Sizes are read from the header and checked before any memory is taken.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, RgbImage};

use crate::error::Error;
use crate::limits::{MAX_BYTES, MAX_DECODED_BYTES, MAX_PIXELS, MAX_SIDE, MIN_SIDE};

/// The formats that are read, by the names that `info` shows.
pub const FORMATS: [&str; 6] = ["jpeg", "png", "webp", "tiff", "bmp", "gif"];

/// Decodes one picture, turns it upright (EXIF orientation) and lays transparency over white.
///
/// Takes the bytes of a whole file. Gives 8-bit grey or 8-bit RGB. Of several pages or frames the first is read.
///
/// # Errors
/// [`Error::EmptyInput`], [`Error::TooManyBytes`], [`Error::UnsupportedFormat`], [`Error::TooManyPixels`],
/// [`Error::TooSmall`], [`Error::CorruptImage`].
pub fn decode(bytes: &[u8]) -> Result<DynamicImage, Error> {
    if bytes.is_empty() {
        return Err(Error::EmptyInput);
    }
    if bytes.len() > MAX_BYTES {
        return Err(Error::TooManyBytes { bytes: bytes.len() });
    }
    let format = guess_format(bytes)?;

    let mut limits = image::Limits::no_limits();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| refuse(&error))?;

    let (width, height) = decoder.dimensions();
    // The decoder's limits guard what it allocates itself; the buffer for the pixels is ours to guard.
    if u64::from(width) * u64::from(height) > MAX_PIXELS
        || width.max(height) > MAX_SIDE
        || decoder.total_bytes() > MAX_DECODED_BYTES
    {
        return Err(Error::TooManyPixels { width, height });
    }
    if width.min(height) < MIN_SIDE {
        return Err(Error::TooSmall { width, height });
    }
    // A broken EXIF block is no reason to refuse a picture that can be shown.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| match error {
        ImageError::Limits(_) => Error::TooManyPixels { width, height },
        error => refuse(&error),
    })?;
    let mut picture = over_white(picture);
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Tells the format from the first bytes; a file's name or content type is never asked.
fn guess_format(bytes: &[u8]) -> Result<ImageFormat, Error> {
    let unsupported = |what: &str| Error::UnsupportedFormat {
        what: what.to_owned(),
    };
    // The reader of TIFF takes BigTIFF too, which `image` does not know by its first bytes.
    if matches!(bytes, [b'I', b'I', 43, 0, ..] | [b'M', b'M', 0, 43, ..]) {
        return Ok(ImageFormat::Tiff);
    }
    match image::guess_format(bytes) {
        Ok(
            format @ (ImageFormat::Jpeg
            | ImageFormat::Png
            | ImageFormat::WebP
            | ImageFormat::Tiff
            | ImageFormat::Bmp
            | ImageFormat::Gif),
        ) => Ok(format),
        Ok(other) => Err(unsupported(&format!("a picture of type {other:?}"))),
        // What people send most often, by name: it saves them a guess.
        Err(_) if bytes.starts_with(b"%PDF") => {
            Err(unsupported("a PDF (its pages are not pictures)"))
        }
        Err(_) if bytes.get(4..8) == Some(b"ftyp") => Err(unsupported("a HEIC picture or a video")),
        Err(_) if bytes.starts_with(b"PK\x03\x04") => {
            Err(unsupported("an archive or office document"))
        }
        Err(_) => Err(unsupported("this kind of file")),
    }
}

fn refuse(error: &ImageError) -> Error {
    match error {
        // Known kind of file, but a part of its format that the decoder does not know.
        ImageError::Unsupported(inner) => Error::UnsupportedFormat {
            what: format!("this picture ({inner})"),
        },
        other => Error::CorruptImage {
            reason: other.to_string(),
        },
    }
}

/// To 8 bits; grey stays grey, everything else becomes RGB; alpha is laid over white paper.
fn over_white(picture: DynamicImage) -> DynamicImage {
    match picture {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageRgb8(_) => picture,
        DynamicImage::ImageLuma16(_) => DynamicImage::ImageLuma8(picture.into_luma8()),
        other if !other.color().has_alpha() => DynamicImage::ImageRgb8(other.into_rgb8()),
        other => {
            let rgba = other.into_rgba8();
            let mut rgb = RgbImage::new(rgba.width(), rgba.height());
            for (to, from) in rgb.pixels_mut().zip(rgba.pixels()) {
                let [r, g, b, a] = from.0;
                // Rounded a*c + (1-a)*white in integers, so that every machine gives the same pixel.
                let blend = |c: u8| {
                    ((u16::from(c) * u16::from(a) + 255 * (255 - u16::from(a)) + 127) / 255) as u8
                };
                to.0 = [blend(r), blend(g), blend(b)];
            }
            DynamicImage::ImageRgb8(rgb)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgba, RgbaImage};

    fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).expect("encodes");
        bytes.into_inner()
    }

    fn grey_ramp(width: u32, height: u32) -> DynamicImage {
        DynamicImage::ImageLuma8(GrayImage::from_fn(width, height, |x, y| {
            Luma([((x * 7 + y * 3) % 256) as u8])
        }))
    }

    #[test]
    fn reads_every_promised_format() {
        let picture = DynamicImage::ImageRgb8(grey_ramp(40, 30).into_rgb8());
        for format in [
            ImageFormat::Jpeg,
            ImageFormat::Png,
            ImageFormat::WebP,
            ImageFormat::Tiff,
            ImageFormat::Bmp,
            ImageFormat::Gif,
        ] {
            let page =
                decode(&encode(&picture, format)).unwrap_or_else(|e| panic!("{format:?}: {e}"));
            assert_eq!((page.width(), page.height()), (40, 30), "{format:?}");
        }
    }

    #[test]
    fn grey_stays_grey_and_exact() {
        let picture = grey_ramp(64, 48);
        assert_eq!(decode(&encode(&picture, ImageFormat::Png)), Ok(picture));
    }

    #[test]
    fn transparency_is_laid_over_white() {
        let mut rgba = RgbaImage::from_pixel(10, 10, Rgba([0, 0, 0, 0]));
        rgba.put_pixel(3, 3, Rgba([0, 0, 0, 255]));
        rgba.put_pixel(4, 4, Rgba([0, 0, 0, 128]));
        let page =
            decode(&encode(&DynamicImage::ImageRgba8(rgba), ImageFormat::Png)).expect("decodes");
        let rgb = page.into_rgb8();
        assert_eq!(rgb.get_pixel(0, 0).0, [255, 255, 255]);
        assert_eq!(rgb.get_pixel(3, 3).0, [0, 0, 0]);
        assert_eq!(rgb.get_pixel(4, 4).0, [127, 127, 127]);
    }

    /// A JPEG with an EXIF orientation of 6 (turn right to see it upright) put in by hand.
    #[test]
    fn exif_orientation_is_applied() {
        let plain = encode(&grey_ramp(40, 20), ImageFormat::Jpeg);
        let exif: &[u8] = &[
            0xFF, 0xE1, 0x00, 0x22, // APP1, 34 bytes
            b'E', b'x', b'i', b'f', 0, 0, // the marker of EXIF
            b'M', b'M', 0, 42, 0, 0, 0, 8, // big endian TIFF, directory at 8
            0, 1, // one entry
            0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, // Orientation, SHORT, 1, value 6
            0, 0, 0, 0, // no further directory
        ];
        let mut turned = plain[..2].to_vec();
        turned.extend_from_slice(exif);
        turned.extend_from_slice(&plain[2..]);
        let upright = decode(&turned).expect("decodes");
        assert_eq!((upright.width(), upright.height()), (20, 40));
        // Turning right puts the lower left corner on top left.
        let flat = decode(&plain).expect("decodes").into_luma8();
        assert_eq!(upright.into_luma8().get_pixel(0, 0), flat.get_pixel(0, 19));
    }

    #[test]
    fn refuses_what_is_no_picture() {
        let code = |bytes: &[u8]| decode(bytes).map(|_| ()).map_err(|e| e.code());
        assert_eq!(code(b""), Err("empty_input"));
        assert_eq!(code(b"hello, this is text"), Err("unsupported_format"));
        assert_eq!(code(b"%PDF-1.7 ..."), Err("unsupported_format"));
        assert_eq!(code(&[0; 64]), Err("unsupported_format"));
        assert_eq!(code(b"\xFF\xD8\xFF\xE0"), Err("corrupt_image"));
        assert!(decode(b"%PDF-1.7").unwrap_err().to_string().contains("PDF"));
    }

    /// BigTIFF: places and counts have 8 bytes. Here 16 x 16 grey pixels in one strip, not compressed.
    #[test]
    fn big_tiff_is_read() {
        let mut file = b"II\x2B\0\x08\0\0\0".to_vec();
        file.extend((16u64 + 256).to_le_bytes());
        file.extend([200; 256]);
        let entries: [(u16, u16, u64); 9] = [
            (256, 4, 16),
            (257, 4, 16),
            (258, 3, 8),
            (259, 3, 1),
            (262, 3, 1),
            (273, 16, 16),
            (277, 3, 1),
            (278, 4, 16),
            (279, 4, 256),
        ];
        file.extend((entries.len() as u64).to_le_bytes());
        for (tag, kind, value) in entries {
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend(1u64.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        file.extend(0u64.to_le_bytes());
        let picture = decode(&file).expect("decodes");
        assert_eq!((picture.width(), picture.height()), (16, 16));
        assert_eq!(picture.to_rgb8().get_pixel(8, 8).0, [200; 3]);
    }

    #[test]
    fn cut_short_files_are_errors_or_pictures_never_panics() {
        for format in [
            ImageFormat::Png,
            ImageFormat::Jpeg,
            ImageFormat::Gif,
            ImageFormat::Tiff,
            ImageFormat::Bmp,
            ImageFormat::WebP,
        ] {
            let whole = encode(
                &DynamicImage::ImageRgb8(grey_ramp(40, 30).into_rgb8()),
                format,
            );
            for cut in [4, 12, 20, whole.len() / 2, whole.len() - 1] {
                // JPEG decoders show what has arrived, which is fine; a panic would fail this test.
                let _ = decode(&whole[..cut]);
            }
        }
        let png = encode(&grey_ramp(40, 30), ImageFormat::Png);
        assert_eq!(
            decode(&png[..png.len() / 2]).unwrap_err().code(),
            "corrupt_image"
        );
    }

    /// A bomb is 67 bytes that claim 30,000 x 30,000 pixels: refused from the header alone.
    #[test]
    fn pixel_bombs_are_refused_before_memory_is_taken() {
        let mut bomb = encode(&grey_ramp(16, 16), ImageFormat::Bmp);
        bomb[18..22].copy_from_slice(&30_000i32.to_le_bytes());
        bomb[22..26].copy_from_slice(&30_000i32.to_le_bytes());
        assert_eq!(decode(&bomb).unwrap_err().code(), "too_many_pixels");

        let mut long = encode(&grey_ramp(16, 16), ImageFormat::Bmp);
        long[18..22].copy_from_slice(&200_000i32.to_le_bytes());
        assert!(decode(&long).is_err());
    }

    #[test]
    fn too_small_and_too_large_files() {
        assert_eq!(
            decode(&encode(&grey_ramp(40, 7), ImageFormat::Png))
                .unwrap_err()
                .code(),
            "too_small"
        );
        assert_eq!(
            decode(&vec![0; MAX_BYTES + 1]).unwrap_err().code(),
            "too_many_bytes"
        );
    }
}
