//! The module's exports for JavaScript, through wasm-bindgen: plain objects out, thrown error forms.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;

use crate::error::Error;
use crate::options::{self, ModuleInfo};
use crate::result::Failure;
use crate::{plain, with_detector};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = include_str!("browser.d.ts");

#[wasm_bindgen]
extern "C" {
    /// See `browser.d.ts`.
    #[wasm_bindgen(typescript_type = "DetectOptions")]
    pub type DetectOptions;
    /// See `browser.d.ts`.
    #[wasm_bindgen(typescript_type = "AnnotateOptions")]
    pub type AnnotateOptions;
    /// See `browser.d.ts`.
    #[wasm_bindgen(typescript_type = "DetectionResult")]
    pub type DetectionResult;
    /// See `browser.d.ts`.
    #[wasm_bindgen(typescript_type = "ModuleInfo")]
    pub type JsModuleInfo;
}

/// Builds the networks' plans now, so that the first picture does not wait.
///
/// # Errors
/// Throws an `ErrorResult`.
#[wasm_bindgen]
pub fn start() -> Result<(), JsValue> {
    plain::keep_panics_words();
    with_detector(|_| Ok(())).map_err(|error| thrown(&error))
}

/// Finds the checkboxes on the bytes of a picture file.
///
/// # Errors
/// Throws an `ErrorResult`.
#[wasm_bindgen]
pub fn detect(image: &[u8], options: Option<DetectOptions>) -> Result<DetectionResult, JsValue> {
    start()?;
    with_detector(|detector| detector.detect(image, &read(options)?))
        .and_then(|result| to_object(&result))
        .map(JsCast::unchecked_into)
        .map_err(|error| thrown(&error))
}

/// Draws the checkboxes and their counts; gives the bytes of a JPEG or PNG file.
///
/// # Errors
/// Throws an `ErrorResult`.
#[wasm_bindgen]
pub fn annotate(image: &[u8], options: Option<AnnotateOptions>) -> Result<Vec<u8>, JsValue> {
    start()?;
    with_detector(|detector| detector.annotate(image, &read(options)?))
        .map_err(|error| thrown(&error))
}

/// What this build is: versions, classes, formats, default confidence, limits.
///
/// # Errors
/// Throws an `ErrorResult`.
#[wasm_bindgen]
pub fn info() -> Result<JsModuleInfo, JsValue> {
    ModuleInfo::new()
        .and_then(|info| to_object(&info))
        .map(JsCast::unchecked_into)
        .map_err(|error| thrown(&error))
}

/// By way of JSON, so that what is refused elsewhere is refused here too: from an object, serde-wasm-bindgen asks only
/// for the fields it expects and never sees a misspelt one.
fn read<T: DeserializeOwned + Default>(options: Option<impl Into<JsValue>>) -> Result<T, Error> {
    let Some(options) = options else {
        return Ok(T::default());
    };
    // A function, say, has no JSON form: `stringify` gives undefined then.
    let json = js_sys::JSON::stringify(&options.into())
        .ok()
        .and_then(|json| JsValue::from(json).as_string())
        .ok_or_else(|| Error::BadOptions {
            reason: "they cannot be written as JSON".to_owned(),
        })?;
    options::parse(json.as_bytes())
}

fn to_object<T: Serialize>(value: &T) -> Result<JsValue, Error> {
    // The JSON form of things: no maps, no BigInt.
    value
        .serialize(&serde_wasm_bindgen::Serializer::json_compatible())
        .map_err(|error| Error::Internal {
            reason: error.to_string(),
        })
}

fn thrown(error: &Error) -> JsValue {
    to_object(&Failure::from(error)).unwrap_or_else(|error| JsValue::from_str(&error.to_string()))
}
