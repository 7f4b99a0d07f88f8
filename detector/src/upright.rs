//! Which way a page's lines of text run, and the page turned so that they run level.
//!
//! A photo is seldom straight, a scan may lie on its side; the networks read upright pages, a few degrees off at most.
//!
//! The page, small, is cut into blocks. In each, the differences between rows are added up along lines of every angle, once
//! across the page and once, rows and columns swapped, down it: along the lines of a text, and along them alone, edges of
//! letters add up and the sum of the squares is large (a projection profile, Postl's method, US patent 4,723,297 of 1988,
//! expired; by blocks, so that a table's rules or a picture do not outvote the text).

use std::borrow::Cow;

use image::{GrayImage, Luma, imageops};

use crate::parameters::Upright;

/// Side of a block, pixels.
const BLOCK: usize = 48;
/// Degrees between two angles, and how many lie on either side of zero.
const STEP: f64 = 3.0;
const HALF: usize = 8;
const ANGLES: usize = 2 * HALF + 1;
/// Grey: the differences in a block with anything to see in it, as the mean along a line.
const CONTRAST: f64 = 1.8;
/// A block's lines run down the page if their sum is this many times that of those across, or the other way round.
const CLEAR: f64 = 2.0;

/// The sums of a block's squares, one for each angle.
type Energy = [f64; ANGLES];

/// How the lines of a page run.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Lean {
    /// The share of the blocks whose lines run down the page, less the share of those whose lines run across it.
    pub sideways: f64,
    /// By how many degrees the page is turned counterclockwise from where its lines run level or, if they run down it, upright.
    pub degrees: f64,
    /// How clearly, from 1, not at all, to 17, the number of angles.
    pub peak: f64,
    /// How many blocks showed anything.
    pub blocks: usize,
}

/// By how many quarters, then by how many degrees, a page is turned counterclockwise.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Turn {
    /// 0 to 3.
    pub quarters: u8,
    /// Less than 45 either way.
    pub degrees: f64,
}

/// How the lines of a small grey page, some 500 pixels long, run.
#[must_use]
pub fn lean(page: &GrayImage) -> Lean {
    let (width, height) = (page.width() as usize, page.height() as usize);
    let blocks = |side: usize| side.saturating_sub(1) / BLOCK;
    let (rows, columns) = (blocks(height), blocks(width));
    if rows == 0 || columns == 0 {
        return Lean::default();
    }
    let swapped = GrayImage::from_fn(page.height(), page.width(), |x, y| *page.get_pixel(y, x));
    let across = energies(&swapped, (rows, columns));
    let down = energies(page, (columns, rows));
    // The same blocks in the same order, those that show something.
    let down = (0..rows * columns).map(|i| down[i % columns * rows + i / columns]);
    let least = (2 * ANGLES * BLOCK) as f64 * (CONTRAST * BLOCK as f64).powi(2);
    let (across, down): (Vec<Energy>, Vec<Energy>) = across
        .into_iter()
        .zip(down)
        .filter(|(a, d)| a.iter().sum::<f64>() + d.iter().sum::<f64>() > least)
        .unzip();
    if across.is_empty() {
        return Lean::default();
    }
    let (level, upright) = (Peak::of(&across), Peak::of(&down));
    let votes: i32 = across
        .iter()
        .zip(&down)
        .map(|(a, d)| {
            let (a, d) = (a[level.at], d[upright.at]);
            i32::from(d > CLEAR * a) - i32::from(a > CLEAR * d)
        })
        .sum();
    let sideways = f64::from(votes) / across.len() as f64;
    let (degrees, peak) = if sideways > 0.0 {
        (-upright.degrees, upright.height)
    } else {
        (level.degrees, level.height)
    };
    Lean {
        sideways,
        degrees,
        peak,
        blocks: across.len(),
    }
}

/// For each of `blocks` (rows, columns), row by row, and each angle, how much adds up along lines across a page that is given
/// with its rows and columns swapped: what is added up lies side by side then.
fn energies(swapped: &GrayImage, (rows, columns): (usize, usize)) -> Vec<Energy> {
    let height = swapped.width() as usize;
    let lines: Vec<_> = (0..ANGLES).map(|angle| runs(angle_at(angle))).collect();
    let mut out = vec![[0.0; ANGLES]; rows * columns];
    // The differences of each column's pixels, added up from the block's left edge, so that a run of columns is one
    // subtraction.
    let differences = height - 1;
    let mut sums = vec![0i32; (BLOCK + 1) * differences];
    let mut profile = vec![0i32; rows * BLOCK];
    let strips = swapped.as_raw().chunks_exact(BLOCK * height);
    for (column, strip) in strips.take(columns).enumerate() {
        for (x, pixels) in strip.chunks_exact(height).enumerate() {
            let (before, after) = sums.split_at_mut((x + 1) * differences);
            let before = &before[x * differences..];
            for ((to, from), pair) in after.iter_mut().zip(before).zip(pixels.windows(2)) {
                *to = from + i32::from(pair[1]) - i32::from(pair[0]);
            }
        }
        for (angle, line) in lines.iter().enumerate() {
            profile.fill(0);
            for &(start, end, down) in line {
                // Beyond the page nothing differs.
                let above = down.min(0).unsigned_abs();
                let first = down.max(0).unsigned_abs();
                let shown = &mut profile[above..]; // a block is larger than any line is steep
                let sum_to =
                    |x: usize| &sums[x * differences..][first.min(differences)..differences];
                for ((sum, end), start) in shown.iter_mut().zip(sum_to(end)).zip(sum_to(start)) {
                    *sum += end - start;
                }
            }
            for (row, part) in profile.chunks_exact(BLOCK).enumerate() {
                out[row * columns + column][angle] =
                    part.iter().map(|&sum| f64::from(sum).powi(2)).sum();
            }
        }
    }
    out
}

/// Degrees of the angle with this index.
fn angle_at(index: usize) -> f64 {
    (index as f64 - HALF as f64) * STEP
}

/// A line through a block that rises by `degrees`: from which to which column it lies how many rows below its middle.
fn runs(degrees: f64) -> Vec<(usize, usize, isize)> {
    let down = |x: usize| {
        let from_middle = x as f64 - BLOCK as f64 / 2.0 + 0.5;
        (from_middle * (-degrees).to_radians().tan() + 0.5).floor() as isize
    };
    let mut runs: Vec<(usize, usize, isize)> = Vec::new();
    for x in 0..BLOCK {
        match runs.last_mut() {
            Some((_, end, same)) if *same == down(x) => *end = x + 1,
            _ => runs.push((x, x + 1, down(x))),
        }
    }
    runs
}

/// Where the mean of some blocks is largest.
struct Peak {
    /// Index of the angle.
    at: usize,
    /// The angle, between those tried by a parabola.
    degrees: f64,
    /// How far above the mean of all angles.
    height: f64,
}

impl Peak {
    fn of(blocks: &[Energy]) -> Self {
        let mut curve = [0.0; ANGLES];
        for energy in blocks {
            let total: f64 = energy.iter().sum();
            if total > 0.0 {
                for (sum, energy) in curve.iter_mut().zip(energy) {
                    *sum += energy / total * ANGLES as f64 / blocks.len() as f64;
                }
            }
        }
        // The first of those alike.
        let at = (0..ANGLES).fold(0, |best, i| if curve[i] > curve[best] { i } else { best });
        let mut degrees = angle_at(at);
        if let [before, top, after] = curve[at.saturating_sub(1)..(at + 2).min(ANGLES)]
            && before + after < 2.0 * top
        {
            degrees += STEP / 2.0 * (before - after) / (before - 2.0 * top + after);
        }
        Self {
            at,
            degrees,
            height: curve[at],
        }
    }
}

/// The ways to read a page, one of which is right; the first is the page as it is.
///
/// Not only lines of text run in parallel: the beats of a screen's dots and a camera's do, and rulings. So a page that
/// seems to slant is read as it is, too.
#[must_use]
pub fn turns(lean: Lean, upright: &Upright) -> Vec<Turn> {
    let trusted = lean.peak >= upright.peak
        && lean.blocks >= upright.blocks
        && lean.degrees.abs() >= upright.least;
    let degrees = if trusted { -lean.degrees } else { 0.0 };
    let turn = |quarters| Turn { quarters, degrees };
    if lean.sideways > upright.sideways {
        vec![Turn::default(), turn(1), turn(3)]
    } else if trusted {
        vec![Turn::default(), turn(0)]
    } else {
        vec![Turn::default()]
    }
}

/// A grey page turned, as large as it takes to lose nothing; beyond it is paper.
#[must_use]
pub fn turned(page: &GrayImage, turn: Turn) -> Cow<'_, GrayImage> {
    if turn.degrees == 0.0 {
        return match turn.quarters {
            1 => Cow::Owned(imageops::rotate270(page)), // clockwise
            2 => Cow::Owned(imageops::rotate180(page)),
            3 => Cow::Owned(imageops::rotate90(page)),
            _ => Cow::Borrowed(page),
        };
    }
    let (width, height) = page.dimensions();
    let frame = Frame::of((width, height), turn);
    let grey = |x: i64, y: i64| {
        let x = x.clamp(0, i64::from(width) - 1) as u32;
        let y = y.clamp(0, i64::from(height) - 1) as u32;
        f64::from(page.get_pixel(x, y).0[0])
    };
    Cow::Owned(GrayImage::from_fn(frame.width, frame.height, |x, y| {
        let (x, y) = frame.from(f64::from(x) + 0.5, f64::from(y) + 0.5);
        if !(0.0..f64::from(width)).contains(&x) || !(0.0..f64::from(height)).contains(&y) {
            return Luma([255]);
        }
        // Between the middles of four pixels.
        let (x, y) = (x - 0.5, y - 0.5);
        let (left, top) = (x.floor() as i64, y.floor() as i64);
        let (right, below) = (x - x.floor(), y - y.floor());
        let between = |a: f64, b: f64, share: f64| a + (b - a) * share;
        let upper = between(grey(left, top), grey(left + 1, top), right);
        let lower = between(grey(left, top + 1), grey(left + 1, top + 1), right);
        Luma([between(upper, lower, below) as u8])
    }))
}

/// A box (left, upper, right, lower edge) on a page turned, on the `page` (width, height) itself: upright again, around what
/// the turned one encloses, and within the page.
#[must_use]
pub fn back(edges: [f64; 4], turn: Turn, page: (u32, u32)) -> [f64; 4] {
    if turn == Turn::default() {
        return edges;
    }
    let frame = Frame::of(page, turn);
    let [x1, y1, x2, y2] = edges;
    let (x, y) = frame.from((x1 + x2) / 2.0, (y1 + y2) / 2.0);
    let half = |row: [f64; 3]| (x2 - x1) / 2.0 * row[0].abs() + (y2 - y1) / 2.0 * row[1].abs();
    let (across, down) = (half(frame.rows[0]), half(frame.rows[1]));
    let (width, height) = (f64::from(page.0), f64::from(page.1));
    [
        (x - across).clamp(0.0, width),
        (y - down).clamp(0.0, height),
        (x + across).clamp(0.0, width),
        (y + down).clamp(0.0, height),
    ]
}

/// A page turned: how large it is, and where its points come from.
struct Frame {
    width: u32,
    height: u32,
    /// An affine map: x and y on the page are each a sum of x, y and 1 in the frame, times these.
    rows: [[f64; 3]; 2],
}

impl Frame {
    fn of((width, height): (u32, u32), turn: Turn) -> Self {
        let (sin, cos) = turn.degrees.to_radians().sin_cos();
        let (page_width, page_height) = (f64::from(width), f64::from(height));
        let (w, h) = if turn.quarters % 2 == 1 {
            (page_height, page_width)
        } else {
            (page_width, page_height)
        };
        let (wide, high) = (
            (w * cos + h * sin.abs()).ceil(),
            (w * sin.abs() + h * cos).ceil(),
        );
        // Counterclockwise as seen, y downwards; about the middle of both. Then the quarters.
        let x = [cos, -sin, (w - cos * wide + sin * high) / 2.0];
        let y = [sin, cos, (h - sin * wide - cos * high) / 2.0];
        let minus = |row: [f64; 3], from: f64| [-row[0], -row[1], from - row[2]];
        let rows = match turn.quarters {
            1 => [minus(y, page_width), x],
            2 => [minus(x, page_width), minus(y, page_height)],
            3 => [y, minus(x, page_height)],
            _ => [x, y],
        };
        Self {
            width: wide as u32,
            height: high as u32,
            rows,
        }
    }

    fn from(&self, x: f64, y: f64) -> (f64, f64) {
        let [to_x, to_y] = self.rows.map(|row| row[0] * x + row[1] * y + row[2]);
        (to_x, to_y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: Upright = Upright {
        sideways: 0.25,
        least: 3.0,
        peak: 2.25,
        blocks: 6,
    };

    /// Lines of words of all lengths, as small as a page's are here: letters three pixels high, of one in three a stroke
    /// stands out above.
    fn text(width: u32, height: u32) -> GrayImage {
        let mut page = GrayImage::from_pixel(width, height, Luma([255]));
        let mut random = 1u32;
        let mut next = |below: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 8) % below
        };
        for top in (10..height - 20).step_by(9) {
            let mut x = 10 + next(30);
            while x + 40 < width {
                for _ in 0..2 + next(6) {
                    let letter = 2 + next(3);
                    for (x, y) in (x..x + letter).flat_map(|x| (top..top + 3).map(move |y| (x, y)))
                    {
                        page.put_pixel(x, y, Luma([60 + next(120) as u8]));
                    }
                    if next(3) == 0 {
                        page.put_pixel(x, top - 1, Luma([80]));
                        page.put_pixel(x, top - 2, Luma([80]));
                    }
                    x += letter + 1;
                }
                x += 3 + next(5);
            }
        }
        page
    }

    fn turn(quarters: u8, degrees: f64) -> Turn {
        Turn { quarters, degrees }
    }

    #[test]
    fn a_page_lies_as_it_was_turned() {
        let page = text(420, 520);
        for quarters in 0..4 {
            for degrees in [0.0, 4.0, -7.5, 12.0, -19.0] {
                let lean = lean(&turned(&page, turn(quarters, degrees)));
                let close = (lean.degrees - degrees).abs() < 0.8;
                assert!(close && lean.peak > 2.5, "{quarters} {degrees} {lean:?}");
                assert_eq!(lean.sideways > 0.25, quarters % 2 == 1, "{lean:?}");
                assert!(lean.sideways.abs() > 0.25 && lean.blocks >= 6, "{lean:?}");
            }
        }
    }

    #[test]
    fn what_shows_no_lines_stays_as_it_is() {
        let noise = |x: u32, y: u32| Luma([(x * 7919 + y * 104_729 + x * y * 31) as u8]);
        let empty = |_, _| Luma([200]);
        for (width, height) in [(400, 500), (48, 500), (49, 49), (8, 8), (1, 1)] {
            assert_eq!(
                lean(&GrayImage::from_fn(width, height, empty)),
                Lean::default()
            );
            let lean = lean(&GrayImage::from_fn(width, height, noise));
            assert_eq!(turns(lean, &NUMBERS), [Turn::default()], "{lean:?}");
        }
    }

    #[test]
    fn a_page_is_turned_only_where_that_is_sure() {
        let sure = Lean {
            sideways: -0.8,
            degrees: 8.0,
            peak: 4.0,
            blocks: 40,
        };
        assert_eq!(turns(sure, &NUMBERS), [Turn::default(), turn(0, -8.0)]);
        for doubtful in [
            Lean {
                degrees: -2.9,
                ..sure
            },
            Lean { peak: 2.2, ..sure },
            Lean { blocks: 5, ..sure },
        ] {
            assert_eq!(turns(doubtful, &NUMBERS), [Turn::default()]);
        }
        let side = Lean {
            sideways: 0.3,
            ..sure
        };
        assert_eq!(
            turns(side, &NUMBERS),
            [turn(0, 0.0), turn(1, -8.0), turn(3, -8.0)]
        );
    }

    #[test]
    fn what_is_turned_is_found_where_it_was() {
        let mut page = GrayImage::from_pixel(200, 300, Luma([255]));
        for (x, y) in (30..50).flat_map(|x| (40..64).map(move |y| (x, y))) {
            page.put_pixel(x, y, Luma([0]));
        }
        for quarters in 0..4 {
            for degrees in [0.0, 7.0, -13.0] {
                let turn = turn(quarters, degrees);
                let shown = turned(&page, turn);
                let dark = || {
                    shown
                        .enumerate_pixels()
                        .filter(|(_, _, grey)| grey.0[0] < 128)
                };
                let (left, right) = (dark().map(|p| p.0).min(), dark().map(|p| p.0).max());
                let (top, below) = (dark().map(|p| p.1).min(), dark().map(|p| p.1).max());
                let edges = [left, top, right.map(|x| x + 1), below.map(|y| y + 1)]
                    .map(|edge| f64::from(edge.expect("some is dark")));
                let found = back(edges, turn, (200, 300));
                let middle = ((found[0] + found[2]) / 2.0, (found[1] + found[3]) / 2.0);
                assert!(
                    (middle.0 - 40.0).abs() < 0.7 && (middle.1 - 52.0).abs() < 0.7,
                    "{turn:?} {found:?}"
                );
                if degrees == 0.0 {
                    assert_eq!(found, [30.0, 40.0, 50.0, 64.0]);
                } else {
                    let around =
                        found[0] < 30.0 && found[1] < 40.0 && found[2] > 50.0 && found[3] > 64.0;
                    assert!(around, "{turn:?} {found:?}");
                }
            }
        }
        assert_eq!(*turned(&page, Turn::default()), page);
    }

    #[test]
    fn beyond_the_page_is_paper_and_nothing_of_it_is_lost() {
        let page = GrayImage::from_pixel(90, 40, Luma([0]));
        for turn in [turn(0, 20.0), turn(1, -20.0), turn(3, 5.0)] {
            let shown = turned(&page, turn);
            let dark = shown.pixels().filter(|grey| grey.0[0] < 128).count();
            assert!(dark.abs_diff(90 * 40) < 120, "{turn:?}: {dark}");
            assert_eq!(shown.get_pixel(0, 0).0, [255]);
        }
        // What reaches beyond the page on its turned picture does not on the page.
        let found = back([0.0, 0.0, 99.0, 69.0], turn(0, 20.0), (90, 40));
        assert_eq!(found, [0.0, 0.0, 90.0, 40.0]);
    }
}
