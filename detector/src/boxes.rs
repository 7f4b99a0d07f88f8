//! Fourth stage: network output to boxes. Decode, keep one box a checkbox, sort as a reader would.
//!
//! The network answers for every 4 x 4 pixels of its input with six numbers: the logit of «a checkbox has its
//! centre here», the logit of «it is filled» (given that it is a box), and the logarithms of the distances from the
//! cell's centre to the left, upper, right and lower edge. A box has one objectness and one state, so it can never
//! be reported twice, once as empty and once as filled. Dense one-stage detection without anchors as in FCOS (Tian
//! et al. 2019, arXiv:1904.01355).

use crate::limits::MAX_DETECTIONS;
use crate::network::Grid;
use crate::page::Tile;
use crate::parameters::{Calibration, Doubt};
use crate::result::{BoundingBox, Class, Detection};

/// Input pixels per output cell, after the pixel shuffle.
const CELL: usize = 4;
/// The network gives 2 x 2 cells at each position as channels; laying them out is cheaper here than in the graph.
const SHUFFLE: usize = 2;
/// Numbers per cell: objectness, state, four log distances.
const NUMBERS: usize = 6;
/// Channels of the raw output.
pub const CHANNELS: usize = NUMBERS * SHUFFLE * SHUFFLE;
/// Log distances are held in this range, in units of [`CELL`] pixels: e^-4 to e^6 cells.
const LOG_DISTANCE: std::ops::RangeInclusive<f32> = -4.0..=6.0;
/// A box with more than this share of its area inside a better one is part of it: a double border, a shadow.
const MAX_INSIDE: f32 = 0.7;
/// A box that ends this close (input pixels) to a seam between tiles is cut by it, or seen without what is around it;
/// another tile has it whole.
const SEAM: f32 = 16.0;

/// A box before it becomes a [`Detection`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Left, upper, right, lower edge, in pixels: of the network's input, then of the page.
    pub edges: [f32; 4],
    /// Calibrated logit of being a checkbox.
    pub logit: f32,
    /// Logit of being filled, bias included.
    pub state: f32,
}

impl Candidate {
    /// Probability of being a checkbox, 0 to 1.
    #[must_use]
    pub fn confidence(&self) -> f32 {
        1.0 / (1.0 + (-self.logit).exp())
    }

    fn area(&self) -> f32 {
        let [x1, y1, x2, y2] = self.edges;
        (x2 - x1).max(0.0) * (y2 - y1).max(0.0)
    }

    fn intersection(&self, other: &Self) -> f32 {
        let [ax1, ay1, ax2, ay2] = self.edges;
        let [bx1, by1, bx2, by2] = other.edges;
        (ax2.min(bx2) - ax1.max(bx1)).max(0.0) * (ay2.min(by2) - ay1.max(by1)).max(0.0)
    }

    /// Intersection over union.
    fn iou(&self, other: &Self) -> f32 {
        let shared = self.intersection(other);
        shared / (self.area() + other.area() - shared)
    }

    fn same_box(&self, other: &Self, iou: f32) -> bool {
        // Asked of each pair of boxes: most share nothing.
        let shared = self.intersection(other);
        let (a, b) = (self.area(), other.area());
        shared > 0.0 && (shared / (a + b - shared) > iou || shared > MAX_INSIDE * a.min(b))
    }
}

/// Reads all boxes of at least `conf` out of a raw output of 24 x H/8 x W/8, in pixels of the network's input.
/// `filled_bias` is added to the state logit.
#[must_use]
pub fn decode(
    output: &Grid,
    conf: f32,
    calibration: Calibration,
    filled_bias: f32,
) -> Vec<Candidate> {
    debug_assert_eq!(output.channels, CHANNELS);
    let plane = output.height * output.width;
    let least = logit(conf);
    let mut found = Vec::new();
    for row in 0..output.height {
        for column in 0..output.width {
            for (dy, dx) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let number = |n: usize| {
                    let channel = (n * SHUFFLE + dy) * SHUFFLE + dx;
                    output.data[channel * plane + row * output.width + column]
                };
                let logit = calibration.a * number(0) + calibration.b;
                if logit < least {
                    continue;
                }
                let x = ((column * SHUFFLE + dx) as f32 + 0.5) * CELL as f32;
                let y = ((row * SHUFFLE + dy) as f32 + 0.5) * CELL as f32;
                let distance = |n: usize| {
                    number(n)
                        .clamp(*LOG_DISTANCE.start(), *LOG_DISTANCE.end())
                        .exp()
                        * CELL as f32
                };
                found.push(Candidate {
                    edges: [
                        x - distance(2),
                        y - distance(3),
                        x + distance(4),
                        y + distance(5),
                    ],
                    logit,
                    state: number(1) + filled_bias,
                });
            }
        }
    }
    found
}

fn logit(probability: f32) -> f32 {
    (probability / (1.0 - probability)).ln()
}

/// Moves the boxes of one tile to where they are on the page, still at its working size `size` (width, height), leaving out
/// those that the tile's edge cuts although the page goes on there: another tile sees them whole.
#[must_use]
pub fn place(candidates: Vec<Candidate>, tile: Tile, size: (u32, u32)) -> Vec<Candidate> {
    candidates
        .into_iter()
        .map(|mut candidate| {
            let [x1, y1, x2, y2] = &mut candidate.edges;
            for x in [x1, x2] {
                *x += tile.x as f32;
            }
            for y in [y1, y2] {
                *y += tile.y as f32;
            }
            candidate
        })
        .filter(|candidate| tile.holds(candidate.edges, SEAM, size))
        .collect()
}

/// Non-maximum suppression over both classes: of boxes that overlap, the most confident stays. At most `most` are
/// kept, the most confident first.
#[must_use]
pub fn suppress(mut candidates: Vec<Candidate>, iou: f32, most: usize) -> Vec<Candidate> {
    // A stable sort and a total order: the same input gives the same boxes everywhere.
    candidates.sort_by(|a, b| b.logit.total_cmp(&a.logit));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if kept.len() == most {
            break;
        }
        if !kept.iter().any(|better| better.same_box(&candidate, iou)) {
            kept.push(candidate);
        }
    }
    kept
}

/// Working pixels per page pixel, across and down; the two differ by rounding to whole pixels only.
fn scale(size: (u32, u32), page: (u32, u32)) -> (f32, f32) {
    (size.0 as f32 / page.0 as f32, size.1 as f32 / page.1 as f32)
}

/// From the working size `size` to pixels of the upright `page`, both width and height; what stands out of the page is cut off.
#[must_use]
pub fn to_page(candidates: Vec<Candidate>, size: (u32, u32), page: (u32, u32)) -> Vec<Candidate> {
    let (scale_x, scale_y) = scale(size, page);
    let x = |x: f32| (x / scale_x).clamp(0.0, page.0 as f32);
    let y = |y: f32| (y / scale_y).clamp(0.0, page.1 as f32);
    candidates
        .into_iter()
        .map(|candidate| {
            let [x1, y1, x2, y2] = candidate.edges;
            Candidate {
                edges: [x(x1), y(y1), x(x2), y(y2)],
                ..candidate
            }
        })
        .filter(|candidate| candidate.area() > 0.0)
        .collect()
}

/// The edges of boxes on a page of `page` (width, height) pixels, at the working size `size`.
#[must_use]
pub fn at_size(candidates: &[Candidate], page: (u32, u32), size: (u32, u32)) -> Vec<[f32; 4]> {
    let (x, y) = scale(size, page);
    candidates
        .iter()
        .map(|candidate| {
            let [x1, y1, x2, y2] = candidate.edges;
            [x1 * x, y1 * y, x2 * x, y2 * y]
        })
        .collect()
}

/// What a look `found`, with a share of what the look `before` it saw in the logits of each box: two sizes err
/// differently. Where that one saw no box, it counts as the least confidence in doubt. Boxes below that remain as
/// they are, so that what is reported does not hang on the confidence asked for.
#[must_use]
pub fn carry(
    mut found: Vec<Candidate>,
    before: &[Candidate],
    doubt: Doubt,
    iou: f32,
) -> Vec<Candidate> {
    let least = logit(doubt.from);
    for candidate in found.iter_mut().filter(|c| c.logit >= least) {
        let (overlap, earlier) = before
            .iter()
            .filter(|earlier| earlier.logit >= least)
            .map(|earlier| (candidate.iou(earlier), earlier))
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .unzip();
        let (logit, state) = match earlier {
            Some(earlier) if overlap > Some(iou) => (earlier.logit, earlier.state),
            _ => (least, candidate.state),
        };
        candidate.logit += doubt.carried * (logit - candidate.logit);
        candidate.state += doubt.carried * (state - candidate.state);
    }
    found
}

/// What a look at `tiles` of a page found, `now`, and of what was found `before` it all that those tiles do not show: where
/// both have a box, the more confident one. `scaled` are the edges of `before` at the working scale of `size` (width, height).
#[must_use]
pub fn merge(
    mut now: Vec<Candidate>,
    before: &[Candidate],
    scaled: &[[f32; 4]],
    tiles: &[Tile],
    size: (u32, u32),
    iou: f32,
) -> Vec<Candidate> {
    // Twice the distance that `place` asks for: a box that the tile shows a little larger than it was is not lost.
    let shown = |&edges: &[f32; 4]| tiles.iter().any(|tile| tile.holds(edges, 2.0 * SEAM, size));
    let others = before.iter().zip(scaled).filter(|(_, edges)| !shown(edges));
    now.extend(others.map(|(candidate, _)| candidate));
    suppress(now, iou, MAX_DETECTIONS)
}

/// The boxes of at least the confidence `conf`, as they are reported.
#[must_use]
pub fn detections(candidates: &[Candidate], conf: f32) -> Vec<Detection> {
    candidates
        .iter()
        .filter(|candidate| candidate.confidence() >= conf)
        .map(|candidate| {
            let [x1, y1, x2, y2] = candidate.edges.map(f64::from);
            Detection {
                class: if candidate.state > 0.0 {
                    Class::Filled
                } else {
                    Class::Empty
                },
                confidence: f64::from(candidate.confidence()),
                bbox: BoundingBox { x1, y1, x2, y2 },
            }
        })
        .collect()
}

/// Sorts as a reader would: lines from top to bottom, in each line from left to right. A box belongs to the line
/// above it if its centre is less than half a box height below that line's first box.
pub fn reading_order(detections: &mut [Detection]) {
    let centre = |d: &Detection| (d.bbox.y1 + d.bbox.y2) / 2.0;
    let left_to_right = |a: &Detection, b: &Detection| {
        a.bbox
            .x1
            .total_cmp(&b.bbox.x1)
            .then(a.bbox.y1.total_cmp(&b.bbox.y1))
    };
    detections.sort_by(|a, b| centre(a).total_cmp(&centre(b)).then(left_to_right(a, b)));
    detections
        .chunk_by_mut({
            let mut line: Option<(f64, f64)> = None;
            move |first, next| {
                let (at, height) =
                    *line.get_or_insert((centre(first), first.bbox.y2 - first.bbox.y1));
                let next_height = next.bbox.y2 - next.bbox.y1;
                let same = centre(next) - at < 0.5 * height.min(next_height);
                if !same {
                    line = None;
                }
                same
            }
        })
        .for_each(|line| line.sort_by(left_to_right));
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Calibration = Calibration { a: 1.0, b: 0.0 };

    fn candidate(x1: f32, y1: f32, x2: f32, y2: f32, confidence: f32) -> Candidate {
        Candidate {
            edges: [x1, y1, x2, y2],
            logit: logit(confidence),
            state: -1.0,
        }
    }

    fn detection(x1: f64, y1: f64, side: f64) -> Detection {
        Detection {
            class: Class::Empty,
            confidence: 0.9,
            bbox: BoundingBox {
                x1,
                y1,
                x2: x1 + side,
                y2: y1 + side,
            },
        }
    }

    /// Writes one box into a raw output, as the network would.
    fn write(
        output: &mut Grid,
        cell: (usize, usize),
        objectness: f32,
        state: f32,
        distances: [f32; 4],
    ) {
        let (cx, cy) = cell;
        let (column, dx, row, dy) = (cx / 2, cx % 2, cy / 2, cy % 2);
        let numbers = [objectness, state]
            .into_iter()
            .chain(distances.map(|d| (d / 4.0).ln()));
        for (n, value) in numbers.enumerate() {
            let channel = n * 4 + dy * 2 + dx;
            output.data[(channel * output.height + row) * output.width + column] = value;
        }
    }

    fn silent(height: usize, width: usize) -> Grid {
        let mut output = Grid::zeros(CHANNELS, height, width);
        output.data[..4 * height * width].fill(-20.0);
        output
    }

    #[test]
    fn decodes_what_the_network_means() {
        let mut output = silent(4, 6);
        write(&mut output, (5, 2), 2.0, 1.0, [6.0, 7.0, 8.0, 9.0]);
        write(&mut output, (0, 7), 1.0, -1.0, [1.0, 5.0, 5.0, 1.0]);
        let mut boxes = decode(&output, 0.5, PLAIN, 0.0);
        boxes.sort_by(|a, b| b.logit.total_cmp(&a.logit));
        assert_eq!(boxes.len(), 2);
        assert!((boxes[0].state - 1.0).abs() < 1e-5);
        assert!((boxes[0].confidence() - 0.880_797).abs() < 1e-5);
        for (edge, expected) in boxes[0].edges.iter().zip([16.0, 3.0, 30.0, 19.0]) {
            assert!((edge - expected).abs() < 1e-4, "{:?}", boxes[0].edges);
        }
        assert!((boxes[1].state + 1.0).abs() < 1e-5);
        assert_eq!(decode(&output, 0.8, PLAIN, 0.0).len(), 1);
    }

    #[test]
    fn calibration_and_bias_are_applied() {
        let mut output = silent(4, 4);
        write(&mut output, (3, 3), 1.0, -0.5, [6.0; 4]);
        let boxes = decode(&output, 0.5, Calibration { a: 2.0, b: -1.0 }, 1.0);
        assert!((boxes[0].confidence() - 0.731_058).abs() < 1e-5);
        assert!((boxes[0].state - 0.5).abs() < 1e-5);
    }

    #[test]
    fn suppression_keeps_the_better_of_two() {
        let kept = suppress(
            vec![
                candidate(0.0, 0.0, 10.0, 10.0, 0.6),
                candidate(1.0, 0.0, 11.0, 10.0, 0.9),
                candidate(30.0, 0.0, 40.0, 10.0, 0.5),
            ],
            0.3,
            100,
        );
        assert_eq!(kept.len(), 2);
        assert!((kept[0].confidence() - 0.9).abs() < 1e-6);
    }

    #[test]
    fn suppression_is_across_classes_and_takes_inner_boxes() {
        let mut filled = candidate(0.0, 0.0, 10.0, 10.0, 0.7);
        filled.state = 1.0;
        assert_eq!(
            suppress(vec![filled, candidate(0.0, 0.0, 10.0, 10.0, 0.6)], 0.3, 9).len(),
            1
        );
        // A double border: IoU 0.16, but wholly inside.
        let nested = vec![
            candidate(0.0, 0.0, 20.0, 20.0, 0.9),
            candidate(6.0, 6.0, 14.0, 14.0, 0.8),
        ];
        assert_eq!(suppress(nested, 0.3, 9).len(), 1);
    }

    #[test]
    fn suppression_edge_cases() {
        assert!(suppress(vec![], 0.3, 9).is_empty());
        let one = vec![candidate(0.0, 0.0, 5.0, 5.0, 0.4)];
        assert_eq!(suppress(one.clone(), 0.3, 9), one);
        let touching = vec![
            candidate(0.0, 0.0, 10.0, 10.0, 0.9),
            candidate(10.0, 0.0, 20.0, 10.0, 0.8),
            candidate(0.0, 10.0, 10.0, 20.0, 0.7),
        ];
        assert_eq!(suppress(touching.clone(), 0.3, 9).len(), 3);
        assert_eq!(suppress(touching, 0.3, 2).len(), 2);
    }

    #[test]
    fn boxes_on_a_seam_are_left_to_the_tile_that_has_them_whole() {
        let size = (100, 300);
        let upper = Tile {
            x: 0,
            y: 0,
            width: 100,
            height: 180,
        };
        let lower = Tile {
            x: 0,
            y: 120,
            width: 100,
            height: 180,
        };
        // A box at 170 to 190 of the page: cut in the upper tile, whole in the lower one.
        assert!(place(vec![candidate(10.0, 170.0, 30.0, 180.0, 0.9)], upper, size).is_empty());
        let whole = place(vec![candidate(10.0, 50.0, 30.0, 70.0, 0.9)], lower, size);
        assert_eq!(whole[0].edges, [10.0, 170.0, 30.0, 190.0]);
        // The page's own edge is no seam.
        assert_eq!(
            place(vec![candidate(-1.0, 0.0, 12.0, 12.0, 0.9)], upper, size).len(),
            1
        );
    }

    #[test]
    fn boxes_come_back_in_pixels_of_the_page_and_stay_on_it() {
        let found = to_page(
            vec![
                candidate(-3.0, 10.0, 20.0, 30.0, 0.9),
                candidate(-9.0, 0.0, -3.0, 5.0, 0.9),
            ],
            (640, 320),
            (1280, 1280),
        );
        assert_eq!(found.len(), 1, "a box beyond the edge is none");
        assert_eq!(found[0].edges, [0.0, 40.0, 40.0, 120.0]);
    }

    #[test]
    fn a_look_carries_a_share_of_what_the_one_before_saw() {
        let doubt = Doubt {
            from: 0.2,
            to: 0.8,
            carried: 0.25,
            window: 64,
            margin: 8,
        };
        let at = |x: f32, confidence, state| Candidate {
            state,
            ..candidate(x, 0.0, x + 10.0, 10.0, confidence)
        };
        let before = [at(0.0, 0.9, -4.0), at(40.0, 0.3, 4.0), at(60.0, 0.1, 4.0)];
        let now = vec![
            at(1.0, 0.7, 2.0),
            at(40.0, 0.6, 2.0),
            at(60.0, 0.9, 2.0),
            at(80.0, 0.1, 2.0),
        ];
        let both = carry(now, &before, doubt, 0.3);
        let mixed = |now, before| 0.75 * logit(now) + 0.25 * logit(before);
        // What it saw at 60 is less than anything in doubt; what is seen now at 80 remains as it is.
        let wanted = [
            mixed(0.7, 0.9),
            mixed(0.6, 0.3),
            mixed(0.9, 0.2),
            logit(0.1),
        ];
        for (candidate, wanted) in both.iter().zip(wanted) {
            assert!((candidate.logit - wanted).abs() < 1e-5, "{candidate:?}");
        }
        let states: Vec<_> = both.iter().map(|c| c.state).collect();
        assert_eq!(states, [0.5, 2.5, 2.0, 2.0]);
        assert_eq!(detections(&both, 0.5).len(), 3);
        assert!(
            detections(&both, 0.0)
                .iter()
                .all(|d| d.class == Class::Filled)
        );
        assert!(carry(vec![], &before, doubt, 0.3).is_empty());
    }

    #[test]
    fn what_no_tile_showed_remains() {
        let size = (400, 400);
        let tile = Tile {
            x: 0,
            y: 0,
            width: 200,
            height: 400,
        };
        let before = [
            candidate(20.0, 20.0, 40.0, 40.0, 0.9), // shown, and not seen again
            candidate(100.0, 20.0, 120.0, 40.0, 0.9), // shown, and seen again
            candidate(150.0, 20.0, 170.0, 40.0, 0.9), // too near the seam
            candidate(300.0, 20.0, 320.0, 40.0, 0.9), // elsewhere
        ];
        let now = vec![
            candidate(100.0, 21.0, 120.0, 41.0, 0.6),
            candidate(151.0, 21.0, 170.0, 40.0, 0.8),
        ];
        let scaled = at_size(&before, size, size);
        let both = merge(now, &before, &scaled, &[tile], size, 0.3);
        let found: Vec<_> = both.iter().map(|c| c.edges[0]).collect();
        assert_eq!(found, [150.0, 300.0, 100.0]);
        assert_eq!(
            at_size(&before[1..2], (100, 200), size),
            [[400.0, 40.0, 480.0, 80.0]]
        );
    }

    #[test]
    fn reads_lines_from_left_to_right() {
        let mut found = vec![
            detection(300.0, 52.0, 20.0),
            detection(10.0, 100.0, 20.0),
            detection(10.0, 55.0, 20.0),
            detection(150.0, 97.0, 20.0),
            detection(150.0, 50.0, 20.0),
            detection(10.0, 300.0, 20.0),
        ];
        reading_order(&mut found);
        let order: Vec<_> = found.iter().map(|d| (d.bbox.x1, d.bbox.y1)).collect();
        assert_eq!(
            order,
            [
                (10.0, 55.0),
                (150.0, 50.0),
                (300.0, 52.0),
                (10.0, 100.0),
                (150.0, 97.0),
                (10.0, 300.0)
            ]
        );
    }

    #[test]
    fn a_slanting_column_is_not_one_line() {
        // Each box half a box lower than the one before: compared with the line's first box, not with the last.
        let mut found: Vec<_> = (0..6)
            .map(|i| detection(100.0 - f64::from(i), f64::from(i) * 8.0, 20.0))
            .collect();
        reading_order(&mut found);
        assert!(found.first().is_some_and(|d| d.bbox.y1 < 16.0));
        assert!(found.last().is_some_and(|d| d.bbox.y1 > 24.0));
    }
}
