//! What a caller may ask for, and what this build is: the two small forms beside the result.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits::{LIMITS, Limits};
use crate::parameters::Parameters;
use crate::result::Class;
use crate::{NAME, VERSION, decode};

/// Options of `detect`, as JSON or as a JavaScript object. Unknown fields are refused: a misspelt option that is
/// silently ignored costs more than an error.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectOptions {
    /// Least confidence a reported box has, 0 to 1. Not given: the default, chosen on validation pages.
    pub conf: Option<f64>,
}

impl DetectOptions {
    /// The confidence to use.
    ///
    /// # Errors
    /// [`Error::BadOptions`] if it is not between 0 and 1.
    pub fn conf(&self, parameters: &Parameters) -> Result<f64, Error> {
        match self.conf {
            None => Ok(parameters.conf),
            Some(conf) if (0.0..=1.0).contains(&conf) => Ok(conf),
            Some(conf) => Err(Error::BadOptions {
                reason: format!("conf is {conf}, and must lie between 0 and 1"),
            }),
        }
    }
}

/// Reads options from JSON; no bytes at all mean the defaults.
///
/// # Errors
/// [`Error::BadOptions`].
pub fn parse<T: Default + DeserializeOwned>(json: &[u8]) -> Result<T, Error> {
    if json.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(json).map_err(|error| Error::BadOptions {
        reason: error.to_string(),
    })
}

/// What this build is and does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModuleInfo {
    /// Name of the package.
    pub name: &'static str,
    /// Version of the code.
    pub version: &'static str,
    /// The network inside.
    pub model: ModelInfo,
    /// Names of the classes, in the order of their numbers.
    pub classes: [&'static str; 2],
    /// Names of the formats that are read.
    pub formats: [&'static str; 6],
    /// Confidence used where none is asked for.
    pub conf: f64,
    /// The limits.
    pub limits: Limits,
}

/// The network inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelInfo {
    /// Its version.
    pub version: String,
    /// SHA-256 of its ONNX file.
    pub sha256: String,
}

impl ModuleInfo {
    /// Of this build.
    ///
    /// # Errors
    /// [`Error::Internal`] if the build itself is broken.
    pub fn new() -> Result<Self, Error> {
        let parameters = Parameters::built_in()?;
        Ok(Self {
            name: NAME,
            version: VERSION,
            model: ModelInfo {
                version: parameters.version,
                sha256: parameters.sha256,
            },
            classes: Class::ALL.map(Class::name),
            formats: decode::FORMATS,
            conf: parameters.conf,
            limits: LIMITS,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_options_and_refuses_bad_ones() {
        let parameters = Parameters::built_in().expect("readable");
        let conf = |json: &str| {
            parse::<DetectOptions>(json.as_bytes())
                .and_then(|options| options.conf(&parameters))
                .map_err(|error| error.code())
        };
        assert_eq!(conf(""), Ok(parameters.conf));
        assert_eq!(conf("{}"), Ok(parameters.conf));
        assert_eq!(conf(r#"{"conf":0.25}"#), Ok(0.25));
        assert_eq!(conf(r#"{"conf":null}"#), Ok(parameters.conf));
        for bad in [
            r#"{"conf":1.5}"#,
            r#"{"conf":"a"}"#,
            r#"{"cnf":0.5}"#,
            "[",
            "\u{0}",
        ] {
            assert_eq!(conf(bad), Err("bad_options"), "{bad}");
        }
    }
}
