//! What a request asks for: pictures and options, from a form, a JSON object or the picture alone.
//!
//! The bytes decide. Gateways drop and change content types, and `curl --data-binary` names a wrong one unless
//! told otherwise, so a content type is believed where the body bears it out.

use std::borrow::Cow;
use std::convert::Infallible;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::limits::MOST_PAGES;

/// Pictures and what to do with them.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The pictures, at least one.
    pub pictures: Vec<Picture>,
    /// Whether they came as a list: then the answer is one, of however many.
    pub batch: bool,
    /// Options for all of them.
    pub options: Options,
}

/// A picture as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Its name, or its number in the list.
    pub name: String,
    /// The encoded picture; or why there is none, which concerns only this one.
    pub file: Result<Bytes, Failure>,
}

impl Input {
    /// One picture.
    #[must_use]
    pub fn one(file: Bytes, options: Options) -> Self {
        let picture = Picture {
            name: "1".to_owned(),
            file: Ok(file),
        };
        Self {
            pictures: vec![picture],
            batch: false,
            options,
        }
    }
}

/// Options of a request; what is `None` is left to the module.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Options {
    /// Lowest confidence to report, 0 to 1.
    pub conf: Option<f64>,
    /// Format of an annotated picture.
    pub format: Option<Format>,
    /// The only page to look at, from 1.
    pub page: Option<usize>,
}

/// Format of an annotated picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Small; the default.
    #[default]
    Jpeg,
    /// Exact.
    Png,
}

impl Format {
    /// Its content type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

impl Options {
    /// The module's options JSON for `cbd_detect`.
    #[must_use]
    pub fn for_detect(self) -> String {
        options_json(self.conf, None, None)
    }

    /// The module's options JSON for `cbd_annotate`; the picture is scaled down if `scale` is under 1.
    #[must_use]
    pub fn for_annotate(self, scale: f64) -> String {
        let scale = (scale < 1.0).then_some(scale);
        options_json(self.conf, Some(self.format.unwrap_or_default()), scale)
    }

    /// Options as JSON has them, where 3 and 3.0 are the same number.
    ///
    /// # Errors
    /// `bad_options`.
    pub fn from_json(
        conf: Option<f64>,
        format: Option<&str>,
        page: Option<f64>,
    ) -> Result<Self, Failure> {
        let mut options = Self::default();
        let numbers = [("conf", conf), ("page", page)];
        for (name, number) in numbers {
            if let Some(number) = number {
                options.set(name, &number.to_string())?;
            }
        }
        if let Some(format) = format {
            options.set("format", format)?;
        }
        Ok(options)
    }

    /// Takes an option from its name and text, as in a query string or a form. `false`: there is no such option.
    fn set(&mut self, name: &str, text: &str) -> Result<bool, Failure> {
        match name {
            "conf" => self.conf = Some(conf(text)?),
            "format" => self.format = Some(format(text)?),
            "page" => self.page = Some(page(text)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// These, and `others` where these say nothing.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            conf: self.conf.or(others.conf),
            format: self.format.or(others.format),
            page: self.page.or(others.page),
        }
    }
}

fn options_json(conf: Option<f64>, format: Option<Format>, scale: Option<f64>) -> String {
    #[derive(Serialize)]
    struct Json {
        #[serde(skip_serializing_if = "Option::is_none")]
        conf: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        format: Option<Format>,
        #[serde(skip_serializing_if = "Option::is_none")]
        scale: Option<f64>,
    }
    let json = Json {
        conf,
        format,
        scale,
    };
    // Numbers and a name always serialise.
    serde_json::to_string(&json).unwrap_or_default()
}

fn conf(text: &str) -> Result<f64, Failure> {
    let number = text
        .trim()
        .parse()
        .ok()
        .filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| {
        Failure::new(
            "bad_options",
            format!("conf must be a number between 0 and 1, not {text:?}"),
        )
    })
}

fn format(text: &str) -> Result<Format, Failure> {
    match text.trim() {
        "jpeg" | "jpg" => Ok(Format::Jpeg),
        "png" => Ok(Format::Png),
        _ => Err(Failure::new(
            "bad_options",
            format!("format must be jpeg or png, not {text:?}"),
        )),
    }
}

fn page(text: &str) -> Result<usize, Failure> {
    let number = text
        .trim()
        .parse()
        .ok()
        .filter(|number| (1..=MOST_PAGES).contains(number));
    number.ok_or_else(|| {
        Failure::new(
            "bad_options",
            format!("page must be a number from 1 to {MOST_PAGES}, not {text:?}"),
        )
    })
}

/// Reads a request, of at most so many pictures. Options in the body go before those in the query string, where names that mean nothing here
/// are left alone; in the body they are refused, because a misspelt option should not pass unnoticed.
///
/// # Errors
/// `bad_request`, `bad_options`, `unsupported_media_type`, `empty_input`, `batch_too_large`.
pub async fn read(head: &Parts, body: Bytes, most: usize) -> Result<Input, Failure> {
    if let Some(encoding) = head.headers.get(CONTENT_ENCODING)
        && encoding != "identity"
    {
        return Err(Failure::new(
            "unsupported_media_type",
            "the body is compressed (Content-Encoding); send it as it is",
        ));
    }
    let content_type = head
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let mut input = match Kind::of(content_type.unwrap_or_default(), &body)? {
        Kind::Form { boundary } => form(boundary, body).await?,
        Kind::Json => json(&body)?,
        Kind::Picture => Input::one(body, Options::default()),
    };
    check_batch(input.pictures.len(), most)?;
    let mut query = Options::default();
    for (name, text) in form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()) {
        query.set(&name, &text)?;
    }
    input.options = input.options.or(query);
    Ok(input)
}

/// # Errors
/// `batch_too_large` if there are more pictures or pages than that.
pub fn check_batch(pictures: usize, most: usize) -> Result<(), Failure> {
    if pictures <= most {
        return Ok(());
    }
    Err(Failure::new(
        "batch_too_large",
        format!(
            "{pictures} pictures came, and {most} are read at once; send them in several requests"
        ),
    ))
}

/// What a body is.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Form { boundary: String },
    Json,
    Picture,
}

impl Kind {
    fn of(content_type: &str, body: &[u8]) -> Result<Self, Failure> {
        let declared = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let boundary = multer::parse_boundary(content_type)
            .ok()
            .filter(|boundary| !boundary.is_empty());
        if let Some(boundary) = &boundary
            && contains(body, format!("--{boundary}").as_bytes())
        {
            return Ok(Self::Form {
                boundary: boundary.clone(),
            });
        }
        if looks_like_a_picture(body) {
            return Ok(Self::Picture);
        }
        if body.trim_ascii_start().starts_with(b"{") {
            return Ok(Self::Json);
        }
        if let Some(boundary) = first_line_boundary(body) {
            return Ok(Self::Form { boundary });
        }
        // The bytes say nothing: the declared type gives the error that helps most.
        match declared.as_str() {
            _ if body.is_empty() => Err(Failure::new(
                "empty_input",
                "the request has no body; send a picture",
            )),
            "multipart/form-data" => Err(Failure::new(
                "bad_request",
                match boundary {
                    Some(boundary) => {
                        format!("the form's boundary {boundary:?} is not in the body")
                    }
                    None => {
                        "the content type names no boundary, and the body does not begin with one"
                            .to_owned()
                    }
                },
            )),
            "application/json" => Ok(Self::Json),
            // A picture of a kind not known here: the module says what it can read.
            "application/octet-stream" => Ok(Self::Picture),
            image if image.starts_with("image/") => Ok(Self::Picture),
            _ => Err(Failure::new(
                "unsupported_media_type",
                "send a picture, a multipart/form-data body with the picture in the field `file`, or JSON with the \
                 picture in base64 as `image`",
            )),
        }
    }
}

/// Signatures of the formats that the module reads, and of two that people send by mistake, so that the module's
/// own words about them reach them.
fn looks_like_a_picture(body: &[u8]) -> bool {
    const SIGNATURES: &[&[u8]] = &[
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"GIF8",
        b"BM",
        b"II*\0",
        b"MM\0*",
        b"II+\0",
        b"MM\0+",
        b"%PDF",
    ];
    let riff = body.starts_with(b"RIFF") && body.get(8..12) == Some(b"WEBP");
    let heic = body.get(4..8) == Some(b"ftyp");
    riff || heic
        || SIGNATURES
            .iter()
            .any(|signature| body.starts_with(signature))
}

/// The boundary of a form whose content type was lost: its first line is `--boundary` and a header follows.
fn first_line_boundary(body: &[u8]) -> Option<String> {
    // RFC 2046: at most 70 characters.
    let end = body.iter().take(74).position(|byte| *byte == b'\r')?;
    let (line, rest) = body.split_at(end);
    let boundary = std::str::from_utf8(line.strip_prefix(b"--")?).ok()?;
    let header = rest.strip_prefix(b"\r\n")?.get(..8)?;
    (!boundary.is_empty() && header.eq_ignore_ascii_case(b"content-")).then(|| boundary.to_owned())
}

fn contains(body: &[u8], wanted: &[u8]) -> bool {
    // A form begins with its boundary, after a preamble that hardly anyone sends: no need to look far.
    let start = body.get(..body.len().min(4096)).unwrap_or_default();
    start.windows(wanted.len()).any(|window| window == wanted)
}

async fn form(boundary: String, body: Bytes) -> Result<Input, Failure> {
    let malformed = |error: multer::Error| {
        Failure::new(
            "bad_request",
            format!("the multipart body is malformed or cut off: {error}"),
        )
    };
    let body = stream::iter([Ok::<_, Infallible>(body)]);
    let mut form = multer::Multipart::new(body, boundary);
    let mut pictures: Vec<Picture> = Vec::new();
    let mut options = Options::default();
    while let Some(field) = form.next_field().await.map_err(malformed)? {
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().filter(|name| !name.is_empty());
        let file_name = file_name.map(str::to_owned);
        let value = field.bytes().await.map_err(malformed)?;
        if name == "file" {
            pictures.push(Picture {
                name: file_name.unwrap_or_else(|| (pictures.len() + 1).to_string()),
                file: Ok(value),
            });
            continue;
        }
        let text = String::from_utf8_lossy(&value);
        // An option left empty in a form was not chosen.
        let known = matches!(name.as_str(), "conf" | "format" | "page") && text.trim().is_empty()
            || options.set(&name, &text)?;
        if !known {
            return Err(Failure::new(
                "bad_request",
                format!(
                    "the form has a field {name:?}; known are `file`, `conf`, `format` and `page`"
                ),
            ));
        }
    }
    let batch = pictures.len() > 1;
    if !batch {
        let name = "1".to_owned();
        let picture = pictures.pop().ok_or_else(|| {
            Failure::new(
                "bad_request",
                "the form has no field `file`; it holds the picture",
            )
        })?;
        pictures.push(Picture { name, ..picture });
    }
    Ok(Input {
        pictures,
        batch,
        options,
    })
}

/// A request in JSON: `image` or `images`, and options.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonBody<'a> {
    #[serde(borrow)]
    image: Option<Cow<'a, str>>,
    #[serde(borrow)]
    images: Option<Vec<JsonPicture<'a>>>,
    conf: Option<f64>,
    #[serde(borrow)]
    format: Option<Cow<'a, str>>,
    page: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonPicture<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    image: Cow<'a, str>,
}

/// Reads a request that is a JSON object.
///
/// # Errors
/// `bad_request`, `bad_options`.
pub fn json(body: &[u8]) -> Result<Input, Failure> {
    match serde_json::from_slice(body) {
        Ok(body) => from_json(body),
        Err(error) => Err(not_valid(&error)),
    }
}

/// The same for JSON that has been read already.
///
/// # Errors
/// As [`json`].
pub fn json_value(body: &serde_json::Value) -> Result<Input, Failure> {
    match JsonBody::deserialize(body) {
        Ok(body) => from_json(body),
        Err(error) => Err(not_valid(&error)),
    }
}

fn not_valid(error: &serde_json::Error) -> Failure {
    Failure::new(
        "bad_request",
        format!("the JSON body is not valid: {error}"),
    )
}

fn from_json(body: JsonBody<'_>) -> Result<Input, Failure> {
    let options = Options::from_json(body.conf, body.format.as_deref(), body.page)?;
    match (body.image, body.images) {
        (Some(image), None) => Ok(Input::one(picture_from_text(&image)?.into(), options)),
        (None, Some(images)) if !images.is_empty() => {
            let picture = |(number, picture): (usize, JsonPicture<'_>)| Picture {
                name: picture
                    .name
                    .map_or_else(|| number.to_string(), Cow::into_owned),
                file: picture_from_text(&picture.image).map(Bytes::from),
            };
            Ok(Input {
                pictures: (1..).zip(images).map(picture).collect(),
                batch: true,
                options,
            })
        }
        _ => Err(Failure::new(
            "bad_request",
            "the JSON body needs either `image`, a picture in base64, or `images`, a list of {\"name\", \"image\"}",
        )),
    }
}

/// Decodes a picture from base64 or a data URL. Both alphabets, line breaks, and missing padding are taken.
///
/// # Errors
/// `bad_request`.
pub fn picture_from_text(text: &str) -> Result<Vec<u8>, Failure> {
    let text = text.trim();
    let is_url = text
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("data:"));
    let base64 = if is_url {
        let (head, data) = text.split_once(',').ok_or_else(|| {
            Failure::new("bad_request", "the data URL has no comma and so no data")
        })?;
        if !head.to_ascii_lowercase().ends_with(";base64") {
            return Err(Failure::new("bad_request", "the data URL is not in base64"));
        }
        data
    } else {
        text
    };
    base64_decode(base64)
        .map_err(|error| Failure::new("bad_request", format!("`image` is not base64: {error}")))
}

/// Decodes base64 as leniently as it can be done without guessing.
///
/// # Errors
/// When there is anything in it that no alphabet has.
pub fn base64_decode(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

    let mut text = Cow::Borrowed(text);
    if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        text = Cow::Owned(text.split_ascii_whitespace().collect());
    }
    if text.contains(['-', '_']) {
        URL_SAFE.decode(text.as_bytes())
    } else {
        STANDARD.decode(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    async fn read_body(
        content_type: &str,
        query: &str,
        body: impl Into<Bytes>,
    ) -> Result<Input, Failure> {
        let mut request = Request::post(format!("http://host/predict?{query}"));
        if !content_type.is_empty() {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let (head, body) = request.body(body.into()).expect("a request").into_parts();
        read(&head, body, 3).await
    }

    fn part(head: &str, value: &[u8]) -> Vec<u8> {
        [
            b"--XX\r\nContent-Disposition: form-data; ",
            head.as_bytes(),
            b"\r\n\r\n",
            value,
            b"\r\n",
        ]
        .concat()
    }

    fn whole(parts: &[Vec<u8>]) -> Vec<u8> {
        [parts.concat().as_slice(), b"--XX--\r\n"].concat()
    }

    fn picture(conf: Option<f64>, format: Option<Format>) -> Input {
        let options = Options {
            conf,
            format,
            page: None,
        };
        Input::one(Bytes::from_static(PNG), options)
    }

    fn file() -> Vec<u8> {
        part(
            "name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png",
            PNG,
        )
    }

    const FORM: &str = "multipart/form-data; boundary=XX";

    #[tokio::test]
    async fn fields_come_in_any_order() {
        let conf = || part("name=\"conf\"", b"0.25");
        let expected = picture(Some(0.25), None);
        for parts in [[file(), conf()], [conf(), file()]] {
            assert_eq!(
                read_body(FORM, "", whole(&parts)).await.as_ref(),
                Ok(&expected)
            );
        }
    }

    #[tokio::test]
    async fn forms_as_people_send_them() {
        let plain = picture(None, None);
        for (content_type, body) in [
            ("multipart/form-data; boundary=\"XX\"", whole(&[file()])),
            (
                "Multipart/Form-Data; charset=utf-8; boundary=XX",
                whole(&[file()]),
            ),
            // No file name, no type, no quotes.
            (FORM, whole(&[part("name=\"file\"", PNG)])),
            (FORM, whole(&[part("name=file", PNG)])),
            // The content type lost or changed on the way.
            ("", whole(&[file()])),
            ("application/octet-stream", whole(&[file()])),
            ("multipart/form-data", whole(&[file()])),
            ("multipart/form-data; boundary=other", whole(&[file()])),
            // A preamble, and no line break at the end.
            (
                FORM,
                [b"preamble\r\n", whole(&[file()]).trim_ascii_end()].concat(),
            ),
            // An option left empty.
            (FORM, whole(&[file(), part("name=\"conf\"", b"")])),
        ] {
            let shown = format!("{content_type}: {}", String::from_utf8_lossy(&body));
            assert_eq!(
                read_body(content_type, "", body).await.as_ref(),
                Ok(&plain),
                "{shown}"
            );
        }
    }

    #[tokio::test]
    async fn an_empty_file_is_passed_on_and_a_missing_one_is_not() {
        let empty = read_body(
            FORM,
            "",
            whole(&[part("name=\"file\"; filename=\"\"", b"")]),
        )
        .await;
        assert_eq!(
            empty.expect("read").pictures[0].file.as_deref(),
            Ok(&b""[..])
        );
        for (body, code, word) in [
            (
                whole(&[part("name=\"conf\"", b"0.5")]),
                "bad_request",
                "`file`",
            ),
            (whole(&[]), "bad_request", "`file`"),
            (
                whole(&[file(), file(), file(), file()]),
                "batch_too_large",
                "4 pictures",
            ),
            (
                whole(&[file(), part("name=\"page\"", b"0")]),
                "bad_options",
                "page",
            ),
            (
                whole(&[file(), part("name=\"confidence\"", b"1")]),
                "bad_request",
                "confidence",
            ),
            (
                whole(&[file(), part("name=\"conf\"", b"much")]),
                "bad_options",
                "much",
            ),
            (file(), "bad_request", "cut off"),
            (b"--XX\r\nContent-Dis".to_vec(), "bad_request", "cut off"),
        ] {
            let failure = read_body(FORM, "", body).await.expect_err("refused");
            assert_eq!(failure.code, code, "{failure:?}");
            assert!(failure.detail.contains(word), "{failure:?}");
        }
    }

    #[tokio::test]
    async fn a_form_may_hold_anything_that_looks_like_its_boundary() {
        let tricky = [PNG, b"\r\n--X\r\n--XY\r\n-- \r\n"].concat();
        let body = whole(&[part("name=\"file\"", &tricky)]);
        let input = read_body(FORM, "", body).await.expect("read");
        assert_eq!(input.pictures[0].file.as_deref(), Ok(&tricky[..]));
    }

    #[tokio::test]
    async fn a_bare_picture_needs_no_content_type() {
        for content_type in [
            "",
            "image/png",
            "text/plain",
            "application/json",
            "application/x-www-form-urlencoded",
            FORM,
        ] {
            let input = read_body(content_type, "conf=0.5&format=png&utm_source=x", PNG).await;
            assert_eq!(
                input,
                Ok(picture(Some(0.5), Some(Format::Png))),
                "{content_type}"
            );
        }
    }

    #[tokio::test]
    async fn json_in_all_its_spellings() {
        for image in [
            "iVBORw0KGgpyZXN0",
            "iVBORw0K\\nGgpyZXN0\\r\\n",
            "data:image/png;base64,iVBORw0KGgpyZXN0",
            "DATA:;BASE64,iVBORw0KGgpyZXN0",
        ] {
            let body = format!(r#" {{"conf": 0.3, "image": "{image}"}}"#);
            for content_type in [
                "application/json",
                "application/json; charset=utf-8",
                "",
                "text/plain",
            ] {
                let input = read_body(content_type, "conf=0.9", body.clone()).await;
                assert_eq!(
                    input,
                    Ok(picture(Some(0.3), None)),
                    "{image} as {content_type}"
                );
            }
        }
    }

    #[tokio::test]
    async fn several_pictures_are_a_batch_in_their_order() {
        let named = |names: &[&str]| {
            let picture = |name: &&str| Picture {
                name: (*name).to_owned(),
                file: Ok(Bytes::from_static(PNG)),
            };
            names.iter().map(picture).collect::<Vec<_>>()
        };
        let body = whole(&[file(), part("name=\"file\"", PNG)]);
        let input = read_body(FORM, "", body).await.expect("read");
        assert!(input.batch);
        assert_eq!(input.pictures, named(&["a.png", "2"]));
        let body = r#"{"images": [{"image": "iVBORw0KGgpyZXN0"}, {"name": "b", "image": "iVBORw0KGgpyZXN0"}], "page": 2}"#;
        let input = read_body("", "", body).await.expect("read");
        assert!(input.batch);
        assert_eq!(input.pictures, named(&["1", "b"]));
        assert_eq!(input.options.page, Some(2));
        // A list of one is a list; what is spoilt concerns only itself.
        let body = r#"{"images": [{"name": "a", "image": "%"}]}"#;
        let input = read_body("", "", body).await.expect("read");
        assert!(input.batch);
        let failure = input.pictures[0].file.as_ref().expect_err("refused");
        assert_eq!(failure.code, "bad_request");
    }

    #[tokio::test]
    async fn bad_json_is_told_what_is_wrong() {
        for (body, word) in [
            ("{", "EOF"),
            ("[]", "JSON"),
            ("{}", "image"),
            (r#"{"images": []}"#, "image"),
            (r#"{"image": "", "images": []}"#, "image"),
            (r#"{"images": ["a"]}"#, "JsonPicture"),
            (r#"{"image": 5}"#, "string"),
            (r#"{"image": "%%%"}"#, "base64"),
            (r#"{"image": "data:image/png,abc"}"#, "base64"),
            (r#"{"image": "data:image/png;base64"}"#, "comma"),
            (r#"{"image": "", "confidence": 1}"#, "confidence"),
            (r#"{"image": "", "conf": "high"}"#, "f64"),
        ] {
            let failure = read_body("application/json", "", body)
                .await
                .expect_err(body);
            assert_eq!(failure.code, "bad_request", "{body}");
            assert!(failure.detail.contains(word), "{body}: {}", failure.detail);
        }
    }

    #[tokio::test]
    async fn what_is_nothing_of_this_is_refused() {
        let code = async |content_type: &str, query: &str, body: &'static str| {
            read_body(content_type, query, body)
                .await
                .map_err(|failure| failure.code)
        };
        assert_eq!(
            code("text/plain", "", "hello").await,
            Err("unsupported_media_type".into())
        );
        assert_eq!(code("", "", "").await, Err("empty_input".into()));
        assert_eq!(
            code("multipart/form-data", "", "hello").await,
            Err("bad_request".into())
        );
        assert_eq!(
            code("image/png", "conf=x", "hello").await,
            Err("bad_options".into())
        );
        assert_eq!(
            code("image/png", "format=gif", "hello").await,
            Err("bad_options".into())
        );
        // A kind of picture only the module can name.
        assert_eq!(
            code("image/avif", "", "hello")
                .await
                .map(|input| input.pictures[0].file.as_ref().map_or(0, Bytes::len)),
            Ok(5)
        );
    }

    #[test]
    fn base64_of_both_alphabets() {
        let bytes = [0xfb, 0xff, 0xfe, 0x01];
        for text in ["+//+AQ==", "-__-AQ==", "+//+AQ", "-__-\n AQ"] {
            assert_eq!(
                base64_decode(text).as_deref(),
                Ok(bytes.as_slice()),
                "{text}"
            );
        }
        assert!(base64_decode("a+b_").is_err());
    }

    #[test]
    fn options_as_the_module_takes_them() {
        let options = Options {
            conf: Some(0.25),
            format: None,
            page: Some(2),
        };
        assert_eq!(options.for_detect(), r#"{"conf":0.25}"#);
        assert_eq!(
            options.for_annotate(1.0),
            r#"{"conf":0.25,"format":"jpeg"}"#
        );
        assert_eq!(
            options.for_annotate(0.5),
            r#"{"conf":0.25,"format":"jpeg","scale":0.5}"#
        );
        assert_eq!(Options::default().for_detect(), "{}");
    }
}
