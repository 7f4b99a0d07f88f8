//! Fourth stage: the networks' outputs to boxes. Candidates from the finder, what the verifier makes of them, one box a
//! checkbox, sorted as a reader would.
//!
//! The finder answers for every 4 x 4 pixels of its input with six numbers: the logit of «a checkbox has its
//! centre here», the logit of «it is filled», which is left to the verifier, and the logarithms of the distances from the
//! cell's centre to the left, upper, right and lower edge: dense detection without anchors as in FCOS (Tian et al. 2019,
//! arXiv:1904.01355).
//!
//! The verifier answers for one candidate with as many: both logits, and how far the edges lie from those of the
//! candidate's square, in units of the candidate's side: a second stage that refines, as in R-CNN (Girshick et al. 2014).
//! A box has one logit of either kind, so it can never be reported twice, once as empty and once as filled.

use std::cmp::Reverse;

use crate::network::Grid;
use crate::page::{Square, Tile};
use crate::parameters::Parameters;
use crate::result::{BoundingBox, Class, Detection};

/// Pixels of the finder's input per output cell, after the pixel shuffle.
const CELL: usize = 4;
/// The finder gives 2 x 2 cells at each position as channels; laying them out is cheaper here than in the graph.
const SHUFFLE: usize = 2;
/// Numbers per cell: objectness, state, four log distances.
const NUMBERS: usize = 6;
/// Channels of the finder's raw output.
pub const CHANNELS: usize = NUMBERS * SHUFFLE * SHUFFLE;
/// Log distances are held in this range, in units of [`CELL`] pixels: e^-4 to e^6 cells.
const LOG_DISTANCE: std::ops::RangeInclusive<f32> = -4.0..=6.0;
/// A box with more than this share of its area inside a better one is part of it: a double border, a shadow.
const MAX_INSIDE: f32 = 0.7;
/// A box that ends this close (pixels of the finder's input) to a seam between tiles is cut by it, or seen without what is
/// around it; another tile has it whole.
const SEAM: f32 = 16.0;
/// Two boxes are of one size if the longer side of neither is this many times the other's.
const SAME_SIZE: f32 = 1.12;

/// A box before it becomes a [`Detection`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Left, upper, right, lower edge, in pixels: of the finder's input, then of the page.
    pub edges: [f32; 4],
    /// Logit of being a checkbox, others on the page considered.
    pub logit: f32,
    /// The logit of the box by itself, whatever else is on the page: the finder's, then the calibrated one of both networks.
    pub by_itself: f32,
    /// Logit of being filled, bias included; the finder leaves it at 0.
    pub state: f32,
    /// Range of grey where the box is, 0 to 255. See [`crate::page::contrast`].
    pub contrast: u32,
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

    fn longer_side(&self) -> f32 {
        let [x1, y1, x2, y2] = self.edges;
        (x2 - x1).max(y2 - y1)
    }

    fn intersection(&self, other: &Self) -> f32 {
        let [ax1, ay1, ax2, ay2] = self.edges;
        let [bx1, by1, bx2, by2] = other.edges;
        (ax2.min(bx2) - ax1.max(bx1)).max(0.0) * (ay2.min(by2) - ay1.max(by1)).max(0.0)
    }

    fn same_box(&self, other: &Self, iou: f32) -> bool {
        // Asked of each pair of boxes: most share nothing.
        let shared = self.intersection(other);
        let (a, b) = (self.area(), other.area());
        shared > 0.0 && (shared / (a + b - shared) > iou || shared > MAX_INSIDE * a.min(b))
    }
}

/// Reads all candidates of at least the logit `least` out of the finder's raw output of 24 x H/8 x W/8, in pixels of its
/// input.
#[must_use]
pub fn decode(output: &Grid, least: f32) -> Vec<Candidate> {
    debug_assert_eq!(output.channels, CHANNELS);
    let plane = output.height * output.width;
    let mut found = Vec::new();
    for row in 0..output.height {
        for column in 0..output.width {
            for (dy, dx) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let number = |n: usize| {
                    let channel = (n * SHUFFLE + dy) * SHUFFLE + dx;
                    output.data[channel * plane + row * output.width + column]
                };
                let logit = number(0);
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
                    by_itself: logit,
                    state: 0.0,
                    contrast: 0,
                });
            }
        }
    }
    found
}

/// A candidate (pixels of the page) as the verifier saw it in the square close around it: `output` is 6 x 1 x 1.
#[must_use]
pub fn verified(
    candidate: Candidate,
    output: &Grid,
    square: Square,
    parameters: &Parameters,
) -> Candidate {
    debug_assert_eq!(output.data.len(), NUMBERS);
    let Parameters {
        verifier: views,
        calibration,
        filled_bias,
        ..
    } = parameters;
    let number = |n: usize| output.data[n];
    let middle = views.size as f32 / 2.0;
    let edge = |n: usize, side: f32, start: f64| {
        let in_square = middle + side * views.side / 2.0 + number(n) * views.side;
        (start + f64::from(in_square) / square.scale) as f32
    };
    let logit = calibration.finder * candidate.by_itself
        + calibration.verifier * number(0)
        + calibration.offset;
    Candidate {
        edges: [
            edge(2, -1.0, square.left),
            edge(3, -1.0, square.top),
            edge(4, 1.0, square.left),
            edge(5, 1.0, square.top),
        ],
        logit,
        by_itself: logit,
        state: number(1) + filled_bias,
        ..candidate
    }
}

/// Moves the boxes seen in a `part` of one tile to where they are on the page, still at its working size `size` (width,
/// height), leaving out those that the tile's edge cuts although the page goes on there: another tile sees them whole.
#[must_use]
pub fn place(
    candidates: Vec<Candidate>,
    part: Tile,
    tile: Tile,
    size: (u32, u32),
) -> Vec<Candidate> {
    candidates
        .into_iter()
        .map(|mut candidate| {
            let [x1, y1, x2, y2] = &mut candidate.edges;
            for x in [x1, x2] {
                *x += part.x as f32;
            }
            for y in [y1, y2] {
                *y += part.y as f32;
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

/// What was found on one page, each box with the logit that it has among the others; the most confident first.
///
/// The boxes of a form are of one size: a place is likelier a checkbox where others of its size are. `alike` is the weight
/// of k / (k + 1) for k others of a box's size, of which only those count that are likelier a checkbox than not by
/// themselves. Context rescoring as of Felzenszwalb et al. 2010 (doi:10.1109/TPAMI.2009.167), of one feature.
#[must_use]
pub fn rescored(mut found: Vec<Candidate>, alike: f32) -> Vec<Candidate> {
    let likely = found.iter().filter(|candidate| candidate.by_itself >= 0.0);
    let mut known: Vec<f32> = likely.map(Candidate::longer_side).collect();
    known.sort_by(f32::total_cmp);
    for candidate in &mut found {
        let side = candidate.longer_side();
        let below = known.partition_point(|other| *other <= side / SAME_SIZE);
        let upto = known.partition_point(|other| *other < side * SAME_SIZE);
        let itself = usize::from(candidate.by_itself >= 0.0);
        let others = (upto - below - itself) as f32;
        candidate.logit = candidate.by_itself + alike * others / (others + 1.0);
    }
    found.sort_by(|a, b| b.logit.total_cmp(&a.logit));
    found
}

/// Those of what was found on one page that do not merely shine through from the back of the paper: that have at least `faint`
/// times the contrast of each box of their size and state that is likelier one than not by itself.
///
/// A pale box alone may be one; beside one that is several times as dark it is not of this side.
#[must_use]
pub fn of_this_side(mut found: Vec<Candidate>, faint: f32) -> Vec<Candidate> {
    let filled = |candidate: &Candidate| candidate.state > 0.0;
    let likely = found.iter().filter(|candidate| candidate.by_itself >= 0.0);
    let mut likely: Vec<Candidate> = likely.copied().collect();
    likely.sort_by_key(|candidate| Reverse(candidate.contrast));
    found.retain(|one| {
        let paler = |other: &Candidate| (one.contrast as f32) < faint * other.contrast as f32;
        let darker = likely.partition_point(paler);
        !likely[..darker].iter().any(|other| {
            let (a, b) = (one.longer_side(), other.longer_side());
            a.max(b) < SAME_SIZE * a.min(b) && filled(one) == filled(other)
        })
    });
    found
}

/// From the working size `size` to pixels of the upright `page`, both width and height.
#[must_use]
pub fn to_page(candidates: Vec<Candidate>, size: (u32, u32), page: (u32, u32)) -> Vec<Candidate> {
    let (x, y) = (page.0 as f32 / size.0 as f32, page.1 as f32 / size.1 as f32);
    let scaled = candidates.into_iter().map(|candidate| {
        let [x1, y1, x2, y2] = candidate.edges;
        Candidate {
            edges: [x1 * x, y1 * y, x2 * x, y2 * y],
            ..candidate
        }
    });
    on_page(scaled.collect(), page)
}

/// Whether the longer side of any box is less than `below` pixels.
#[must_use]
pub fn any_small<'a>(mut candidates: impl Iterator<Item = &'a Candidate>, below: f32) -> bool {
    candidates.any(|candidate| candidate.longer_side() < below)
}

/// Those of the candidates that are not the same box as one that is known.
#[must_use]
pub fn unknown<'a>(
    mut candidates: Vec<Candidate>,
    known: impl Iterator<Item = &'a Candidate> + Clone,
    iou: f32,
) -> Vec<Candidate> {
    candidates.retain(|candidate| !known.clone().any(|other| other.same_box(candidate, iou)));
    candidates
}

/// Cuts off what stands out of the `page` (width, height).
#[must_use]
pub fn on_page(mut candidates: Vec<Candidate>, page: (u32, u32)) -> Vec<Candidate> {
    for candidate in &mut candidates {
        let [x1, y1, x2, y2] = &mut candidate.edges;
        for x in [x1, x2] {
            *x = x.clamp(0.0, page.0 as f32);
        }
        for y in [y1, y2] {
            *y = y.clamp(0.0, page.1 as f32);
        }
    }
    candidates.retain(|candidate| candidate.area() > 0.0);
    candidates
}

/// Those of at least the confidence `conf`.
pub fn above(candidates: &[Candidate], conf: f32) -> impl Iterator<Item = &Candidate> + Clone {
    candidates
        .iter()
        .filter(move |candidate| candidate.confidence() >= conf)
}

/// The boxes of at least the confidence `conf`, as they are reported.
#[must_use]
pub fn detections(candidates: &[Candidate], conf: f32) -> Vec<Detection> {
    above(candidates, conf)
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
    use crate::parameters::{Calibration, Views};

    fn logit(probability: f32) -> f32 {
        (probability / (1.0 - probability)).ln()
    }

    fn candidate(x1: f32, y1: f32, x2: f32, y2: f32, confidence: f32) -> Candidate {
        Candidate {
            edges: [x1, y1, x2, y2],
            logit: logit(confidence),
            by_itself: logit(confidence),
            state: -1.0,
            contrast: 100,
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
        let mut boxes = decode(&output, 0.0);
        boxes.sort_by(|a, b| b.logit.total_cmp(&a.logit));
        assert_eq!(boxes.len(), 2);
        assert!((boxes[0].confidence() - 0.880_797).abs() < 1e-5);
        for (edge, expected) in boxes[0].edges.iter().zip([16.0, 3.0, 30.0, 19.0]) {
            assert!((edge - expected).abs() < 1e-4, "{:?}", boxes[0].edges);
        }
        assert_eq!(decode(&output, 1.5).len(), 1);
    }

    #[test]
    fn a_box_that_shines_through_is_none_of_this_side() {
        let found = |boxes: &[(f32, u32, f32, f32)]| {
            let boxes = boxes.iter().enumerate();
            let boxes = boxes.map(|(i, &(side, contrast, state, by_itself))| Candidate {
                by_itself,
                state,
                contrast,
                ..candidate(i as f32 * 50.0, 0.0, i as f32 * 50.0 + side, side, 0.9)
            });
            of_this_side(boxes.collect(), 0.2)
                .iter()
                .map(|c| (c.edges[0] / 50.0) as usize)
                .collect::<Vec<_>>()
        };
        let dark = (20.0, 200, -1.0, 3.0);
        let pale = (21.0, 39, -1.0, 5.0);
        assert_eq!(found(&[dark, pale]), [0]);
        assert_eq!(found(&[pale, pale]), [0, 1], "nothing to tell it by");
        assert_eq!(found(&[dark, (21.0, 40, -1.0, 5.0)]), [0, 1], "dark enough");
        assert_eq!(
            found(&[dark, (23.0, 39, -1.0, 5.0)]),
            [0, 1],
            "another size"
        );
        assert_eq!(found(&[dark, (21.0, 39, 1.0, 5.0)]), [0, 1], "filled");
        assert_eq!(
            found(&[(20.0, 200, -1.0, -0.1), pale]),
            [0, 1],
            "the dark one is likelier none"
        );
        assert!(found(&[]).is_empty());
    }

    #[test]
    fn the_verifier_moves_edges_and_decides_both_logits() {
        let parameters = Parameters {
            verifier: Views {
                size: 96,
                side: 20.0,
                wide: 7.5,
            },
            calibration: Calibration {
                finder: 0.5,
                verifier: 2.0,
                alike: 9.0, // of others, which are none
                offset: -1.0,
            },
            filled_bias: 1.0,
            ..Parameters::built_in().expect("readable")
        };
        // 40 px wide and 30 high on the page: a square of 40 px counts, half as large where the verifier sees it.
        let seen = Candidate {
            edges: [100.0, 200.0, 140.0, 230.0],
            logit: 4.0,
            by_itself: 3.0,
            state: 0.0,
            contrast: 0,
        };
        let square = Square::around(seen.edges, 96, 20.0);
        let mut output = Grid::zeros(NUMBERS, 1, 1);
        let same = verified(seen, &output, square, &parameters);
        assert_eq!(same.edges, [100.0, 195.0, 140.0, 235.0]);
        assert_eq!((same.logit, same.state), (0.5, 1.0));
        output.data = vec![0.25, -3.0, 0.05, 0.125, -0.1, -0.125];
        let moved = verified(seen, &output, square, &parameters);
        for (edge, wanted) in moved.edges.iter().zip([102.0, 200.0, 136.0, 230.0]) {
            assert!((edge - wanted).abs() < 1e-3, "{:?}", moved.edges);
        }
        assert_eq!((moved.logit, moved.state), (1.0, -2.0));
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
    fn others_of_its_size_bear_a_box_out() {
        let row = |sides: &[(f32, f32)]| -> Vec<Candidate> {
            let place = |(at, &(side, confidence)): (usize, &(f32, f32))| {
                let x = at as f32 * 100.0;
                candidate(x, 0.0, x + side, 0.8 * side, confidence)
            };
            sides.iter().enumerate().map(place).collect()
        };
        let found = rescored(
            row(&[
                (20.0, 0.9),
                (21.0, 0.6),
                (22.0, 0.4),
                (30.0, 0.7),
                (22.0, 0.1),
            ]),
            2.0,
        );
        let given = |side: f32, confidence: f32, others: f32| {
            let mut by_itself = found.iter().filter(|c| c.by_itself == logit(confidence));
            let one = by_itself.next().expect("is there");
            assert_eq!(one.longer_side(), side);
            let borne_out = one.logit - one.by_itself;
            assert!((borne_out - 2.0 * others / (others + 1.0)).abs() < 1e-6);
        };
        given(20.0, 0.9, 1.0); // not the one that is likelier none
        given(21.0, 0.6, 1.0);
        given(22.0, 0.4, 2.0);
        given(22.0, 0.1, 2.0);
        given(30.0, 0.7, 0.0);
        assert!(found.is_sorted_by(|a, b| a.logit >= b.logit));
        assert_eq!(rescored(found.clone(), 2.0), found, "once is enough");
        assert!(rescored(vec![], 2.0).is_empty());
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
        let placed = |edges: [f32; 4], part: Tile, tile: Tile| {
            let [x1, y1, x2, y2] = edges;
            place(vec![candidate(x1, y1, x2, y2, 0.9)], part, tile, size)
        };
        assert!(placed([10.0, 170.0, 30.0, 180.0], upper, upper).is_empty());
        let whole = placed([10.0, 50.0, 30.0, 70.0], lower, lower);
        assert_eq!(whole[0].edges, [10.0, 170.0, 30.0, 190.0]);
        // The edge of what is printed on a tile is no seam.
        let part = Tile {
            x: 32,
            y: 152,
            width: 32,
            height: 32,
        };
        let whole = placed([2.0, 2.0, 20.0, 20.0], part, lower);
        assert_eq!(whole[0].edges, [34.0, 154.0, 52.0, 172.0]);
        // The page's own edge is no seam.
        assert_eq!(placed([-1.0, 0.0, 12.0, 12.0], upper, upper).len(), 1);
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
    fn a_box_is_small_by_its_longer_side() {
        let found = [candidate(0.0, 0.0, 7.0, 20.0, 0.9)];
        assert!(any_small(found.iter(), 20.5));
        assert!(!any_small(found.iter(), 20.0));
        assert!(!any_small([].iter(), 99.0));
    }

    #[test]
    fn what_is_known_is_not_looked_at_again() {
        let known = [candidate(0.0, 0.0, 20.0, 20.0, 0.3)];
        let beside = candidate(20.0, 0.0, 40.0, 20.0, 0.9);
        let inside = candidate(2.0, 2.0, 12.0, 12.0, 0.9);
        let left = unknown(vec![known[0], inside, beside], known.iter(), 0.3);
        assert_eq!(left, [beside]);
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
