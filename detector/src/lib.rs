//! Finds every checkbox on a picture of a form and tells whether it is empty or filled.
//!
//! The modules are the stages, in the order in which data flows:
//!
//! | module | from | to |
//! | --- | --- | --- |
//! | [`decode`] | the bytes of a picture file | an upright picture |
//! | [`page`] | picture | grey page, its tiles at working scale as network input |
//! | [`network`] | network input | raw output |
//! | [`boxes`] | raw output | boxes on the page, in reading order |
//! | [`result`] | boxes | the result form |
//! | [`annotate`] | picture and result | the picture with the boxes drawn in |
//!
//! [`Detector`] runs them one after the other and holds nothing but the network. [`limits`], [`error`] and
//! [`parameters`] are what they share. This core knows no browser and no host; two thin skins make the
//! WebAssembly module: [`plain`] (bytes in, bytes out, for any host) and `browser` (wasm-bindgen).

#![deny(unsafe_code)] // Only `plain`, the C boundary, may; `forbid` could not be lifted there.

pub mod annotate;
pub mod boxes;
pub mod decode;
pub mod error;
pub mod limits;
pub mod network;
pub mod options;
pub mod page;
pub mod parameters;
pub mod result;

#[allow(unsafe_code)]
pub mod plain;

#[cfg(target_arch = "wasm32")]
pub mod browser;

use std::cell::OnceCell;

use image::{DynamicImage, GrayImage};

pub use annotate::AnnotateOptions;
pub use error::Error;
pub use network::{Network, TractNetwork};
pub use options::DetectOptions;
pub use parameters::Parameters;
pub use result::{Class, Detection, DetectionResult, Failure};

use boxes::Candidate;
use limits::MAX_DETECTIONS;
use page::Tile;
use parameters::Look;

/// Name of the package, as `info` shows it.
pub const NAME: &str = env!("CARGO_PKG_NAME");
/// Version of the code; the network has its own, in [`Parameters`].
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The whole path from bytes to result, with the network built once.
pub struct Detector<N = TractNetwork> {
    network: N,
    parameters: Parameters,
}

impl Detector {
    /// The detector with the network of this build; parses it, and plans the first look at the commonest page.
    ///
    /// # Errors
    /// [`Error::Network`] or [`Error::Internal`] if the build itself is broken.
    pub fn built_in() -> Result<Self, Error> {
        let detector = Self::new(
            TractNetwork::parse(parameters::WEIGHTS)?,
            Parameters::built_in()?,
        );
        detector.plan_looks(1)?;
        Ok(detector)
    }

    /// Plans the first `count` looks at a letter page, upright, and for all but the first one the windows at places in
    /// doubt: most first pages then find their plans ready.
    fn plan_looks(&self, count: usize) -> Result<(), Error> {
        let side = |pixels: u32| pixels.next_multiple_of(page::MULTIPLE) as usize;
        let Parameters { scale, doubt, .. } = self.parameters;
        for (which, look) in self.parameters.looks.iter().take(count).enumerate() {
            let (width, height) = page::working_size(850, 1100, look.long_side, &scale);
            self.network.plan(side(height), side(width))?;
            if which > 0 {
                self.network.plan(side(doubt.window), side(doubt.window))?;
            }
        }
        Ok(())
    }

    /// The same with all looks at the commonest page planned: for a host that keeps the memory of an instance and
    /// starts the others from it.
    ///
    /// # Errors
    /// As [`Detector::built_in`].
    pub fn built_in_and_planned() -> Result<Self, Error> {
        let detector = Self::built_in()?;
        detector.plan_looks(detector.parameters.looks.len())?;
        Ok(detector)
    }
}

impl<N: Network> Detector<N> {
    /// A detector around any network.
    pub fn new(network: N, parameters: Parameters) -> Self {
        Self {
            network,
            parameters,
        }
    }

    /// The network's numbers: version, default confidence, scale.
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
    /// The first look is a quick one at the whole page. Where it leaves a box in doubt, the next reads that place larger; what
    /// is found does not depend on `conf`.
    ///
    /// # Errors
    /// What [`Network::run`] gives.
    pub fn detect_picture(
        &self,
        picture: &DynamicImage,
        conf: f64,
    ) -> Result<DetectionResult, Error> {
        let (width, height) = (picture.width(), picture.height());
        let grey = page::grey(picture);
        let Parameters { scale, doubt, .. } = self.parameters;
        let conf = conf as f32;
        let floor = conf.min(doubt.from);
        let mut found = Vec::new();
        let mut last = None;
        for look in &self.parameters.looks {
            let size = page::working_size(width, height, look.long_side, &scale);
            if last == Some(size) {
                break; // a small picture, enlarged no further
            }
            found = match last.replace(size) {
                None => self.look(&grey, size, *look, floor, &self.whole_page(size, *look))?,
                Some(_) => self.look_again(&grey, size, *look, floor, &found)?,
            };
            if !found.iter().any(|c| doubt.holds(c.confidence())) {
                break;
            }
        }
        let mut detections = boxes::detections(&found, conf);
        boxes::reading_order(&mut detections);
        Ok(DetectionResult::new(
            result::ImageSize { width, height },
            detections,
            &self.parameters.version,
        ))
    }

    /// The tiles of a look at all of a page.
    fn whole_page(&self, size: (u32, u32), look: Look) -> Vec<Tile> {
        page::tiles(
            size.0,
            size.1,
            look.long_side,
            self.parameters.scale.overlap,
        )
    }

    /// What one look at `tiles` of a grey page scaled to `size` (width, height) sees with at least the confidence `conf`,
    /// the most confident first, in the page's own pixels.
    fn look(
        &self,
        grey: &GrayImage,
        size: (u32, u32),
        look: Look,
        conf: f32,
        tiles: &[Tile],
    ) -> Result<Vec<Candidate>, Error> {
        let parameters = &self.parameters;
        let mut candidates = Vec::new();
        for &tile in tiles {
            let output = self.network.run(page::input(grey, size, tile)?)?;
            let found = boxes::decode(&output, conf, look.calibration, parameters.filled_bias);
            candidates.extend(boxes::place(found, tile, size));
        }
        let kept = boxes::suppress(candidates, parameters.nms_iou, MAX_DETECTIONS);
        Ok(boxes::to_page(kept, size, grey.dimensions()))
    }

    /// What was `found` on a page, after a further look at the places of it that are in doubt; at the whole page where
    /// that is less work.
    fn look_again(
        &self,
        grey: &GrayImage,
        size: (u32, u32),
        look: Look,
        conf: f32,
        found: &[Candidate],
    ) -> Result<Vec<Candidate>, Error> {
        let Parameters { doubt, nms_iou, .. } = self.parameters;
        let scaled = boxes::at_size(found, grey.dimensions(), size);
        let unsure: Vec<_> = found
            .iter()
            .zip(&scaled)
            .filter(|(candidate, _)| doubt.holds(candidate.confidence()))
            .map(|(_, &edges)| edges)
            .collect();
        let mut tiles = page::windows(&unsure, size, doubt.window, doubt.margin);
        if tiles.iter().map(Tile::area).sum::<u64>() >= u64::from(size.0) * u64::from(size.1) {
            tiles = self.whole_page(size, look);
        }
        let now = self.look(grey, size, look, conf, &tiles)?;
        let now = boxes::carry(now, found, doubt, nms_iou);
        Ok(boxes::merge(now, found, &scaled, &tiles, size, nms_iou))
    }
}

/// Runs `work` on this thread's detector, which `build` makes at the first call and which is kept.
///
/// # Errors
/// What `build` gives, at every call, and what `work` gives.
fn with_detector<T>(
    build: fn() -> Result<Detector, Error>,
    work: impl FnOnce(&Detector) -> Result<T, Error>,
) -> Result<T, Error> {
    thread_local! {
        static DETECTOR: OnceCell<Result<Detector, Error>> = const { OnceCell::new() };
    }
    DETECTOR.with(|cell| match cell.get_or_init(build) {
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
    use parameters::{Calibration, Doubt, Scale};

    /// Sees boxes of 8 px in the middle of what it is shown: with the logit given in pages of 64 px, where there are
    /// `boxes` of them below each other, and with 3 in others. Notes the sizes.
    struct StandIn {
        first: f32,
        boxes: usize,
        seen: RefCell<Vec<usize>>,
    }

    impl Network for StandIn {
        fn run(&self, input: Grid) -> Result<Grid, Error> {
            self.seen.borrow_mut().push(input.height);
            let (height, width) = (input.height / 8, input.width / 8);
            let mut output = Grid::zeros(boxes::CHANNELS, height, width);
            output.data[..4 * height * width].fill(-9.0);
            if input.height == 64 {
                for row in (0..height).step_by(2).take(self.boxes) {
                    output.data[(height / 2 + row) % height * width + width / 2] = self.first;
                }
            } else {
                output.data[height / 2 * width + width / 2] = 3.0;
            }
            Ok(output)
        }
    }

    /// Sizes looked at and confidences found on a page of `side` pixels with `boxes` boxes in the first look.
    fn looks(first: f32, boxes: usize, side: u32, conf: f64) -> (Vec<usize>, Vec<f64>) {
        let network = StandIn {
            first,
            boxes,
            seen: RefCell::default(),
        };
        let parameters = Parameters {
            scale: Scale {
                max_aspect: 1.6,
                max_enlargement: 3.0,
                overlap: 20,
            },
            looks: vec![
                Look {
                    long_side: 64,
                    calibration: Calibration { a: 1.0, b: 0.0 },
                },
                Look {
                    long_side: 256,
                    calibration: Calibration { a: 2.0, b: 1.0 },
                },
            ],
            doubt: Doubt {
                from: 0.2,
                to: 0.8,
                carried: 0.25,
                window: 128,
                margin: 24,
            },
            filled_bias: 0.0,
            ..Parameters::built_in().expect("readable")
        };
        let detector = Detector::new(network, parameters);
        let page = DynamicImage::ImageLuma8(GrayImage::from_pixel(side, side, Luma([255])));
        let result = detector.detect_picture(&page, conf).expect("runs");
        let confidences = result.detections.iter().map(|d| d.confidence).collect();
        (detector.network.seen.into_inner(), confidences)
    }

    #[test]
    fn the_places_in_doubt_are_read_again() {
        let near =
            |found: &[f64], wanted: f64| found.len() == 1 && (found[0] - wanted).abs() < 2e-3;
        let (seen, found) = looks(2.0, 1, 640, 0.5);
        assert!(
            seen == [64] && near(&found, 0.881),
            "sure: {seen:?} {found:?}"
        );
        let (seen, found) = looks(-2.0, 1, 640, 0.5);
        assert!(seen == [64] && found.is_empty(), "sure that there is none");
        for doubtful in [1.0, -1.0] {
            let (seen, found) = looks(doubtful, 1, 640, 0.5);
            assert!(
                seen == [64, 128] && near(&found, 0.993),
                "{seen:?} {found:?}"
            );
        }
        let (seen, found) = looks(1.0, 1, 16, 0.5);
        assert!(
            seen == [64] && near(&found, 0.731),
            "enlarged no further: read once"
        );
    }

    #[test]
    fn a_page_full_of_doubt_is_read_whole() {
        assert_eq!(looks(1.0, 4, 640, 0.5).0, [64, 256]);
    }

    #[test]
    fn the_confidence_asked_for_decides_what_is_reported_not_what_is_looked_at() {
        assert_eq!(looks(1.0, 1, 640, 0.95).0, [64, 128]);
        assert_eq!(looks(2.0, 1, 640, 0.95), (vec![64], vec![]));
        assert_eq!(looks(-2.0, 1, 640, 0.1).1.len(), 1);
    }
}
