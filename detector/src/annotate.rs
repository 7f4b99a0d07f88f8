//! The page with its boxes drawn in and the counts written beneath, for people who would rather look.

use std::io::Cursor;

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GenericImage, ImageFormat, Rgb, RgbImage};
use serde::Deserialize;

use crate::error::Error;
use crate::options::DetectOptions;
use crate::result::{Class, Counts, DetectionResult};

/// DejaVu Sans, cut down to the letters of the legend (licence beside it).
const FONT: &[u8] = include_bytes!("../assets/legend.ttf");

/// Blue and orange of the palette of Okabe and Ito, which colour-blind people tell apart too.
const EMPTY: Rgb<u8> = Rgb([0, 114, 178]);
const FILLED: Rgb<u8> = Rgb([213, 94, 0]);
const TEXT: Rgb<u8> = Rgb([32, 32, 32]);
const PAPER: Rgb<u8> = Rgb([244, 244, 242]);

/// At quality 90 a scan is a tenth of its PNG and its lines are still crisp.
const JPEG_QUALITY: u8 = 90;

/// How the annotated picture is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PictureFormat {
    /// Small; the default.
    #[default]
    Jpeg,
    /// Exact.
    Png,
}

/// Options of `annotate`: those of `detect`, and the format of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnnotateOptions {
    /// See [`DetectOptions::conf`].
    pub conf: Option<f64>,
    /// JPEG or PNG.
    pub format: PictureFormat,
}

impl AnnotateOptions {
    /// The part that concerns the detection.
    #[must_use]
    pub fn detect(&self) -> DetectOptions {
        DetectOptions { conf: self.conf }
    }
}

/// Draws each box (empty: a plain blue frame; filled: a thicker orange one with a bar above) around, not over, what
/// it marks, and adds a strip with the counts below the page.
#[must_use]
pub fn draw(picture: DynamicImage, result: &DetectionResult) -> RgbImage {
    let page = picture.into_rgb8();
    let (width, height) = page.dimensions();
    let line = (width.max(height) / 700).max(2);
    let strip = (width / 24).clamp(18, 160);

    let mut canvas = RgbImage::from_pixel(width, height + strip, PAPER);
    canvas
        .copy_from(&page, 0, 0)
        .expect("the canvas is as wide as the page and higher");
    drop(page);

    for detection in &result.detections {
        let b = detection.bbox;
        let frame = [b.x1.floor(), b.y1.floor(), b.x2.ceil(), b.y2.ceil()].map(|edge| edge as i64);
        match detection.class {
            Class::Empty => outline(&mut canvas, height, frame, line, EMPTY),
            Class::Filled => {
                outline(&mut canvas, height, frame, line + line / 2, FILLED);
                let [x1, y1, x2, _] = frame;
                let above = y1 - i64::from(4 * line);
                let bar = [x1, above, x2, above + i64::from(line)];
                fill(&mut canvas, height, bar, FILLED);
            }
        }
    }
    legend(&mut canvas, height, strip, result.counts);
    canvas
}

/// Encodes the drawn picture.
///
/// # Errors
/// [`Error::Internal`] if the encoder refuses, which no size within the limits makes it do.
pub fn encode(picture: &RgbImage, format: PictureFormat) -> Result<Vec<u8>, Error> {
    let mut bytes = Cursor::new(Vec::new());
    match format {
        PictureFormat::Jpeg => {
            picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY))
        }
        PictureFormat::Png => picture.write_to(&mut bytes, ImageFormat::Png),
    }
    .map_err(|error| Error::Internal {
        reason: format!("the annotated picture could not be encoded: {error}"),
    })?;
    Ok(bytes.into_inner())
}

/// Fills a rectangle `[x1, y1, x2, y2]`, clipped to the page (the strip below `height` stays free).
fn fill(canvas: &mut RgbImage, height: u32, [x1, y1, x2, y2]: [i64; 4], colour: Rgb<u8>) {
    let clip = |v: i64, most: u32| v.clamp(0, i64::from(most)) as u32;
    for y in clip(y1, height)..clip(y2, height) {
        for x in clip(x1, canvas.width())..clip(x2, canvas.width()) {
            canvas.put_pixel(x, y, colour);
        }
    }
}

/// A frame of `line` pixels just outside the rectangle.
fn outline(
    canvas: &mut RgbImage,
    height: u32,
    [x1, y1, x2, y2]: [i64; 4],
    line: u32,
    colour: Rgb<u8>,
) {
    let line = i64::from(line);
    for side in [
        [x1 - line, y1 - line, x2 + line, y1],
        [x1 - line, y2, x2 + line, y2 + line],
        [x1 - line, y1, x1, y2],
        [x2, y1, x2 + line, y2],
    ] {
        fill(canvas, height, side, colour);
    }
}

/// Writes the counts into the strip that starts at row `top`.
fn legend(canvas: &mut RgbImage, top: u32, strip: u32, counts: Counts) {
    let font = FontRef::try_from_slice(FONT).expect("the font is part of the build");
    let size = strip as f32 * 0.6;
    let mut x = strip as f32 * 0.4;
    let baseline = top as f32 + strip as f32 * 0.7;
    let total = counts.empty_checkbox + counts.filled_checkbox;
    for (text, colour) in [
        (format!("{} empty", counts.empty_checkbox), EMPTY),
        (format!("{} filled", counts.filled_checkbox), FILLED),
        (format!("{total} in all"), TEXT),
    ] {
        x = write(canvas, &font, &text, size, (x, baseline), colour) + size;
    }
}

/// Writes a line of text and gives the x where it ends; pixels beyond the canvas are left out.
fn write(
    canvas: &mut RgbImage,
    font: &FontRef,
    text: &str,
    size: f32,
    (mut x, baseline): (f32, f32),
    colour: Rgb<u8>,
) -> f32 {
    let scaled = font.as_scaled(PxScale::from(size));
    for letter in text.chars() {
        let glyph: Glyph = scaled
            .glyph_id(letter)
            .with_scale_and_position(size, point(x, baseline));
        x += scaled.h_advance(glyph.id);
        let Some(outlined) = font.outline_glyph(glyph) else {
            continue;
        };
        let bounds = outlined.px_bounds();
        outlined.draw(|dx, dy, cover| {
            let (px, py) = (bounds.min.x + dx as f32, bounds.min.y + dy as f32);
            if px < 0.0 || py < 0.0 {
                return;
            }
            if let Some(pixel) = canvas.get_pixel_mut_checked(px as u32, py as u32) {
                for (to, from) in pixel.0.iter_mut().zip(colour.0) {
                    *to = (f32::from(*to) + (f32::from(from) - f32::from(*to)) * cover.min(1.0))
                        as u8;
                }
            }
        });
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::{BoundingBox, Detection, ImageSize};

    fn result(detections: &[(Class, [f64; 4])]) -> DetectionResult {
        let detections = detections
            .iter()
            .map(|&(class, [x1, y1, x2, y2])| Detection {
                class,
                confidence: 0.9,
                bbox: BoundingBox { x1, y1, x2, y2 },
            })
            .collect();
        DetectionResult::new(
            ImageSize {
                width: 400,
                height: 300,
            },
            detections,
            "test",
        )
    }

    fn white() -> DynamicImage {
        DynamicImage::ImageRgb8(RgbImage::from_pixel(400, 300, Rgb([255; 3])))
    }

    #[test]
    fn draws_around_the_box_not_over_it() {
        let drawn = draw(
            white(),
            &result(&[
                (Class::Empty, [50.0, 60.0, 70.0, 80.0]),
                (Class::Filled, [150.0, 60.0, 170.0, 80.0]),
            ]),
        );
        assert_eq!(drawn.get_pixel(60, 70).0, [255; 3]);
        assert_eq!(*drawn.get_pixel(49, 70), EMPTY);
        assert_eq!(*drawn.get_pixel(70, 70), EMPTY);
        assert_eq!(*drawn.get_pixel(149, 70), FILLED);
        assert_eq!(
            *drawn.get_pixel(160, 53),
            FILLED,
            "the bar above tells the shapes apart"
        );
        assert_eq!(drawn.get_pixel(60, 53).0, [255; 3]);
    }

    #[test]
    fn boxes_at_the_edge_and_tiny_pages_do_not_panic() {
        let at_edge = result(&[
            (Class::Filled, [-5.0, -5.0, 8.0, 8.0]),
            (Class::Empty, [390.0, 290.0, 400.0, 300.0]),
        ]);
        let drawn = draw(white(), &at_edge);
        assert_eq!(drawn.dimensions(), (400, 316 + 2));
        assert_eq!(draw(DynamicImage::new_rgb8(8, 8), &at_edge).width(), 8);
        assert_eq!(draw(DynamicImage::new_luma8(8, 3000), &at_edge).width(), 8);
    }

    #[test]
    fn the_legend_says_the_counts() {
        let strip = |n: usize| {
            let boxes = vec![(Class::Empty, [50.0, 60.0, 70.0, 80.0]); n];
            let drawn = draw(white(), &result(&boxes));
            image::imageops::crop_imm(&drawn, 0, 300, 400, 18).to_image()
        };
        assert_ne!(strip(1), strip(2));
        // Strokes this thin are never fully covered, but clearly blue.
        assert!(
            strip(1)
                .pixels()
                .any(|p| p.0[2] > p.0[0].saturating_add(60))
        );
    }

    #[test]
    fn encodes_both_formats() {
        let drawn = draw(white(), &result(&[]));
        let jpeg = encode(&drawn, PictureFormat::Jpeg).expect("encodes");
        let png = encode(&drawn, PictureFormat::Png).expect("encodes");
        assert!(jpeg.starts_with(&[0xFF, 0xD8, 0xFF]));
        let back = image::load_from_memory(&png).expect("decodes");
        assert_eq!(back.into_rgb8(), drawn);
    }

    #[test]
    fn every_letter_of_the_legend_is_in_the_font() {
        let font = FontRef::try_from_slice(FONT).expect("readable");
        for letter in "0123456789 empty filled in all".chars() {
            assert_ne!(font.glyph_id(letter).0, 0, "{letter:?}");
        }
    }
}
