//! Finds every checkbox on a picture of a form and tells whether it is empty or filled.
//!
//! The modules are the stages, in the order in which data flows:
//!
//! | module | from | to |
//! | --- | --- | --- |
//! | [`decode`] | the bytes of a picture file | an upright picture |
//! | [`upright`] | grey page | the page turned so that its lines run level |
//! | [`page`] | picture | grey page; network input: tiles of the page, squares around candidates |
//! | [`network`] | network input | raw output |
//! | [`boxes`] | raw output | candidates, then boxes on the page, in reading order |
//! | [`result`] | boxes | the result form |
//! | [`annotate`] | picture and result | the picture with the boxes drawn in |
//!
//! [`Detector`] runs them one after the other, `page` to `boxes` twice: a finder reads the whole page and proposes
//! candidates, a verifier looks closely at each; a page of boxes almost too small to find is read again, larger. It holds
//! nothing but the two networks. [`limits`], [`error`] and [`parameters`] are what they share; `kernel` is the networks'
//! innermost loop, which tract calls. This core knows no browser and no host; two thin skins make the
//! WebAssembly module: [`plain`] (bytes in, bytes out, for any host) and `browser` (wasm-bindgen).

#![deny(unsafe_code)] // Only `plain`, the C boundary, and `kernel`, which tract calls, may; `forbid` could not be lifted there.

pub mod annotate;
pub mod boxes;
pub mod decode;
pub mod error;
#[allow(unsafe_code)]
mod kernel;
pub mod limits;
pub mod network;
pub mod options;
pub mod page;
pub mod parameters;
pub mod result;
pub mod upright;

#[allow(unsafe_code)]
pub mod plain;

#[cfg(target_arch = "wasm32")]
pub mod browser;

use std::borrow::Cow;
use std::cell::OnceCell;

use image::{DynamicImage, GrayImage};

pub use annotate::AnnotateOptions;
pub use error::Error;
pub use network::{Network, TractNetwork};
pub use options::DetectOptions;
pub use parameters::Parameters;
pub use result::{BoundingBox, Class, Detection, DetectionResult, Failure};

use boxes::Candidate;
use limits::MAX_DETECTIONS;
use upright::Turn;

/// Name of the package, as `info` shows it.
pub const NAME: &str = env!("CARGO_PKG_NAME");
/// Version of the code; the network has its own, in [`Parameters`].
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A page as it was turned to be read, and what was seen on it.
struct Look<'a> {
    turn: Turn,
    page: Cow<'a, GrayImage>,
    found: Vec<Candidate>,
}

/// The whole path from bytes to result, with the networks built once.
pub struct Detector<N = TractNetwork> {
    finder: N,
    verifier: N,
    parameters: Parameters,
}

impl Detector {
    /// The detector with the networks of this build; parses them, and plans them for the commonest page, so that most
    /// first pages find their plans ready.
    ///
    /// # Errors
    /// [`Error::Network`] or [`Error::Internal`] if the build itself is broken.
    pub fn built_in() -> Result<Self, Error> {
        let detector = Self::new(
            TractNetwork::parse(parameters::FINDER)?,
            TractNetwork::parse(parameters::VERIFIER)?,
            Parameters::built_in()?,
        );
        let Parameters {
            scale, verifier, ..
        } = &detector.parameters;
        let side = |pixels: u32| pixels.next_multiple_of(page::MULTIPLE) as usize;
        let (width, height) = page::working_size(850, 1100, scale); // a letter page, upright
        detector.finder.plan(side(height), side(width))?;
        let size = verifier.size as usize;
        detector.verifier.plan(2 * size, size)?;
        Ok(detector)
    }
}

impl<N: Network> Detector<N> {
    /// A detector around any two networks.
    pub fn new(finder: N, verifier: N, parameters: Parameters) -> Self {
        Self {
            finder,
            verifier,
            parameters,
        }
    }

    /// The networks' numbers: version, default confidence, scale.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Finds the checkboxes on a picture file.
    ///
    /// # Errors
    /// What [`decode::decode`] and [`Network::run`] give, and [`Error::BadOptions`].
    pub fn detect(&self, bytes: &[u8], options: &DetectOptions) -> Result<DetectionResult, Error> {
        let conf = options.conf(&self.parameters)?;
        self.detect_picture(&decode::decode(bytes)?, conf)
    }

    /// Draws the checkboxes and their counts on a picture file; gives the bytes of a JPEG or PNG.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn annotate(&self, bytes: &[u8], options: &AnnotateOptions) -> Result<Vec<u8>, Error> {
        let conf = options.detect().conf(&self.parameters)?;
        let picture = decode::decode(bytes)?;
        let result = self.detect_picture(&picture, conf)?;
        annotate::encode(&annotate::draw(picture, &result), options.format)
    }

    /// Finds the checkboxes on a decoded, upright picture; reports those of at least `conf`.
    ///
    /// # Errors
    /// What [`Network::run`] gives.
    pub fn detect_picture(
        &self,
        picture: &DynamicImage,
        conf: f64,
    ) -> Result<DetectionResult, Error> {
        let (width, height) = (picture.width(), picture.height());
        let grey = page::stretched(page::grey(picture), &self.parameters.contrast);
        let (found, turn) = self.found(&grey)?;
        let mut detections = boxes::detections(&found, conf as f32);
        boxes::reading_order(&mut detections); // as the lines run
        for Detection { bbox, .. } in &mut detections {
            let edges = [bbox.x1, bbox.y1, bbox.x2, bbox.y2];
            let [x1, y1, x2, y2] = upright::back(edges, turn, (width, height));
            *bbox = BoundingBox { x1, y1, x2, y2 };
        }
        Ok(DetectionResult::new(
            result::ImageSize { width, height },
            detections,
            &self.parameters.version,
        ))
    }

    /// All on a grey page that might be a checkbox, with the confidence that it is one, the most confident first; and how
    /// the page is turned where they lie there.
    ///
    /// A page that may hold boxes too small for the finder is read again, larger (see [`parameters::Closer`]); what would be
    /// reported already is not looked at again.
    fn found(&self, grey: &GrayImage) -> Result<(Vec<Candidate>, Turn), Error> {
        let Parameters {
            scale,
            closer,
            calibration,
            faint,
            conf,
            nms_iou,
            ..
        } = &self.parameters;
        let Look {
            turn,
            page,
            mut found,
        } = self.first_look(grey)?;
        let (width, height) = page.dimensions();
        let mut size = page::working_size(width, height, scale);
        let worth = |found: &[Candidate], size: (u32, u32)| {
            let reduced = width as f32 / size.0 as f32;
            // By themselves: where most are too small to be found, there is little to bear the others out.
            let mut likely = found.iter().filter(|c| c.by_itself >= closer.logit);
            boxes::any_small(likely.clone(), closer.below * reduced)
                || (reduced >= closer.none && likely.next().is_none())
        };
        while worth(&found, size)
            && let Some(larger) = page::closer_size((width, height), size, closer)
        {
            size = larger;
            let known = boxes::above(&found, *conf as f32);
            let scaled = page::resized(&page, size)?;
            let more = self.candidates(&scaled, (width, height))?;
            let more = boxes::unknown(more, known, *nms_iou);
            found.extend(self.verified(&page, &more)?);
            found = settled(found, *nms_iou, calibration.alike);
        }
        Ok((boxes::of_this_side(found, *faint), turn))
    }

    /// A grey page turned so that its lines run level, and what is seen on it at first. If it may lie on its side or
    /// slant, it is read in each way, and the one in which most is found is right.
    fn first_look<'a>(&self, grey: &'a GrayImage) -> Result<Look<'a>, Error> {
        let Parameters {
            scale,
            upright,
            conf,
            ..
        } = &self.parameters;
        let working = |page: &GrayImage| page::working_size(page.width(), page.height(), scale);
        let (width, height) = working(grey);
        let level = page::resized(grey, (width, height))?;
        let small = page::resized(&level, ((width / 2).max(1), (height / 2).max(1)))?;
        let mut best: Option<(f32, Look)> = None;
        for turn in upright::turns(upright::lean(&small), upright) {
            let page = upright::turned(grey, turn);
            let candidates = if turn == Turn::default() {
                self.candidates(&level, page.dimensions())?
            } else {
                self.candidates(&*page::resized(&page, working(&page))?, page.dimensions())?
            };
            let found = self.verified(&page, &candidates)?;
            // Of the logits, not of the boxes: upside down most are found too, less surely. By themselves: what is taken for
            // boxes in a row that stands on end bears one another out.
            let reported = boxes::above(&found, *conf as f32);
            let sum = reported.map(|c| c.by_itself).sum();
            if best.as_ref().is_none_or(|(most, _)| sum > *most) {
                best = Some((sum, Look { turn, page, found }));
            }
        }
        best.map(|(_, look)| look).ok_or_else(|| Error::Internal {
            reason: "no way to read the page".into(),
        })
    }

    /// All that might be a checkbox on a grey page that is shown to the finder at working size; the most likely first, in
    /// pixels of the page of `size` (width, height).
    fn candidates(&self, page: &GrayImage, size: (u32, u32)) -> Result<Vec<Candidate>, Error> {
        let Parameters {
            scale,
            candidates,
            nms_iou,
            ..
        } = &self.parameters;
        let working = page.dimensions();
        let least = candidates.logit - candidates.alike; // others add less than their weight
        let mut found = Vec::new();
        for tile in page::tiles(working, scale) {
            let Some(part) = page::printed(page, tile) else {
                continue;
            };
            let output = self.finder.run(page::input(page, part)?)?;
            let seen = boxes::decode(&output, least);
            found.extend(boxes::place(seen, part, tile, working));
        }
        let mut kept = settled(found, *nms_iou, candidates.alike);
        kept.retain(|candidate| candidate.logit >= candidates.logit);
        Ok(boxes::to_page(kept, working, size))
    }

    /// What the candidates are and where their edges lie, each seen from near; the most confident first.
    fn verified(
        &self,
        grey: &GrayImage,
        candidates: &[Candidate],
    ) -> Result<Vec<Candidate>, Error> {
        let Parameters {
            verifier: views,
            calibration,
            nms_iou,
            ..
        } = &self.parameters;
        let seen = candidates.iter().map(|&candidate| {
            let (shown, square) = page::views(grey, candidate.edges, *views)?;
            let output = self.verifier.run(shown)?;
            Ok(boxes::verified(
                candidate,
                &output,
                square,
                &self.parameters,
            ))
        });
        let seen = seen.collect::<Result<_, _>>()?;
        let mut on_page = boxes::on_page(seen, grey.dimensions());
        for candidate in &mut on_page {
            candidate.contrast = page::contrast(grey, candidate.edges);
        }
        Ok(settled(on_page, *nms_iou, calibration.alike))
    }
}

/// Every box once, and as likely as the others of its size make it.
fn settled(found: Vec<Candidate>, nms_iou: f32, alike: f32) -> Vec<Candidate> {
    boxes::rescored(boxes::suppress(found, nms_iou, MAX_DETECTIONS), alike)
}

/// Runs `work` on this thread's detector, which the first call builds and which is kept.
///
/// # Errors
/// What [`Detector::built_in`] gives, at every call, and what `work` gives.
fn with_detector<T>(work: impl FnOnce(&Detector) -> Result<T, Error>) -> Result<T, Error> {
    thread_local! {
        static DETECTOR: OnceCell<Result<Detector, Error>> = const { OnceCell::new() };
    }
    DETECTOR.with(|cell| match cell.get_or_init(Detector::built_in) {
        Ok(detector) => work(detector),
        Err(error) => Err(error.clone()),
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use image::Luma;
    use network::Grid;
    use parameters::{Calibration, Closer, Scale, Views};

    /// As finder, sees boxes of 8 px with the logits given, 20 px apart in the row in the middle of what it is shown; as
    /// verifier, says the logit given by how dark the middle is: `dark` or `light`. Notes what it is shown.
    struct StandIn {
        logits: Vec<f32>,
        dark: f32,
        light: f32,
        seen: RefCell<Vec<usize>>,
    }

    impl Network for StandIn {
        fn run(&self, input: Grid) -> Result<Grid, Error> {
            self.seen.borrow_mut().push(input.height);
            if input.width == VIEWS.size as usize {
                let middle = input.data[input.width / 2 * input.width + input.width / 2];
                let mut output = Grid::zeros(6, 1, 1);
                output.data[0] = if middle > 0.5 { self.dark } else { self.light };
                output.data[1] = 1.0;
                return Ok(output);
            }
            let (height, width) = (input.height / 8, input.width / 8);
            let mut output = Grid::zeros(boxes::CHANNELS, height, width);
            output.data[..4 * height * width].fill(-9.0);
            for (k, logit) in self.logits.iter().enumerate() {
                output.data[height / 2 * width + 3 * k + 1] = *logit;
            }
            Ok(output)
        }
    }

    const VIEWS: Views = Views {
        size: 48,
        side: 16.0,
        wide: 6.0,
    };

    /// The detector of two stand-ins, the finder's with candidates of these logits, the verifier's sure of what is dark.
    fn detector(logits: &[f32], below: f32) -> Detector<StandIn> {
        let stand_in = || StandIn {
            logits: logits.to_vec(),
            dark: 2.0,
            light: -2.0,
            seen: RefCell::default(),
        };
        let parameters = Parameters {
            scale: Scale {
                long_side: 128,
                max_aspect: 1.6,
                max_enlargement: 3.0,
                overlap: 20,
            },
            closer: Closer {
                below,
                none: 99.0,
                logit: 0.0,
                times: 2.0,
                pixels: 256 * 256,
            },
            upright: parameters::Upright {
                sideways: 1.0, // no page is
                least: 3.0,
                peak: 2.5,
                blocks: 6,
            },
            candidates: parameters::Candidates {
                logit: -1.0,
                alike: 0.0,
            },
            verifier: VIEWS,
            calibration: Calibration {
                finder: 1.0,
                verifier: 2.0,
                alike: 0.0,
                offset: -1.0,
            },
            filled_bias: 0.0,
            ..Parameters::built_in().expect("readable")
        };
        Detector::new(stand_in(), stand_in(), parameters)
    }

    /// A page of about a grey, 0 or 255, in each column, all of it printed on.
    fn chequered(side: u32, grey: impl Fn(u32) -> u8) -> DynamicImage {
        let even = |x: u32, y: u32| (x / 8 + y / 8).is_multiple_of(2);
        DynamicImage::ImageLuma8(GrayImage::from_fn(side, side, |x, y| {
            Luma([if even(x, y) { grey(x) } else { grey(x) ^ 12 }])
        }))
    }

    /// What the two stand-ins are shown and the confidences found on a page of 128 px, whose left part is dark, with
    /// candidates of these logits of which the first two lie in the dark.
    fn looks(logits: &[f32], conf: f64) -> (Vec<usize>, Vec<f64>) {
        let detector = detector(logits, 9.0);
        let page = chequered(128, |x| if x < 50 { 0 } else { 255 });
        let result = detector.detect_picture(&page, conf).expect("runs");
        assert!(result.detections.iter().all(|d| d.class == Class::Filled));
        let confidences = result.detections.iter().map(|d| d.confidence).collect();
        let mut seen = detector.finder.seen.into_inner();
        seen.extend(detector.verifier.seen.into_inner());
        (seen, confidences)
    }

    fn near(found: &[f64], wanted: &[f64]) -> bool {
        found.len() == wanted.len() && found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 2e-3)
    }

    #[test]
    fn every_candidate_is_seen_from_near_and_both_networks_decide() {
        // Logits 1 and 0 on dark, 2 on light: 1 + 4 - 1, 0 + 4 - 1, 2 - 4 - 1.
        let (seen, found) = looks(&[1.0, 0.0, 2.0], 0.5);
        assert_eq!(seen, [128, 96, 96, 96]);
        assert!(near(&found, &[0.982, 0.953]), "{found:?}");
        assert!(near(
            &looks(&[1.0, 0.0, 2.0], 0.01).1,
            &[0.982, 0.953, 0.047]
        ));
    }

    #[test]
    fn what_the_finder_is_sure_is_none_is_not_looked_at() {
        let (seen, found) = looks(&[-1.5, 0.0], 0.5);
        assert_eq!(seen, [128, 96]);
        assert_eq!(found.len(), 1);
        assert_eq!(looks(&[], 0.5), (vec![128], vec![]));
    }

    #[test]
    fn nothing_is_looked_for_on_blank_paper() {
        let detector = detector(&[1.0], 9.0);
        let page = DynamicImage::ImageLuma8(GrayImage::new(128, 128));
        assert_eq!(detector.detect_picture(&page, 0.5).expect("runs").total, 0);
        assert!(detector.finder.seen.into_inner().is_empty());
    }

    #[test]
    fn a_doubtful_place_is_looked_at_where_the_finder_sees_another_of_its_size() {
        for (alike, logits, looks) in [
            (0.0, [-1.2, 1.0], 1),
            (0.5, [-1.2, 1.0], 2),
            (0.5, [-1.2, -0.5], 1), // which is likelier none itself
            (0.3, [-1.2, 1.0], 1),
        ] {
            let mut detector = detector(&logits, 0.0);
            detector.parameters.candidates.alike = alike;
            let page = chequered(128, |_| 0);
            detector.detect_picture(&page, 0.5).expect("runs");
            assert_eq!(detector.verifier.seen.into_inner().len(), looks);
        }
    }

    #[test]
    fn a_large_page_that_shows_no_box_is_read_again_larger() {
        for (none, looks) in [(2.1, 1), (2.0, 1 + 9)] {
            let mut detector = detector(&[0.0], 9.0);
            detector.parameters.closer.none = none;
            // The finder's box is none for the verifier, on paper.
            let page = chequered(256, |_| 255);
            let result = detector.detect_picture(&page, 0.5).expect("runs");
            assert_eq!(
                (result.total, detector.finder.seen.into_inner().len()),
                (0, looks)
            );
        }
    }

    #[test]
    fn a_page_whose_lines_run_down_it_is_read_in_each_way() {
        // The stand-in's box lies at (10, 66): dark only where the page is turned clockwise, there from (66, 118).
        let grey = GrayImage::from_fn(128, 128, |x, y| match (x, y) {
            (56..80, 104..) => Luma([0]),
            _ => Luma([if x % 8 < 4 { 200 } else { 255 }]),
        });
        let page = DynamicImage::ImageLuma8(grey);
        for (sideways, looks, boxes) in [(1.0, 1, 0), (0.25, 3, 1)] {
            let mut detector = detector(&[1.0], 0.0);
            detector.parameters.upright.sideways = sideways;
            let result = detector.detect_picture(&page, 0.5).expect("runs");
            assert_eq!(detector.finder.seen.into_inner().len(), looks);
            assert_eq!(result.detections.len(), boxes);
            for Detection { bbox, .. } in result.detections {
                assert!((bbox.x1 + bbox.x2 - 132.0).abs() < 4.0, "{bbox:?}");
                assert!((bbox.y1 + bbox.y2 - 236.0).abs() < 4.0, "{bbox:?}");
            }
        }
    }

    #[test]
    fn of_the_ways_to_read_a_page_the_surest_is_right_not_the_one_with_most() {
        // As it is, two places on dark, unsure, that bear each other out: 0.2 + 8 * 1/2 each; turned clockwise one, of 4.
        let grey = GrayImage::from_fn(128, 128, |x, y| match (x, y) {
            (30..38 | 78..86, 62..70) | (62..70, 114..122) => Luma([0]),
            _ => Luma([if x % 8 < 4 { 200 } else { 255 }]),
        });
        let mut detector = detector(&[4.0, 0.2, 0.2, 0.2], 0.0);
        detector.parameters.upright.sideways = 0.25;
        detector.parameters.calibration.alike = 8.0;
        (detector.verifier.dark, detector.verifier.light) = (0.5, -9.0);
        let page = DynamicImage::ImageLuma8(grey);
        let result = detector.detect_picture(&page, 0.5).expect("runs");
        assert_eq!(detector.finder.seen.into_inner().len(), 3);
        let [Detection { bbox, .. }] = &result.detections[..] else {
            panic!("{:?}", result.detections);
        };
        assert!((bbox.y1 + bbox.y2 - 236.0).abs() < 4.0, "{bbox:?}");
    }

    #[test]
    fn a_page_of_small_boxes_is_read_again_larger() {
        // The stand-in's boxes have 8 px wherever it reads: 16 px of a page of 256, then, in tiles, 8.
        let read = |below: f32, dark: u8| {
            let detector = detector(&[0.0], below);
            let page = chequered(256, |_| dark);
            let result = detector.detect_picture(&page, 0.5).expect("runs");
            let mut sides: Vec<_> = result
                .detections
                .iter()
                .map(|d| d.bbox.x2 - d.bbox.x1)
                .collect();
            sides.sort_by(f64::total_cmp);
            let [finder, verifier] =
                [detector.finder, detector.verifier].map(|n| n.seen.into_inner().len());
            (finder, verifier, sides)
        };
        assert_eq!(read(8.0, 0), (1, 1, vec![16.0]));
        assert_eq!(read(9.0, 255), (1, 1, vec![]), "a box only for the finder");
        let (finder, verifier, sides) = read(9.0, 0);
        assert_eq!(finder, 1 + 9);
        assert_eq!(verifier, 1 + 3, "of six tiles the box lies on a seam");
        assert_eq!(sides.first(), Some(&8.0));
        assert_eq!(
            sides.last(),
            Some(&16.0),
            "what the first reading found stays"
        );
    }
}
