//! What can go wrong with a request: a stable code for programs, words for people, a status for HTTP.

use std::borrow::Cow;

use http::StatusCode;
use serde::{Deserialize, Serialize};

/// Why a request has no result. The module's own failures keep their code and words; the host adds those of
/// transport and of running the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Stable, for programs.
    pub code: Cow<'static, str>,
    /// Words for a person.
    pub detail: String,
}

/// Every code and its HTTP status. A code not listed is the service's fault, not the caller's: 500.
pub const CODES: &[(&str, u16)] = &[
    ("bad_request", 400),
    ("bad_options", 400),
    ("empty_input", 400),
    // An undecodable picture is a 400 in the API that clients of this one come from.
    ("corrupt_image", 400),
    ("unauthorized", 401),
    ("not_found", 404),
    ("method_not_allowed", 405),
    // A client that stopped sending.
    ("cancelled", 408),
    ("payload_too_large", 413),
    ("batch_too_large", 413),
    ("too_many_bytes", 413),
    ("too_many_pixels", 413),
    ("response_too_large", 413),
    // Answered like any picture that is too large: a smaller one is the remedy.
    ("out_of_memory", 413),
    ("unsupported_media_type", 415),
    ("unsupported_format", 415),
    ("no_such_page", 422),
    ("too_small", 422),
    ("busy", 429),
    ("crashed", 500),
    ("internal", 500),
    ("network", 500),
    ("s3", 502),
    ("timeout", 504),
];

/// The error form: `{"success":false,"code":…,"detail":…}`.
#[derive(Serialize, Deserialize)]
struct Form<'a> {
    success: bool,
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow)]
    detail: Cow<'a, str>,
}

impl Failure {
    /// A failure of the host, with one of the codes that [`Failure::status`] knows.
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code: Cow::Borrowed(code),
            detail: detail.into(),
        }
    }

    /// The same failure under another code.
    #[must_use]
    pub fn with_code(self, code: &'static str) -> Self {
        Self {
            code: Cow::Borrowed(code),
            ..self
        }
    }

    /// Reads the error form that the module hands out. What is not in that form is a fault of the module.
    #[must_use]
    pub fn from_module(json: &[u8]) -> Self {
        match serde_json::from_slice::<Form<'_>>(json) {
            Ok(form) if !form.success => Self {
                code: Cow::Owned(form.code.into_owned()),
                detail: form.detail.into_owned(),
            },
            _ => Self::new(
                "crashed",
                "the detector reported an error that cannot be read",
            ),
        }
    }

    /// The error form as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let form = Form {
            success: false,
            code: Cow::Borrowed(&self.code),
            detail: Cow::Borrowed(&self.detail),
        };
        // Two strings and a boolean always serialise.
        serde_json::to_string(&form).unwrap_or_default()
    }

    /// The HTTP status that goes with the code: see [`CODES`].
    #[must_use]
    pub fn status(&self) -> StatusCode {
        let listed = CODES.iter().find(|(code, _)| *code == self.code);
        listed
            .and_then(|(_, status)| StatusCode::from_u16(*status).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modules_words_come_back_unchanged() {
        let json = r#"{"success":false,"code":"corrupt_image","detail":"the \"JPEG\" ends early"}"#;
        let failure = Failure::from_module(json.as_bytes());
        assert_eq!(failure.status(), StatusCode::BAD_REQUEST);
        assert_eq!(failure.to_json(), json);
    }

    #[test]
    fn anything_else_is_a_fault() {
        for json in ["", "{}", r#"{"success":true,"code":"a","detail":"b"}"#] {
            assert_eq!(Failure::from_module(json.as_bytes()).code, "crashed");
        }
        assert_eq!(
            Failure::new("of_tomorrow", "").status(),
            StatusCode::INTERNAL_SERVER_ERROR
        );
    }
}
