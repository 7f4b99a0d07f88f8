//! Finds every checkbox on a picture of a form and tells whether it is empty or filled.
//!
//! The modules are the stages, in the order in which data flows:
//!
//! | module | from | to |
//! | --- | --- | --- |
//! | [`decode`] | the bytes of a picture file | an upright picture |
//! | [`page`] | picture | grey page at working scale, network input |
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

use image::DynamicImage;

pub use annotate::AnnotateOptions;
pub use error::Error;
pub use network::{Network, TractNetwork};
pub use options::DetectOptions;
pub use parameters::Parameters;
pub use result::{Class, Detection, DetectionResult, Failure};

use limits::MAX_DETECTIONS;

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
    /// The detector with the network of this build; parses it, and plans it for the commonest page.
    ///
    /// # Errors
    /// [`Error::Network`] or [`Error::Internal`] if the build itself is broken.
    pub fn built_in() -> Result<Self, Error> {
        let detector = Self::new(
            TractNetwork::parse(parameters::WEIGHTS)?,
            Parameters::built_in()?,
        );
        // A letter page, upright: most first pages find their plan ready.
        let (width, height) = page::working_size(850, 1100, &detector.parameters.scale);
        let side = |pixels: u32| pixels.next_multiple_of(page::MULTIPLE) as usize;
        detector.network.plan(side(height), side(width))?;
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
    /// # Errors
    /// What [`Network::run`] gives.
    pub fn detect_picture(
        &self,
        picture: &DynamicImage,
        conf: f64,
    ) -> Result<DetectionResult, Error> {
        let (width, height) = (picture.width(), picture.height());
        let scale = &self.parameters.scale;
        let page = page::prepare(picture, scale);
        let mut candidates = Vec::new();
        for tile in page::tiles(page.grey.width(), page.grey.height(), scale) {
            let output = self.network.run(page::input(&page, tile))?;
            let found = boxes::decode(&output, conf as f32, &self.parameters);
            candidates.extend(boxes::place(found, tile, &page));
        }
        let kept = boxes::suppress(candidates, self.parameters.nms_iou, MAX_DETECTIONS);
        let mut detections = boxes::to_page(&kept, &page, width, height);
        boxes::reading_order(&mut detections);
        Ok(DetectionResult::new(
            result::ImageSize { width, height },
            detections,
            &self.parameters.version,
        ))
    }
}

/// Runs `work` on this thread's detector, which is built at the first call and kept.
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
