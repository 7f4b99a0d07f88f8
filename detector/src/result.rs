//! Last stage: the result form, written once. `result.schema.json` beside this crate is its schema.

use serde::{Deserialize, Serialize, Serializer};

use crate::error::Error;

/// What a checkbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Class {
    /// Nothing was marked in it.
    #[serde(rename = "empty_checkbox")]
    Empty,
    /// Ticked, crossed, filled: marked in any way.
    #[serde(rename = "filled_checkbox")]
    Filled,
}

impl Class {
    /// Both classes, in the order of their numbers (0 and 1).
    pub const ALL: [Self; 2] = [Self::Empty, Self::Filled];

    /// The name in the result form.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty_checkbox",
            Self::Filled => "filled_checkbox",
        }
    }
}

/// A rectangle in pixels of the upright page; `x2` and `y2` are one past the last pixel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BoundingBox {
    /// Left edge.
    #[serde(serialize_with = "rounded::<100, _>")]
    pub x1: f64,
    /// Upper edge.
    #[serde(serialize_with = "rounded::<100, _>")]
    pub y1: f64,
    /// Right edge.
    #[serde(serialize_with = "rounded::<100, _>")]
    pub x2: f64,
    /// Lower edge.
    #[serde(serialize_with = "rounded::<100, _>")]
    pub y2: f64,
}

/// One checkbox.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Detection {
    /// Empty or filled.
    pub class: Class,
    /// Probability that this is a checkbox, 0 to 1.
    #[serde(serialize_with = "rounded::<1000, _>")]
    pub confidence: f64,
    /// Where it is.
    pub bbox: BoundingBox,
}

/// Size of the upright page in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ImageSize {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// How many boxes of each class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Number of empty checkboxes.
    pub empty_checkbox: usize,
    /// Number of filled checkboxes.
    pub filled_checkbox: usize,
}

/// The answer for one page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DetectionResult {
    /// Always `true`; tells it from [`Failure`].
    pub success: bool,
    /// The page's size, EXIF orientation applied.
    pub image: ImageSize,
    /// In reading order, as the lines of the page run.
    pub detections: Vec<Detection>,
    /// Of `detections`, by class.
    pub counts: Counts,
    /// Number of `detections`.
    pub total: usize,
    /// Version of the network that answered.
    pub model: String,
}

impl DetectionResult {
    /// Counts what was detected.
    #[must_use]
    pub fn new(image: ImageSize, detections: Vec<Detection>, model: &str) -> Self {
        let of = |class| detections.iter().filter(|d| d.class == class).count();
        Self {
            success: true,
            image,
            counts: Counts {
                empty_checkbox: of(Class::Empty),
                filled_checkbox: of(Class::Filled),
            },
            total: detections.len(),
            detections,
            model: model.to_owned(),
        }
    }
}

/// The answer where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Always `false`; tells it from [`DetectionResult`].
    pub success: bool,
    /// Stable, for programs: see [`Error::code`].
    pub code: String,
    /// Words for a person.
    pub detail: String,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            success: false,
            code: error.code().to_owned(),
            detail: error.to_string(),
        }
    }
}

/// Writes a number rounded to 1/`SCALE`, and a whole number without a fraction: `12`, not `12.0`. That is how
/// JavaScript prints it, so the same result gives the same JSON, byte for byte, whoever prints it.
fn rounded<const SCALE: u32, S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    let scale = f64::from(SCALE);
    let value = (value * scale).round() / scale;
    if value.fract() == 0.0 {
        serializer.serialize_i32(value as i32)
    } else {
        serializer.serialize_f64(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_documented_form() {
        let detection = |class, confidence| Detection {
            class,
            confidence,
            bbox: BoundingBox {
                x1: 10.004,
                y1: 20.0,
                x2: 30.126,
                y2: 40.5,
            },
        };
        let result = DetectionResult::new(
            ImageSize {
                width: 850,
                height: 1100,
            },
            vec![
                detection(Class::Filled, 0.98765),
                detection(Class::Empty, 0.99999),
            ],
            "1.2.3",
        );
        assert_eq!(
            serde_json::to_string(&result).expect("serialises"),
            concat!(
                r#"{"success":true,"image":{"width":850,"height":1100},"detections":["#,
                r#"{"class":"filled_checkbox","confidence":0.988,"bbox":{"x1":10,"y1":20,"x2":30.13,"y2":40.5}},"#,
                r#"{"class":"empty_checkbox","confidence":1,"bbox":{"x1":10,"y1":20,"x2":30.13,"y2":40.5}}],"#,
                r#""counts":{"empty_checkbox":1,"filled_checkbox":1},"total":2,"model":"1.2.3"}"#
            )
        );
    }

    #[test]
    fn failures_carry_code_and_words() {
        let json = serde_json::to_string(&Failure::from(&Error::EmptyInput)).expect("serialises");
        assert_eq!(
            json,
            r#"{"success":false,"code":"empty_input","detail":"the file is empty"}"#
        );
    }
}
