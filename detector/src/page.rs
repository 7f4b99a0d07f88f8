//! Second stage: picture to network input. Grey, scaled to the size at which it is looked at, cut into
//! overlapping tiles where a page is too long for one.

use std::borrow::Cow;

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage};

use crate::network::Grid;
use crate::parameters::Scale;

/// The network halves its input five times, so both sides are a multiple of this.
pub const MULTIPLE: u32 = 32;

/// A page as the network sees it: grey, at working scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Grey pixels at working scale, 0 black and 255 white.
    pub grey: GrayImage,
    /// Working pixels per page pixel, across.
    pub scale_x: f32,
    /// Working pixels per page pixel, down. Differs from `scale_x` by rounding to whole pixels only.
    pub scale_y: f32,
}

/// A rectangle of the page at working scale, in working pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// Working size of a page of `width` x `height` pixels.
///
/// The long side becomes `long_side`; a page longer than `max_aspect` times its width counts as
/// several pages one below the other, so that its boxes do not shrink to nothing. Small pictures are enlarged at
/// most `max_enlargement` times.
#[must_use]
pub fn working_size(width: u32, height: u32, long_side: u32, scale: &Scale) -> (u32, u32) {
    let (w, h) = (f64::from(width), f64::from(height));
    let page_side = w.max(h).min(w.min(h) * scale.max_aspect);
    let factor = (f64::from(long_side) / page_side).min(scale.max_enlargement);
    let side = |pixels: f64| ((pixels * factor).round() as u32).max(1);
    (side(w), side(h))
}

/// A decoded picture in grey.
#[must_use]
pub fn grey(picture: &DynamicImage) -> Cow<'_, GrayImage> {
    match picture {
        DynamicImage::ImageLuma8(grey) => Cow::Borrowed(grey),
        other => Cow::Owned(other.to_luma8()),
    }
}

/// Brings a grey picture to a working size, both up and down, by a triangle filter as wide as the reduction (no
/// aliasing; what training used).
#[must_use]
pub fn prepare(grey: &GrayImage, (width, height): (u32, u32)) -> Page {
    Page {
        grey: if grey.dimensions() == (width, height) {
            grey.clone()
        } else {
            imageops::resize(grey, width, height, FilterType::Triangle)
        },
        scale_x: width as f32 / grey.width() as f32,
        scale_y: height as f32 / grey.height() as f32,
    }
}

/// Cuts a page of `width` x `height` working pixels into tiles of at most `long_side`, which overlap by `overlap`
/// so that every box is whole in at least one. Row by row; an ordinary page is one tile.
#[must_use]
pub fn tiles(width: u32, height: u32, long_side: u32, overlap: u32) -> Vec<Tile> {
    let columns = spans(width, long_side, overlap);
    spans(height, long_side, overlap)
        .into_iter()
        .flat_map(|(y, height)| {
            columns.iter().map(move |&(x, width)| Tile {
                x,
                y,
                width,
                height,
            })
        })
        .collect()
}

/// Covers `length` by spans of equal size, none longer than `longest`, neighbours sharing at least `overlap`.
fn spans(length: u32, longest: u32, overlap: u32) -> Vec<(u32, u32)> {
    if length <= longest {
        return vec![(0, length)];
    }
    let count = (length - overlap).div_ceil(longest - overlap);
    let size = (length + overlap * (count - 1)).div_ceil(count);
    (0..count)
        .map(|i| {
            // The last one ends with the page.
            let start = (i * (size - overlap)).min(length - size);
            (start, size)
        })
        .collect()
}

/// One tile as network input: shape 1 x height x width, padded with paper to multiples of [`MULTIPLE`];
/// ink is 1, paper 0.
#[must_use]
pub fn input(page: &Page, tile: Tile) -> Grid {
    let (height, width) = (
        tile.height.next_multiple_of(MULTIPLE) as usize,
        tile.width.next_multiple_of(MULTIPLE) as usize,
    );
    let mut grid = Grid::zeros(1, height, width);
    let stride = page.grey.width() as usize;
    let pixels = page.grey.as_raw();
    for row in 0..tile.height as usize {
        let from = (tile.y as usize + row) * stride + tile.x as usize;
        let from = &pixels[from..from + tile.width as usize];
        for (to, &grey) in grid.data[row * width..].iter_mut().zip(from) {
            *to = 1.0 - f32::from(grey) / 255.0;
        }
    }
    grid
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    const LONG_SIDE: u32 = 1280;
    const SCALE: Scale = Scale {
        max_aspect: 1.6,
        max_enlargement: 3.0,
        overlap: 160,
    };

    #[test]
    fn pages_of_every_resolution_come_to_the_same_size() {
        for dpi in [75, 100, 150, 200, 300, 600] {
            let (w, h) = working_size(dpi * 17 / 2, dpi * 11, LONG_SIDE, &SCALE);
            assert_eq!(h, 1280, "{dpi} dpi");
            assert!(w.abs_diff(989) <= 1, "{dpi} dpi: {w}");
        }
    }

    #[test]
    fn small_pictures_grow_only_so_far_and_long_ones_keep_their_width() {
        assert_eq!(working_size(150, 100, LONG_SIDE, &SCALE), (450, 300));
        assert_eq!(working_size(1000, 10_000, LONG_SIDE, &SCALE), (800, 8000));
        assert_eq!(working_size(10_000, 1000, LONG_SIDE, &SCALE), (8000, 800));
        assert_eq!(working_size(60_000, 8, LONG_SIDE, &SCALE).1, 24);
    }

    #[test]
    fn tiles_cover_everything_and_overlap() {
        for (width, height) in [(1, 1), (1280, 990), (1281, 990), (800, 8000), (5000, 3000)] {
            let tiles = tiles(width, height, LONG_SIDE, SCALE.overlap);
            let mut seen = vec![0u8; (width * height) as usize];
            for t in &tiles {
                assert!(t.width <= 1280 && t.height <= 1280);
                assert!(t.x + t.width <= width && t.y + t.height <= height, "{t:?}");
                for y in t.y..t.y + t.height {
                    for x in t.x..t.x + t.width {
                        seen[(y * width + x) as usize] += 1;
                    }
                }
            }
            assert!(seen.iter().all(|&n| n > 0), "{width} x {height}");
        }
        assert_eq!(tiles(990, 1280, LONG_SIDE, SCALE.overlap).len(), 1);
        let long = tiles(800, 8000, LONG_SIDE, SCALE.overlap);
        for pair in long.windows(2) {
            assert!(
                pair[0].y + pair[0].height >= pair[1].y + SCALE.overlap,
                "{pair:?}"
            );
            assert!(pair[0].y < pair[1].y, "no tile twice: {pair:?}");
        }
    }

    #[test]
    fn input_has_ink_one_paper_zero_and_paper_as_padding() {
        let mut grey = GrayImage::from_pixel(40, 33, Luma([255]));
        grey.put_pixel(5, 2, Luma([0]));
        grey.put_pixel(39, 32, Luma([102]));
        let page = Page {
            grey,
            scale_x: 1.0,
            scale_y: 1.0,
        };
        let whole = input(
            &page,
            Tile {
                x: 0,
                y: 0,
                width: 40,
                height: 33,
            },
        );
        assert_eq!((whole.channels, whole.height, whole.width), (1, 64, 64));
        assert_eq!(whole.data[2 * 64 + 5], 1.0);
        assert!((whole.data[32 * 64 + 39] - 0.6).abs() < 1e-6);
        assert!((whole.data.iter().sum::<f32>() - 1.6).abs() < 1e-5);

        let part = input(
            &page,
            Tile {
                x: 4,
                y: 1,
                width: 10,
                height: 10,
            },
        );
        assert_eq!((part.height, part.width), (32, 32));
        assert_eq!(part.data[32 + 1], 1.0);
    }

    #[test]
    fn grey_and_colour_are_scaled_alike() {
        let picture = DynamicImage::ImageLuma8(GrayImage::from_fn(850, 1100, |x, y| {
            Luma([if (x / 10 + y / 10) % 2 == 0 { 30 } else { 240 }])
        }));
        let from_grey = prepare(&grey(&picture), (989, 1280));
        assert_eq!(from_grey.grey.dimensions(), (989, 1280));
        assert!((from_grey.scale_y - 1280.0 / 1100.0).abs() < 1e-6);
        let colour = DynamicImage::ImageRgb8(picture.to_rgb8());
        let from_colour = prepare(&grey(&colour), (989, 1280));
        let worst = from_grey
            .grey
            .pixels()
            .zip(from_colour.grey.pixels())
            .map(|(a, b)| a.0[0].abs_diff(b.0[0]))
            .max();
        assert!(worst <= Some(1), "{worst:?}");
    }
}
