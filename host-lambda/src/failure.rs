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

    /// The HTTP status that goes with the code. A code not listed is the service's fault, not the caller's.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.code.as_ref() {
            // An undecodable picture is a 400 in the API that clients of this one come from.
            "bad_request" | "bad_options" | "empty_input" | "corrupt_image" => {
                StatusCode::BAD_REQUEST
            }
            "not_found" => StatusCode::NOT_FOUND,
            "method_not_allowed" => StatusCode::METHOD_NOT_ALLOWED,
            // Running out of memory is answered like any picture that is too large: a smaller one is the remedy.
            "payload_too_large" | "too_many_bytes" | "too_many_pixels" | "response_too_large"
            | "out_of_memory" => StatusCode::PAYLOAD_TOO_LARGE,
            "unsupported_media_type" | "unsupported_format" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "too_small" => StatusCode::UNPROCESSABLE_ENTITY,
            "timeout" => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
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
