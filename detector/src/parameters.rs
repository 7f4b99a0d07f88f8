//! The network's numbers that are not weights: `model/checkbox.json`, written by the export beside the weights.

use serde::Deserialize;

use crate::error::Error;

/// The trained weights, an ONNX file.
pub const WEIGHTS: &[u8] = include_bytes!("../../model/checkbox.onnx");

const JSON: &str = include_str!("../../model/checkbox.json");

/// How a page is brought to the size the network was trained at. See [`crate::page::working_size`].
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
    /// Confidence from which a box is reported unless the caller asks for another.
    pub conf: f64,
    /// Logit to probability.
    pub calibration: Calibration,
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
        assert!(p.scale.overlap * 2 < p.scale.long_side);
        assert!(p.calibration.a > 0.0);
        assert!(
            WEIGHTS.len() <= 1_000_000,
            "{} bytes of weights",
            WEIGHTS.len()
        );
    }
}
