//! The networks' numbers that are not weights: `model/checkbox.json`, written by the export beside the weights.

use serde::Deserialize;

use crate::error::Error;

/// The trained finder, an ONNX file.
pub const FINDER: &[u8] = include_bytes!("../../model/finder.onnx");
/// The trained verifier, an ONNX file.
pub const VERIFIER: &[u8] = include_bytes!("../../model/verifier.onnx");

const JSON: &str = include_str!("../../model/checkbox.json");

/// How a page is brought to the finder's working size. See [`crate::page::working_size`].
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Long side of a page at working scale, pixels; also the longest side of a tile.
    pub long_side: u32,
    /// Longer than this times the short side, and a page is cut into tiles.
    pub max_aspect: f64,
    /// Small pictures are enlarged at most this many times.
    pub max_enlargement: f64,
    /// Pixels that neighbouring tiles share, at working scale; more than the largest box there.
    pub overlap: u32,
}

/// Which pages are stretched to full contrast. See [`crate::page::stretched`].
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contrast {
    /// This share of the pixels, at either end, is none of a page's range.
    pub share: f64,
    /// A page of a smaller range, of 255, is blank.
    pub least: u32,
    /// So is one of less than so many times its noise.
    pub noise: u32,
    /// One of this range has enough.
    pub enough: u32,
}

/// When a page is read again, larger: the finder loses boxes that are too small where it sees them. A page that shows such
/// a box may hold others; a large one that shows none at all may hold some.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closer {
    /// If the longer side of a box, in pixels as the finder sees it, is less than this.
    pub below: f32,
    /// Or if there is none, and the page is reduced this many times or more.
    pub none: f32,
    /// Only what has at least this logit by itself is a box in this.
    pub logit: f32,
    /// This many times as large, and again, as long as there are such boxes and the page has the pixels.
    pub times: f64,
    /// If it then has no more pixels than this: the finder reads some ten million a second.
    pub pixels: u64,
}

/// When a page is turned before it is read. See [`crate::upright`].
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upright {
    /// If more than this share of its blocks say that its lines run down it, it is read on both sides as well.
    pub sideways: f64,
    /// If its lines slant by at least this many degrees, they are made level.
    pub least: f64,
    /// And do so this clearly, from 1, not at all, to 17.
    pub peak: f64,
    /// In at least so many blocks.
    pub blocks: usize,
}

/// Which of the finder's candidates the verifier looks at.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidates {
    /// Those of at least this logit of the finder's, and what others on the page add to it.
    pub logit: f32,
    /// Weight of the others. See [`crate::boxes::rescored`].
    pub alike: f32,
}

/// What the verifier is shown of a candidate: two squares around it. See [`crate::page::views`].
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Views {
    /// Side of either square, pixels.
    pub size: u32,
    /// The candidate's longer side in the close view, pixels.
    pub side: f32,
    /// And in the wide one.
    pub wide: f32,
}

/// Turns the logits of both networks into a probability that holds: confidence =
/// sigmoid(finder * logit + verifier * logit + offset + alike * k / (k + 1)) for a box like k others on its page (see
/// [`crate::boxes::rescored`]). Logistic regression on pages kept from training.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Weight of the finder's logit.
    pub finder: f32,
    /// Weight of the verifier's logit.
    pub verifier: f32,
    /// Weight of the others on the page.
    pub alike: f32,
    /// Offset.
    pub offset: f32,
}

/// Everything that was fixed when the network was exported.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Version of the networks, as it stands in each result.
    pub version: String,
    /// SHA-256 of the two ONNX files these numbers belong to, the finder's followed by the verifier's.
    pub sha256: String,
    /// Which pages are faded or dark.
    pub contrast: Contrast,
    /// Page to the finder's input.
    pub scale: Scale,
    /// And when to a larger one.
    pub closer: Closer,
    /// Which way up the page is.
    pub upright: Upright,
    /// From the finder to the verifier.
    pub candidates: Candidates,
    /// Candidate to the verifier's input.
    pub verifier: Views,
    /// The logits of both to a probability.
    pub calibration: Calibration,
    /// A box of less than this share of another's contrast shines through from the back. See [`crate::boxes::of_this_side`].
    pub faint: f32,
    /// Confidence from which a box is reported unless the caller asks for another.
    pub conf: f64,
    /// Added to the state logit before its sign is read: above zero means filled.
    pub filled_bias: f32,
    /// Two boxes that overlap by more than this (intersection over union) are one.
    pub nms_iou: f32,
}

impl Parameters {
    /// The numbers of the networks inside this build.
    ///
    /// # Errors
    /// [`Error::Internal`] if the export wrote something else than this crate reads.
    pub fn built_in() -> Result<Self, Error> {
        serde_json::from_str(JSON).map_err(|error| Error::Internal {
            reason: format!("model/checkbox.json: {error}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn belong_to_the_weights_beside_them() {
        let parameters = Parameters::built_in().expect("readable");
        let sha256: String = Sha256::digest([FINDER, VERIFIER].concat())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(parameters.sha256, sha256);
    }

    #[test]
    fn are_within_reason() {
        let p = Parameters::built_in().expect("readable");
        assert!((0.05..=0.95).contains(&p.conf));
        assert!((0.1..0.9).contains(&p.nms_iou));
        assert!((0.0..0.5).contains(&p.faint));
        assert!((0.0..0.1).contains(&p.contrast.share) && p.contrast.least > 0);
        assert!(p.scale.overlap * 2 < p.scale.long_side);
        assert!(p.verifier.wide < p.verifier.side);
        assert!(p.verifier.side * 2.0 < p.verifier.size as f32);
        assert!(p.calibration.finder >= 0.0 && p.calibration.verifier > 0.0);
        assert!(p.calibration.alike >= 0.0 && p.candidates.alike >= 0.0);
        let weights = FINDER.len() + VERIFIER.len();
        assert!(weights <= 1_000_000, "{weights} bytes of weights");
    }
}
