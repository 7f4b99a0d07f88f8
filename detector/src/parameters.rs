//! The network's numbers that are not weights: `model/checkbox.json`, written by the export beside the weights.

use serde::Deserialize;

use crate::error::Error;

/// The trained weights, an ONNX file.
pub const WEIGHTS: &[u8] = include_bytes!("../../model/checkbox.onnx");

const JSON: &str = include_str!("../../model/checkbox.json");

/// How a page is brought to a working size. See [`crate::page::working_size`].
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Longer than this times the short side, and a page is cut into tiles.
    pub max_aspect: f64,
    /// Small pictures are enlarged at most this many times.
    pub max_enlargement: f64,
    /// Pixels that neighbouring tiles share, at working scale; more than the largest box there.
    pub overlap: u32,
}

/// Turns the objectness logit into a probability that holds: confidence = sigmoid(a * logit + b). Platt scaling,
/// fitted on pages kept from training.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Slope.
    pub a: f32,
    /// Offset.
    pub b: f32,
}

/// One reading of a page at one size.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Long side of a page at working scale, pixels; also the longest side of a tile.
    pub long_side: u32,
    /// Logit to probability at this size.
    pub calibration: Calibration,
}

/// The confidences between which a box is in doubt, both ends left out, and what is then done.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doubt {
    /// Less than this: there is no box.
    pub from: f32,
    /// More than this: there is one.
    pub to: f32,
    /// The share that a look has in the logits of the next. See [`crate::boxes::carry`].
    pub carried: f32,
    /// Side of the square tiles in which the next look reads the places in doubt, working pixels. See [`crate::page::windows`].
    pub window: u32,
    /// Pixels around a box in doubt that such a tile shows as well.
    pub margin: u32,
}

impl Doubt {
    /// Whether a box of this confidence is in doubt.
    #[must_use]
    pub fn holds(&self, confidence: f32) -> bool {
        self.from < confidence && confidence < self.to
    }
}

/// Everything that was fixed when the network was exported.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Version of the network, as it stands in each result.
    pub version: String,
    /// SHA-256 of the ONNX file these numbers belong to.
    pub sha256: String,
    /// Page to input.
    pub scale: Scale,
    /// From the quickest on. Where one leaves a box in doubt, the next reads that place larger.
    pub looks: Vec<Look>,
    /// When a look does not suffice.
    pub doubt: Doubt,
    /// Confidence from which a box is reported unless the caller asks for another.
    pub conf: f64,
    /// Added to the state logit before its sign is read: above zero means filled.
    pub filled_bias: f32,
    /// Two boxes that overlap by more than this (intersection over union) are one.
    pub nms_iou: f32,
}

impl Parameters {
    /// The numbers of the network inside this build.
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
        let sha256: String = Sha256::digest(WEIGHTS)
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
        assert!(!p.looks.is_empty());
        assert!(p.looks.is_sorted_by(|a, b| a.long_side < b.long_side));
        for look in &p.looks {
            assert!(p.scale.overlap * 2 < look.long_side);
            assert!(look.calibration.a > 0.0);
        }
        assert!((0.0..1.0).contains(&p.doubt.carried));
        assert!(p.doubt.margin * 2 < p.doubt.window);
        assert!(p.doubt.from < p.conf as f32 && p.doubt.to > p.conf as f32);
        assert!(
            WEIGHTS.len() <= 1_000_000,
            "{} bytes of weights",
            WEIGHTS.len()
        );
    }
}
