//! Second stage: picture to network input. In grey; for the finder all of the page at its working size, in overlapping
//! tiles where it is too long for one; for the verifier two squares around each candidate.

use std::borrow::Cow;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, GrayImage};

use crate::error::Error;
use crate::network::Grid;
use crate::parameters::{Closer, Contrast, Scale, Views};

/// The finder halves its input five times, so both sides are a multiple of this.
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
pub fn working_size(width: u32, height: u32, scale: &Scale) -> (u32, u32) {
    let (w, h) = (f64::from(width), f64::from(height));
    let page_side = w.max(h).min(w.min(h) * scale.max_aspect);
    let factor = (f64::from(scale.long_side) / page_side).min(scale.max_enlargement);
    scaled((width, height), factor)
}

/// A page is not read again for less than this enlargement.
const WORTH: f64 = 1.1;

/// The size (width, height) at which a `page` (likewise) already read at `size` is read again: `times` as large, never
/// larger than it is. None where that would be hardly more, or have more than `pixels`.
#[must_use]
pub fn closer_size(page: (u32, u32), size: (u32, u32), closer: &Closer) -> Option<(u32, u32)> {
    let factor = f64::from(size.0) / f64::from(page.0);
    let larger = (factor * closer.times).min(1.0);
    let (width, height) = scaled(page, larger);
    let few = u64::from(width) * u64::from(height) <= closer.pixels;
    (larger >= WORTH * factor && few).then_some((width, height))
}

/// Both sides (width, height) times `factor`, in whole pixels.
fn scaled(page: (u32, u32), factor: f64) -> (u32, u32) {
    let side = |pixels: u32| ((f64::from(pixels) * factor).round() as u32).max(1);
    (side(page.0), side(page.1))
}

/// A decoded picture in grey.
#[must_use]
pub fn grey(picture: &DynamicImage) -> Cow<'_, GrayImage> {
    match picture {
        DynamicImage::ImageLuma8(grey) => Cow::Borrowed(grey),
        other => Cow::Owned(other.to_luma8()),
    }
}

/// So many rows of a page, at least half as many, tell its contrast.
const ROWS: u32 = 500;

/// So many pixels apart, blank paper differs by its noise alone, however soft that is.
const NEAR: usize = 8;

/// A grey page of little contrast with all there can be: a faded print, a photo taken in the dark.
///
/// Its range, but for a `share` of the pixels at either end, becomes black to white if it is `least` to `enough`. Wider
/// ones stay as they are. So do narrower ones, and those less than `noise` times the noise: blank paper, and what is on it
/// is too small to count here.
#[must_use]
pub fn stretched<'a>(page: Cow<'a, GrayImage>, contrast: &Contrast) -> Cow<'a, GrayImage> {
    let (mut levels, mut steps) = ([0u64; 256], [0u64; 256]);
    let rows = page.as_raw().chunks_exact(page.width().max(1) as usize);
    for row in rows.step_by(page.height().div_ceil(ROWS).max(1) as usize) {
        row.iter().for_each(|grey| levels[usize::from(*grey)] += 1);
        for (grey, near) in row.iter().zip(row.iter().skip(NEAR)) {
            steps[usize::from(grey.abs_diff(*near))] += 1;
        }
    }
    let (low, high) = range(levels, contrast.share);
    let noise = first_beyond(steps, 0.5); // about a standard deviation
    let range = high.saturating_sub(low);
    if range < contrast.least.max(contrast.noise * noise) || range >= contrast.enough {
        return page;
    }
    let table: [u8; 256] = std::array::from_fn(|grey| {
        let above = (grey as u32).clamp(low, high) - low;
        ((510 * above + range) / (2 * range)) as u8 // to the nearest
    });
    let mut page = page.into_owned();
    page.iter_mut()
        .for_each(|grey| *grey = table[usize::from(*grey)]);
    Cow::Owned(page)
}

/// The range of grey, 0 to 255, where a box with these edges lies, and a seventh of its longer side around it, but for one in
/// a hundred pixels at either end.
#[must_use]
pub fn contrast(page: &GrayImage, edges: [f32; 4]) -> u32 {
    let [x1, y1, x2, y2] = edges;
    let around = 0.15 * (x2 - x1).max(y2 - y1);
    let span = |low: f32, high: f32, length: u32| {
        let end = (high + around).ceil().clamp(0.0, length as f32) as usize;
        ((low - around).max(0.0) as usize).min(end)..end
    };
    let (columns, rows) = (span(x1, x2, page.width()), span(y1, y2, page.height()));
    let mut levels = [0u64; 256];
    let lines = page.as_raw().chunks_exact(page.width().max(1) as usize);
    for row in lines.skip(rows.start).take(rows.len()) {
        row[columns.clone()]
            .iter()
            .for_each(|grey| levels[usize::from(*grey)] += 1);
    }
    let (low, high) = range(levels, 0.01);
    high.saturating_sub(low)
}

/// The lowest and the highest of counted levels but for a share of all at either end; 0 and 255 if there are none.
fn range(mut levels: [u64; 256], share: f64) -> (u32, u32) {
    let low = first_beyond(levels, share);
    levels.reverse();
    (low, 255 - first_beyond(levels, share))
}

/// The lowest level up to which the counts of levels add up to more than a share of all; 0 if there are none.
fn first_beyond(counts: [u64; 256], share: f64) -> u32 {
    let most = share * counts.iter().sum::<u64>() as f64;
    let mut sum = 0;
    let exceeds = |count: &u64| {
        sum += count;
        sum as f64 > most
    };
    counts.iter().position(exceeds).unwrap_or(0) as u32
}

/// Cuts a page of `size` (width, height), working pixels, into tiles of at most `long_side`, which overlap by `overlap`
/// so that every box is whole in at least one. Row by row; an ordinary page is one tile.
#[must_use]
pub fn tiles(size: (u32, u32), scale: &Scale) -> Vec<Tile> {
    let columns = spans(size.0, scale.long_side, scale.overlap);
    spans(size.1, scale.long_side, scale.overlap)
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

/// Levels of grey: paper differs by no more from one pixel to the next where nothing is printed.
const BLANK: u8 = 4;

/// So many pixels of the paper around what is printed are shown to the finder with it.
const MARGIN: u32 = 8;

/// The part of a tile of a grey page that holds all that is printed there, if anything is: blank margins need no reading.
///
/// It begins a multiple of [`MULTIPLE`] pixels from the tile's left and upper edge, so that the finder's cells lie where
/// they would.
#[must_use]
pub fn printed(page: &GrayImage, tile: Tile) -> Option<Tile> {
    let (mut columns, mut rows) = (vec![0; tile.width as usize], vec![0; tile.height as usize]);
    let mut above: Option<&[u8]> = None;
    let lines = page.as_raw().chunks_exact(page.width() as usize);
    for (line, most) in lines.skip(tile.y as usize).zip(&mut rows) {
        let line = &line[tile.x as usize..][..tile.width as usize];
        let mut differs = |column: &mut u8, a: u8, b: u8| {
            *column = (*column).max(a.abs_diff(b));
            *most = (*most).max(a.abs_diff(b));
        };
        for ((column, left), right) in columns.iter_mut().zip(line).zip(&line[1..]) {
            differs(column, *left, *right);
        }
        for ((column, upper), lower) in columns
            .iter_mut()
            .zip(above.into_iter().flatten())
            .zip(line)
        {
            differs(column, *upper, *lower);
        }
        above = Some(line);
    }
    let ((left, width), (top, height)) = (span(&columns)?, span(&rows)?);
    Some(Tile {
        x: tile.x + left,
        y: tile.y + top,
        width,
        height,
    })
}

/// Start and length of where pixels differ by more than [`BLANK`], with the margin, at multiples of [`MULTIPLE`].
fn span(most: &[u8]) -> Option<(u32, u32)> {
    let first = most.iter().position(|most| *most > BLANK)? as u32;
    let last = most.iter().rposition(|most| *most > BLANK)? as u32;
    let start = first.saturating_sub(MARGIN) / MULTIPLE * MULTIPLE;
    let length = (last + 2 + MARGIN - start).next_multiple_of(MULTIPLE);
    Some((start, length.min(most.len() as u32 - start)))
}

/// A grey page at `size` (width, height).
///
/// # Errors
/// [`Error::Internal`] if the scaling fails.
pub fn resized(grey: &GrayImage, size: (u32, u32)) -> Result<Cow<'_, GrayImage>, Error> {
    if grey.dimensions() == size {
        return Ok(Cow::Borrowed(grey));
    }
    let whole = Area {
        left: 0.0,
        top: 0.0,
        width: f64::from(grey.width()),
        height: f64::from(grey.height()),
    };
    scale(grey, whole, size).map(Cow::Owned)
}

/// One tile of a grey page at working size as the finder's input: shape 1 x height x width, padded with paper to multiples
/// of [`MULTIPLE`]; ink is 1, paper 0.
///
/// # Errors
/// [`Error::Internal`] for a tile that is not on the page.
pub fn input(page: &GrayImage, tile: Tile) -> Result<Grid, Error> {
    if tile.x + tile.width > page.width() || tile.y + tile.height > page.height() {
        return Err(Error::Internal {
            reason: format!("a tile beyond the page: {tile:?}"),
        });
    }
    let mut grid = Grid::zeros(
        1,
        tile.height.next_multiple_of(MULTIPLE) as usize,
        tile.width.next_multiple_of(MULTIPLE) as usize,
    );
    lay(&mut grid, (0, 0), page, tile);
    Ok(grid)
}

/// Lays a part of a grey picture into a grid, its upper left corner `at`, as the networks take it: ink is 1, paper 0.
fn lay(grid: &mut Grid, at: (u32, u32), grey: &GrayImage, part: Tile) {
    let from = grey.as_raw().chunks_exact(grey.width() as usize);
    let from = from.skip(part.y as usize).take(part.height as usize);
    let to = grid.data.chunks_exact_mut(grid.width).skip(at.1 as usize);
    for (to, from) in to.zip(from) {
        let from = &from[part.x as usize..][..part.width as usize];
        for (to, grey) in to[at.0 as usize..].iter_mut().zip(from) {
            *to = 1.0 - f32::from(*grey) / 255.0;
        }
    }
}

/// Where the square around a candidate lies: what is at x on the page is at (x - left) * scale in the square.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Square {
    /// Left edge, pixels of the page.
    pub left: f64,
    /// Upper edge, pixels of the page.
    pub top: f64,
    /// Pixels of the square per pixel of the page.
    pub scale: f64,
}

impl Square {
    /// The square of `size` pixels around a box (left, upper, right, lower edge, pixels of the page), which lies in the
    /// middle, its longer side `side` pixels.
    #[must_use]
    pub fn around(edges: [f32; 4], size: u32, side: f32) -> Self {
        let [x1, y1, x2, y2] = edges.map(f64::from);
        let scale = f64::from(side) / (x2 - x1).max(y2 - y1).max(1.0);
        let width = f64::from(size) / scale;
        Self {
            left: (x1 + x2 - width) / 2.0,
            top: (y1 + y2 - width) / 2.0,
            scale,
        }
    }
}

/// What the verifier is shown of a candidate with these edges on a grey page, the wide view below the close one: shape
/// 1 x 2 `size` x `size`. Also where the close view lies.
///
/// # Errors
/// [`Error::Internal`] if the scaling fails.
pub fn views(grey: &GrayImage, edges: [f32; 4], views: Views) -> Result<(Grid, Square), Error> {
    let place = Square::around(edges, views.size, views.side);
    let mut both = square(grey, place, views.size)?;
    let wide = square(
        grey,
        Square::around(edges, views.size, views.wide),
        views.size,
    )?;
    both.data.extend(wide.data);
    both.height += wide.height;
    Ok((both, place))
}

/// What is in a square of a grey page: shape 1 x `size` x `size`; ink is 1, paper 0, and beyond the page is paper.
///
/// # Errors
/// [`Error::Internal`] if the scaling fails.
fn square(grey: &GrayImage, square: Square, size: u32) -> Result<Grid, Error> {
    let mut grid = Grid::zeros(1, size as usize, size as usize);
    // The whole pixels of the square that lie on the page, along one axis.
    let span = |start: f64, length: u32| {
        let first = (-start * square.scale).ceil().max(0.0);
        let end = ((f64::from(length) - start) * square.scale).floor();
        (first as u32, end.clamp(0.0, f64::from(size)) as u32)
    };
    let ((x0, x1), (y0, y1)) = (
        span(square.left, grey.width()),
        span(square.top, grey.height()),
    );
    if x0 < x1 && y0 < y1 {
        let area = Area {
            left: square.left + f64::from(x0) / square.scale,
            top: square.top + f64::from(y0) / square.scale,
            width: f64::from(x1 - x0) / square.scale,
            height: f64::from(y1 - y0) / square.scale,
        };
        let shown = Tile {
            x: 0,
            y: 0,
            width: x1 - x0,
            height: y1 - y0,
        };
        let scaled = scale(grey, area, (shown.width, shown.height))?;
        lay(&mut grid, (x0, y0), &scaled, shown);
    }
    Ok(grid)
}

/// A part of the page, in the page's pixels.
#[derive(Debug, Clone, Copy)]
struct Area {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// An area of a grey page scaled to `size` (width, height).
///
/// Both up and down by a triangle filter as wide as the reduction (no aliasing; what training used).
fn scale(grey: &GrayImage, area: Area, size: (u32, u32)) -> Result<GrayImage, Error> {
    let failed = |reason: &dyn std::fmt::Display| Error::Internal {
        reason: format!("scaling: {reason}"),
    };
    let source = TypedImageRef::<U8>::from_buffer(grey.width(), grey.height(), grey.as_raw())
        .map_err(|error| failed(&error))?;
    // Rounding must not lead beyond the page's edge.
    let (left, top) = (area.left.max(0.0), area.top.max(0.0));
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
        .crop(
            left,
            top,
            area.width.min(f64::from(grey.width()) - left),
            area.height.min(f64::from(grey.height()) - top),
        );
    let mut scaled = GrayImage::new(size.0, size.1);
    let mut target = TypedImage::<U8>::from_buffer(size.0, size.1, &mut scaled)
        .map_err(|error| failed(&error))?;
    Resizer::new()
        .resize_typed(&source, &mut target, &options)
        .map_err(|error| failed(&error))?;
    Ok(scaled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    const SCALE: Scale = Scale {
        long_side: 1280,
        max_aspect: 1.6,
        max_enlargement: 3.0,
        overlap: 160,
    };

    #[test]
    fn pages_of_every_resolution_come_to_the_same_size() {
        for dpi in [75, 100, 150, 200, 300, 600] {
            let (w, h) = working_size(dpi * 17 / 2, dpi * 11, &SCALE);
            assert_eq!(h, 1280, "{dpi} dpi");
            assert!(w.abs_diff(989) <= 1, "{dpi} dpi: {w}");
        }
    }

    #[test]
    fn small_pictures_grow_only_so_far_and_long_ones_keep_their_width() {
        assert_eq!(working_size(150, 100, &SCALE), (450, 300));
        assert_eq!(working_size(1000, 10_000, &SCALE), (800, 8000));
        assert_eq!(working_size(10_000, 1000, &SCALE), (8000, 800));
        assert_eq!(working_size(60_000, 8, &SCALE).1, 24);
    }

    #[test]
    fn a_page_is_read_closer_until_it_is_read_as_it_is() {
        let closer = |page, size, pixels| {
            let closer = Closer {
                below: 9.0,
                none: 99.0,
                logit: 0.0,
                times: 2.0,
                pixels,
            };
            closer_size(page, size, &closer)
        };
        let page = (3840, 2160);
        let (most, first) = (3840 * 2160, working_size(page.0, page.1, &SCALE));
        assert_eq!(closer(page, first, most), Some((2844, 1600)));
        assert_eq!(closer(page, (2844, 1600), most), Some(page));
        assert_eq!(closer(page, (2844, 1600), most - 1), None, "too large");
        // As it is, so little smaller that it would show nothing new, and enlarged already.
        assert_eq!(closer(page, page, most), None);
        assert_eq!(closer((1000, 1000), (930, 930), most), None);
        assert_eq!(closer((500, 500), (1000, 1000), most), None);
        // No side becomes a pixel longer than it is.
        assert_eq!(closer((1000, 60), (800, 48), most), Some((1000, 60)));
    }

    #[test]
    fn tiles_cover_everything_and_overlap() {
        for (width, height) in [(1, 1), (1280, 990), (1281, 990), (800, 8000), (5000, 3000)] {
            let tiles = tiles((width, height), &SCALE);
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
        assert_eq!(tiles((990, 1280), &SCALE).len(), 1);
        let long = tiles((800, 8000), &SCALE);
        for pair in long.windows(2) {
            assert!(
                pair[0].y + pair[0].height >= pair[1].y + SCALE.overlap,
                "{pair:?}"
            );
            assert!(pair[0].y < pair[1].y, "no tile twice: {pair:?}");
        }
    }

    fn input_of(grey: &GrayImage, size: (u32, u32), tile: [u32; 4]) -> Grid {
        let [x, y, width, height] = tile;
        let tile = Tile {
            x,
            y,
            width,
            height,
        };
        input(&resized(grey, size).expect("scales"), tile).expect("on the page")
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

    #[test]
    fn only_what_is_printed_is_read() {
        let whole = |width, height| Tile {
            x: 0,
            y: 0,
            width,
            height,
        };
        let part = |x, y, width, height| {
            Some(Tile {
                x,
                y,
                width,
                height,
            })
        };
        let mut page = GrayImage::from_pixel(300, 400, Luma([230]));
        assert_eq!(printed(&page, whole(300, 400)), None);
        for (x, y) in [(100, 200), (101, 200), (170, 260)] {
            page.put_pixel(x, y, Luma([225]));
        }
        assert_eq!(printed(&page, whole(300, 400)), part(64, 192, 128, 96));
        let lower = part(0, 210, 300, 190).expect("a tile");
        assert_eq!(printed(&page, lower), part(160, 242, 32, 32));
        page.put_pixel(200, 10, Luma([226])); // no more than paper differs by
        assert_eq!(printed(&page, whole(300, 400)), part(64, 192, 128, 96));
        for (x, y) in [(0, 0), (299, 399)] {
            page.put_pixel(x, y, Luma([0]));
        }
        assert_eq!(printed(&page, whole(300, 400)), part(0, 0, 300, 400));
        let dot = GrayImage::from_pixel(1, 1, Luma([0]));
        assert_eq!(printed(&dot, whole(1, 1)), None);
    }

    const CONTRAST: Contrast = Contrast {
        share: 0.001,
        least: 32,
        noise: 12,
        enough: 100,
    };

    /// A page of `paper` with a bar of `ink`, some grey between, and a speck of dust.
    fn sheet(paper: u8, ink: u8) -> GrayImage {
        GrayImage::from_fn(300, 1300, |x, y| match (x, y) {
            (7, 650) => Luma([0]),
            (10..20, _) => Luma([ink]),
            (30, _) => Luma([paper.midpoint(ink)]),
            _ => Luma([paper]),
        })
    }

    #[test]
    fn a_page_of_little_contrast_has_all_there_can_be() {
        for (paper, ink) in [(160, 100), (60, 20), (255, 190), (90, 170)] {
            let page = stretched(Cow::Owned(sheet(paper, ink)), &CONTRAST);
            let grey = |x| i32::from(page.get_pixel(x, 650).0[0]);
            let white = if paper > ink { 255 } else { 0 };
            assert_eq!((grey(0), grey(15)), (white, 255 - white), "{paper} {ink}");
            assert!((grey(30) - 128).abs() <= 3, "{}", grey(30));
            assert_eq!(grey(7), 0, "the speck");
        }
    }

    #[test]
    fn a_page_of_enough_contrast_or_none_stays_as_it_is() {
        for (paper, ink) in [(255, 0), (200, 100), (231, 200), (255, 250), (9, 9)] {
            let page = sheet(paper, ink);
            let shown = stretched(Cow::Borrowed(&page), &CONTRAST);
            assert!(matches!(shown, Cow::Borrowed(_)), "{paper} {ink}");
        }
        // White but for one box too small to count.
        let mut page = GrayImage::from_pixel(1000, 1400, Luma([255]));
        for i in 0..20 {
            for (x, y) in [(i, 0), (i, 20), (0, i), (20, i)] {
                page.put_pixel(500 + x, 700 + y, Luma([0]));
            }
        }
        assert_eq!(*stretched(Cow::Borrowed(&page), &CONTRAST), page);
        // Likewise on paper that is rough.
        for (x, y, grey) in page.enumerate_pixels_mut() {
            let rough = (x * 7 + y * 13 + x * y) % 40;
            *grey = Luma([grey.0[0].saturating_sub(rough as u8)]);
        }
        assert_eq!(*stretched(Cow::Borrowed(&page), &CONTRAST), page);
        let pixel = GrayImage::from_pixel(1, 1, Luma([77]));
        assert_eq!(*stretched(Cow::Borrowed(&pixel), &CONTRAST), pixel);
    }

    #[test]
    fn contrast_is_that_of_the_place_and_a_little_around_it() {
        let mut page = GrayImage::from_pixel(300, 200, Luma([200]));
        for y in 40..60 {
            page.put_pixel(100, y, Luma([100])); // an edge of a box of 20 px
            page.put_pixel(90, y, Luma([0])); // what is beside it
        }
        for x in 110..114 {
            page.put_pixel(x, 50, Luma([0])); // dirt
        }
        assert_eq!(contrast(&page, [100.0, 40.0, 120.0, 60.0]), 100);
        assert_eq!(contrast(&page, [92.0, 40.0, 120.0, 60.0]), 200);
        assert_eq!(contrast(&page, [150.0, 40.0, 170.0, 60.0]), 0);
        for beyond in [
            [-50.0, -50.0, -20.0, -20.0],
            [400.0, 300.0, 420.0, 320.0],
            [10.0, 10.0, 5.0, 5.0],
        ] {
            assert!(contrast(&page, beyond) <= 255, "no place on the page");
        }
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
                assert_eq!(
                    whole.data[from..from + 200],
                    part.data[row * part.width..][..200],
                    "{size:?} row {row}"
                );
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
        assert!(input(&GrayImage::new(40, 40), tile).is_err());
    }

    #[test]
    fn a_candidate_lies_in_the_middle_of_its_square_at_any_resolution() {
        for side in [7, 20, 63] {
            let (x, y) = (5 * side, 4 * side);
            let grey = GrayImage::from_fn(12 * side, 12 * side, |px, py| {
                let inside = (x..x + side).contains(&px) && (y..y + side / 2).contains(&py);
                Luma([if inside { 0 } else { 255 }])
            });
            let edges = [x, y, x + side, y + side / 2].map(|v| v as f32);
            let grid = square(&grey, Square::around(edges, 96, 20.0), 96).expect("scales");
            assert_eq!((grid.height, grid.width), (96, 96));
            let ink = |px: usize, py: usize| grid.data[py * 96 + px];
            let height = f64::from(side / 2) / f64::from(side) * 20.0;
            let (above, below) = (48.0 - height / 2.0, 48.0 + height / 2.0);
            assert!(
                ink(48, 48) > 0.99 && ink(40, 48) > 0.9 && ink(55, 48) > 0.9,
                "{side}"
            );
            assert!(ink(34, 48) < 0.01 && ink(61, 48) < 0.01, "{side}");
            assert!(ink(48, above as usize - 4) < 0.01 && ink(48, below as usize + 4) < 0.01);
            let area = f64::from(grid.data.iter().sum::<f32>());
            assert!(
                (area - 20.0 * height).abs() < 0.12 * 20.0 * height,
                "{side}: {area}"
            );
        }
    }

    #[test]
    fn the_wide_view_lies_below_the_close_one_and_shows_more() {
        // A box of 20 px with a bar three of its sides to the right.
        let grey = GrayImage::from_fn(400, 400, |x, y| {
            let inside = (100..120).contains(&x) && (200..220).contains(&y);
            Luma([if inside || (180..190).contains(&x) {
                0
            } else {
                255
            }])
        });
        let views_of = Views {
            size: 96,
            side: 20.0,
            wide: 5.0,
        };
        let (grid, place) = views(&grey, [100.0, 200.0, 120.0, 220.0], views_of).expect("scales");
        assert_eq!((grid.channels, grid.height, grid.width), (1, 192, 96));
        assert_eq!(grid.data.len(), 192 * 96);
        assert_eq!((place.left, place.top, place.scale), (62.0, 162.0, 1.0));
        let ink = |x: usize, y: usize| grid.data[y * 96 + x];
        let area = |rows: std::ops::Range<usize>| {
            let of = |y: usize| grid.data[y * 96..(y + 1) * 96].iter().sum::<f32>();
            rows.map(of).sum::<f32>()
        };
        assert!((area(0..96) - 400.0).abs() < 1.0, "the box alone");
        assert!(ink(48, 48) > 0.99 && ink(48, 96 + 48) > 0.99);
        assert!(
            ink(48 + 18, 96 + 10) > 0.9,
            "the bar, 75 px from the middle"
        );
        assert!((area(96..192) - 25.0 - 2.5 * 96.0).abs() < 12.0);
    }

    #[test]
    fn beyond_the_page_is_paper() {
        let grey = GrayImage::from_pixel(60, 40, Luma([0]));
        for (edges, corner) in [
            ([0.0, 0.0, 20.0, 20.0], (0, 0)),
            ([40.0, 20.0, 60.0, 40.0], (95, 95)),
        ] {
            let grid = square(&grey, Square::around(edges, 96, 20.0), 96).expect("scales");
            assert_eq!(grid.data[48 * 96 + 48], 1.0);
            assert_eq!(grid.data[corner.1 * 96 + corner.0], 0.0);
        }
        // A candidate as large as the page is shown with paper all around; one of no size is shown at all.
        for edges in [[0.0, 0.0, 60.0, 40.0], [30.0, 20.0, 30.0, 20.0]] {
            let grid = square(&grey, Square::around(edges, 96, 20.0), 96).expect("scales");
            assert_eq!(grid.data[48 * 96 + 48], 1.0);
        }
        let far = Square::around([500.0, 500.0, 520.0, 520.0], 96, 20.0);
        let nothing = square(&grey, far, 96).expect("scales");
        assert!(nothing.data.iter().all(|ink| *ink == 0.0));
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
