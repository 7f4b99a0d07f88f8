//! Second stage: picture to network input. Grey, cut into tiles, each scaled as the page is looked at: all of the page,
//! in overlapping tiles where it is too long for one, or windows around places in doubt.

use std::borrow::Cow;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, GrayImage};

use crate::error::Error;
use crate::network::Grid;
use crate::parameters::Scale;

/// The network halves its input five times, so both sides are a multiple of this.
pub const MULTIPLE: u32 = 32;

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

impl Tile {
    /// Pixels.
    #[must_use]
    pub fn area(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Whether a box (left, upper, right, lower edge, working pixels) keeps `inset` pixels from those edges of the tile
    /// beyond which the page of `size` (width, height) goes on.
    #[must_use]
    pub fn holds(&self, edges: [f32; 4], inset: f32, size: (u32, u32)) -> bool {
        let (right, below) = (self.x + self.width, self.y + self.height);
        (self.x == 0 || edges[0] >= self.x as f32 + inset)
            && (self.y == 0 || edges[1] >= self.y as f32 + inset)
            && (right == size.0 || edges[2] <= right as f32 - inset)
            && (below == size.1 || edges[3] <= below as f32 - inset)
    }
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

/// Square tiles of `side` that show each of the `boxes` (left, upper, right, lower edge, working pixels) with `margin`
/// pixels around it, as far as the page of `size` (width, height) goes. One after the other around as many as it can hold,
/// from the topmost on and from left to right; for a box too large, a larger one.
#[must_use]
pub fn windows(boxes: &[[f32; 4]], size: (u32, u32), side: u32, margin: u32) -> Vec<Tile> {
    let (side, margin) = (i64::from(side), i64::from(margin));
    let mut rest: Vec<[i64; 4]> = boxes
        .iter()
        .map(|&[x1, y1, x2, y2]| {
            let low = |edge: f32| edge.floor() as i64 - margin;
            let high = |edge: f32| edge.ceil() as i64 + margin;
            [low(x1), low(y1), high(x2), high(y2)]
        })
        .collect();
    let mut tiles = Vec::new();
    while let Some(&top) = rest.iter().min_by_key(|area| area[1]) {
        let in_row = |area: &[i64; 4]| *area == top || area[3] <= top[1] + side;
        let first = rest
            .iter()
            .copied()
            .filter(in_row)
            .min_by_key(|area| area[0])
            .unwrap_or(top);
        let (held, left): (Vec<_>, Vec<_>) = rest
            .into_iter()
            .partition(|area| *area == first || (in_row(area) && area[2] <= first[0] + side));
        let hull = held.iter().fold(first, |hull, area| {
            [
                hull[0].min(area[0]),
                hull[1].min(area[1]),
                hull[2].max(area[2]),
                hull[3].max(area[3]),
            ]
        });
        let (x, width) = centred(hull[0], hull[2], side, size.0);
        let (y, height) = centred(hull[1], hull[3], side, size.1);
        tiles.push(Tile {
            x,
            y,
            width,
            height,
        });
        rest = left;
    }
    tiles
}

/// Start and size of a span of at least `side` around `low` to `high`, as far as 0 to `length` goes.
///
/// It starts at a multiple of [`MULTIPLE`]: the network's answers depend a little on where its cells lie on a box, and so
/// they lie there as they do when it reads the whole page.
fn centred(low: i64, high: i64, side: i64, length: u32) -> (u32, u32) {
    let (length, multiple) = (i64::from(length), i64::from(MULTIPLE));
    let size = side.max(high - low);
    let start = ((low + high - size) / 2).max(0) / multiple * multiple;
    let last = ((length - size).max(0) as u64).next_multiple_of(u64::from(MULTIPLE)) as i64;
    let start = start.min(last);
    (start as u32, size.min(length - start) as u32)
}

/// One tile of a grey page at the working size `size` (width, height) as network input: shape 1 x height x width, padded
/// with paper to multiples of [`MULTIPLE`]; ink is 1, paper 0.
///
/// Both up and down the page is scaled by a triangle filter as wide as the reduction (no aliasing; what training used),
/// and of the scaled page no more is made than the tile.
///
/// # Errors
/// [`Error::Internal`] for a tile that is not on the page.
pub fn input(grey: &GrayImage, size: (u32, u32), tile: Tile) -> Result<Grid, Error> {
    let failed = |reason: &dyn std::fmt::Display| Error::Internal {
        reason: format!("scaling: {reason}"),
    };
    let source = TypedImageRef::<U8>::from_buffer(grey.width(), grey.height(), grey.as_raw())
        .map_err(|error| failed(&error))?;
    // In the picture's own pixels; rounding must not lead beyond its edge.
    let span = |start: u32, length: u32, scaled: u32, whole: u32| {
        let ratio = f64::from(whole) / f64::from(scaled);
        let start = f64::from(start) * ratio;
        (
            start,
            (f64::from(length) * ratio).min(f64::from(whole) - start),
        )
    };
    let (left, width) = span(tile.x, tile.width, size.0, grey.width());
    let (top, height) = span(tile.y, tile.height, size.1, grey.height());
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
        .crop(left, top, width, height);
    let mut scaled = TypedImage::<U8>::new(tile.width, tile.height);
    Resizer::new()
        .resize_typed(&source, &mut scaled, &options)
        .map_err(|error| failed(&error))?;

    let (height, width) = (
        tile.height.next_multiple_of(MULTIPLE) as usize,
        tile.width.next_multiple_of(MULTIPLE) as usize,
    );
    let mut grid = Grid::zeros(1, height, width);
    let rows = scaled.pixels().chunks_exact(tile.width as usize);
    for (to, from) in grid.data.chunks_exact_mut(width).zip(rows) {
        for (to, grey) in to.iter_mut().zip(from) {
            *to = 1.0 - f32::from(grey.0) / 255.0;
        }
    }
    Ok(grid)
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

    /// What `windows` must keep: each box shown with what is around it, on the page, in step with the whole page's cells.
    fn windows_around(boxes: &[[f32; 4]], size: (u32, u32)) -> Vec<Tile> {
        let tiles = windows(boxes, size, 320, 64);
        for t in &tiles {
            assert!(t.x % MULTIPLE == 0 && t.y % MULTIPLE == 0, "{t:?}");
            assert!(t.x + t.width <= size.0 && t.y + t.height <= size.1, "{t:?}");
        }
        for edges in boxes {
            assert!(
                tiles.iter().any(|t| t.holds(*edges, 32.0, size)),
                "{edges:?}"
            );
        }
        tiles
    }

    fn square(x: f32, y: f32, side: f32) -> [f32; 4] {
        [x, y, x + side, y + side]
    }

    #[test]
    fn windows_hold_neighbours_together() {
        let size = (1236, 1600);
        assert!(windows_around(&[], size).is_empty());
        let one = windows_around(&[square(600.0, 700.0, 20.0)], size);
        assert_eq!(one.len(), 1);
        assert_eq!((one[0].width, one[0].height), (320, 320));
        let near = [
            square(600.0, 700.0, 20.0),
            square(700.0, 690.0, 20.0),
            square(610.0, 800.0, 20.0),
        ];
        assert_eq!(windows_around(&near, size).len(), 1);
        let apart = [
            square(10.0, 10.0, 20.0),
            square(1200.0, 15.0, 20.0),
            square(10.0, 900.0, 20.0),
        ];
        assert_eq!(windows_around(&apart, size).len(), 3);
    }

    #[test]
    fn windows_end_with_the_page_and_grow_with_a_large_box() {
        let size = (1236, 1600);
        for (x, y) in [(0.0, 0.0), (1216.0, 0.0), (0.0, 1580.0), (1216.0, 1580.0)] {
            let tiles = windows_around(&[square(x, y, 20.0)], size);
            assert!(tiles.len() == 1 && tiles[0].width <= 320 && tiles[0].height <= 320);
        }
        let large = windows_around(&[square(400.0, 400.0, 300.0)], size);
        assert_eq!((large[0].width, large[0].height), (428, 428));
        let small_page = windows_around(&[square(40.0, 40.0, 20.0)], (100, 90));
        assert_eq!(
            small_page,
            [Tile {
                x: 0,
                y: 0,
                width: 100,
                height: 90
            }]
        );
        // Beyond the page's edge is nothing to see, wherever the boxes lie.
        let column: Vec<_> = (0..60)
            .map(|i| square(1210.0, 26.0 * i as f32, 20.0))
            .collect();
        assert!(windows_around(&column, size).len() < 10);
    }

    fn input_of(grey: &GrayImage, size: (u32, u32), tile: [u32; 4]) -> Grid {
        let [x, y, width, height] = tile;
        let tile = Tile {
            x,
            y,
            width,
            height,
        };
        input(grey, size, tile).expect("scales")
    }

    #[test]
    fn input_has_ink_one_paper_zero_and_paper_as_padding() {
        let mut grey = GrayImage::from_pixel(40, 33, Luma([255]));
        grey.put_pixel(5, 2, Luma([0]));
        grey.put_pixel(39, 32, Luma([102]));
        let whole = input_of(&grey, (40, 33), [0, 0, 40, 33]);
        assert_eq!((whole.channels, whole.height, whole.width), (1, 64, 64));
        assert_eq!(whole.data[2 * 64 + 5], 1.0);
        assert!((whole.data[32 * 64 + 39] - 0.6).abs() < 1e-6);
        assert!((whole.data.iter().sum::<f32>() - 1.6).abs() < 1e-5);

        let part = input_of(&grey, (40, 33), [4, 1, 10, 10]);
        assert_eq!((part.height, part.width), (32, 32));
        assert_eq!(part.data[32 + 1], 1.0);
    }

    /// A page of slanting stripes: grey everywhere, so that a shift or a wrong scale shows.
    fn stripes() -> GrayImage {
        GrayImage::from_fn(850, 1100, |x, y| {
            let wave = (f64::from(x) / 7.0 + f64::from(y) / 11.0).sin();
            Luma([(128.0 + 100.0 * wave) as u8])
        })
    }

    fn worst(a: impl Iterator<Item = f32>, b: impl Iterator<Item = f32>) -> f32 {
        a.zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_tile_shows_what_the_whole_page_shows_there() {
        let grey = stripes();
        for size in [(1236, 1600), (736, 952), (850, 1100)] {
            let whole = input_of(&grey, size, [0, 0, size.0, size.1]);
            let (x, y) = (size.0 - 200, 32);
            let part = input_of(&grey, size, [x, y, 200, 320]);
            for row in 0..320 {
                let from = (y as usize + row) * whole.width + x as usize;
                let difference = worst(
                    whole.data[from..from + 200].iter().copied(),
                    part.data[row * part.width..][..200].iter().copied(),
                );
                assert!(difference < 1.5 / 255.0, "{size:?} row {row}: {difference}");
            }
        }
    }

    #[test]
    fn pages_are_scaled_as_by_another_library() {
        let grey = stripes();
        for (width, height) in [(1236, 1600), (736, 952)] {
            let other = image::imageops::resize(
                &grey,
                width,
                height,
                image::imageops::FilterType::Triangle,
            );
            let whole = input_of(&grey, (width, height), [0, 0, width, height]);
            for (row, pixels) in other.rows().enumerate() {
                let difference = worst(
                    whole.data[row * whole.width..].iter().copied(),
                    pixels.map(|grey| 1.0 - f32::from(grey.0[0]) / 255.0),
                );
                assert!(difference < 2.5 / 255.0, "row {row}: {difference}");
            }
        }
    }

    #[test]
    fn a_tile_beyond_the_page_is_an_error() {
        let tile = Tile {
            x: 64,
            y: 0,
            width: 32,
            height: 32,
        };
        assert!(input(&GrayImage::new(40, 40), (40, 40), tile).is_err());
    }

    #[test]
    fn colour_becomes_the_same_grey() {
        let picture = DynamicImage::ImageLuma8(stripes());
        let colour = DynamicImage::ImageRgb8(picture.to_rgb8());
        let worst = grey(&picture)
            .pixels()
            .zip(grey(&colour).pixels())
            .map(|(a, b)| a.0[0].abs_diff(b.0[0]))
            .max();
        assert!(worst <= Some(1), "{worst:?}");
    }
}
