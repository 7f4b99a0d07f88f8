//! Reading and writing objects in S3, or in what speaks like it: GetObject and PutObject, no more.
//!
//! Region, credentials and endpoint come from the environment variables that every AWS tool takes, and that Lambda
//! sets. `AWS_ENDPOINT_URL_S3` names another server.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::{sleep, timeout};

use crate::failure::Failure;
use crate::http::TRACE_HEADER;

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits between attempts, where the server or the network failed.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];

/// What stays as it is in an object's key: RFC 3986's unreserved characters, and the slash.
const IN_A_KEY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// A client for the objects of one region.
pub struct S3 {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    region: String,
    credentials: Credentials,
    /// Another server than AWS's: objects are then at `endpoint/bucket/key`.
    endpoint: Option<String>,
}

impl S3 {
    /// A client as the environment says.
    ///
    /// # Errors
    /// `s3` when a variable is missing.
    pub fn from_env() -> Result<Self, Failure> {
        Self::new(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn new(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let needed = |name: &str| {
            variable(name).ok_or_else(|| Failure::new("s3", format!("{name} is not set")))
        };
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            region: variable("AWS_REGION").map_or_else(|| needed("AWS_DEFAULT_REGION"), Ok)?,
            credentials: Credentials::new(
                needed("AWS_ACCESS_KEY_ID")?,
                needed("AWS_SECRET_ACCESS_KEY")?,
                variable("AWS_SESSION_TOKEN"),
                None,
                "environment",
            ),
            endpoint: variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL")),
        })
    }

    /// An object's bytes.
    ///
    /// # Errors
    /// `too_many_bytes` if there are more than `most`, `not_found`, and `s3` for everything else that S3 answers.
    pub async fn get(
        &self,
        bucket: &str,
        key: &str,
        most: u64,
        trace: Option<&str>,
    ) -> Result<Bytes, Failure> {
        let too_large = || {
            Failure::new(
                "too_many_bytes",
                format!("the object is larger than the {most} bytes that are read"),
            )
        };
        let response = self.send(Method::GET, bucket, key, None, trace).await?;
        let announced = response.headers().get(CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: u64| length > most) {
            return Err(too_large());
        }
        let mut body = response.into_body();
        let mut bytes = BytesMut::new();
        loop {
            let frame = match timeout(PATIENCE, body.frame()).await {
                Ok(None) => return Ok(bytes.freeze()),
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => return Err(fault(bucket, key, &error.to_string())),
                Err(_) => return Err(fault(bucket, key, "the object stopped coming")),
            };
            if let Some(data) = frame.data_ref() {
                if (bytes.len() + data.len()) as u64 > most {
                    return Err(too_large());
                }
                bytes.extend_from_slice(data);
            }
        }
    }

    /// Writes an object.
    ///
    /// # Errors
    /// `not_found` where there is no such bucket, and `s3` for everything else that S3 answers.
    pub async fn put(
        &self,
        bucket: &str,
        key: &str,
        content_type: &str,
        bytes: Bytes,
        trace: Option<&str>,
    ) -> Result<(), Failure> {
        let body = Some((content_type, bytes));
        self.send(Method::PUT, bucket, key, body, trace).await?;
        Ok(())
    }

    /// Sends a request, again where that may help; a response is one of success.
    async fn send(
        &self,
        method: Method,
        bucket: &str,
        key: &str,
        body: Option<(&str, Bytes)>,
        trace: Option<&str>,
    ) -> Result<Response<Incoming>, Failure> {
        let mut pauses = PAUSES.iter();
        loop {
            let request = self.request(&method, bucket, key, body.as_ref(), trace)?;
            let words = match timeout(PATIENCE, self.client.request(request)).await {
                Ok(Ok(response)) if response.status().is_success() => return Ok(response),
                Ok(Ok(response)) => {
                    let status = response.status();
                    let reason = reason(response).await;
                    let words = format!("S3 answered {status}{reason}");
                    if status == StatusCode::NOT_FOUND {
                        return Err(fault(bucket, key, &words).with_code("not_found"));
                    }
                    let may_pass = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
                    if !may_pass {
                        return Err(fault(bucket, key, &words));
                    }
                    words
                }
                Ok(Err(error)) => match std::error::Error::source(&error) {
                    Some(source) => format!("{error}: {source}"),
                    None => error.to_string(),
                },
                Err(_) => "no answer".to_owned(),
            };
            match pauses.next() {
                Some(pause) => sleep(*pause).await,
                None => return Err(fault(bucket, key, &words)),
            }
        }
    }

    fn request(
        &self,
        method: &Method,
        bucket: &str,
        key: &str,
        body: Option<&(&str, Bytes)>,
        trace: Option<&str>,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let unsendable = |reason: String| fault(bucket, key, &reason);
        let (content_type, bytes) = match body {
            Some((content_type, bytes)) => (Some(*content_type), bytes.clone()),
            None => (None, Bytes::new()),
        };
        let mut request = Request::builder().method(method).uri(self.url(bucket, key));
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let mut request = request
            .body(Full::new(bytes.clone()))
            .map_err(|error| unsendable(error.to_string()))?;

        // As S3 wants it, unlike other services: the path is encoded once and taken as it is, and the body's hash is
        // a header.
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| unsendable(error.to_string()))?
            .into();
        let uri = request.uri().to_string();
        let headers = content_type.map(|content_type| (CONTENT_TYPE.as_str(), content_type));
        let signable = SignableRequest::new(
            method.as_str(),
            uri,
            headers.into_iter(),
            SignableBody::Bytes(&bytes),
        )
        .map_err(|error| unsendable(error.to_string()))?;
        let (instructions, _) = sign(signable, &parameters)
            .map_err(|error| unsendable(error.to_string()))?
            .into_parts();
        instructions.apply_to_request_http1x(&mut request);
        if let Some(trace) = trace.and_then(|trace| trace.parse().ok()) {
            request.headers_mut().insert(TRACE_HEADER, trace);
        }
        Ok(request)
    }

    fn url(&self, bucket: &str, key: &str) -> String {
        let key = utf8_percent_encode(key, IN_A_KEY);
        match &self.endpoint {
            Some(endpoint) => format!("{}/{bucket}/{key}", endpoint.trim_end_matches('/')),
            None => {
                let domain = if self.region.starts_with("cn-") {
                    "amazonaws.com.cn"
                } else {
                    "amazonaws.com"
                };
                let host = format!("s3.{}.{domain}", self.region);
                // A certificate for *.host does not cover a bucket's name with dots.
                if bucket.contains('.') {
                    format!("https://{host}/{bucket}/{key}")
                } else {
                    format!("https://{bucket}.{host}/{key}")
                }
            }
        }
    }
}

fn fault(bucket: &str, key: &str, words: &str) -> Failure {
    Failure::new("s3", format!("s3://{bucket}/{key}: {words}"))
}

/// S3's own code for what went wrong, out of the XML that it sends.
async fn reason(response: Response<Incoming>) -> String {
    let Ok(Ok(body)) = timeout(PATIENCE, response.into_body().collect()).await else {
        return String::new();
    };
    let body = body.to_bytes();
    let text = String::from_utf8_lossy(&body);
    let code = text
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"));
    code.map_or_else(String::new, |(code, _)| format!(" ({code})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(more: &'static [(&str, &str)]) -> Result<S3, Failure> {
        S3::new(|name| {
            let given = [
                ("AWS_REGION", "eu-west-1"),
                ("AWS_ACCESS_KEY_ID", "id"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
            ];
            let found = more.iter().chain(&given).find(|(given, _)| *given == name);
            found
                .map(|(_, value)| (*value).to_owned())
                .filter(|value| !value.is_empty())
        })
    }

    #[test]
    fn objects_are_where_s3_has_them() {
        let s3 = client(&[]).expect("a client");
        assert_eq!(
            s3.url("forms", "in/a b+ü.png"),
            "https://forms.s3.eu-west-1.amazonaws.com/in/a%20b%2B%C3%BC.png"
        );
        assert_eq!(
            s3.url("my.forms", "a"),
            "https://s3.eu-west-1.amazonaws.com/my.forms/a"
        );
        let other = client(&[("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000/")]).expect("a client");
        assert_eq!(other.url("forms", "a"), "http://127.0.0.1:9000/forms/a");
        let china = client(&[("AWS_REGION", "cn-north-1")]).expect("a client");
        assert!(china.url("forms", "a").contains(".amazonaws.com.cn/"));
    }

    #[test]
    fn requests_are_signed() {
        let s3 = client(&[("AWS_SESSION_TOKEN", "token")]).expect("a client");
        let body = ("application/json", Bytes::from_static(b"{}"));
        let request = s3
            .request(&Method::PUT, "forms", "a b", Some(&body), Some("Root=1"))
            .expect("a request");
        let header = |name: &str| request.headers()[name].to_str().expect("text").to_owned();
        let signature = header("authorization");
        assert!(
            signature.starts_with("AWS4-HMAC-SHA256 Credential=id/"),
            "{signature}"
        );
        assert!(
            signature.contains("/eu-west-1/s3/aws4_request"),
            "{signature}"
        );
        for name in [
            "content-type",
            "host",
            "x-amz-content-sha256",
            "x-amz-security-token",
        ] {
            assert!(signature.contains(name), "{signature}");
        }
        assert_eq!(header("x-amz-security-token"), "token");
        assert_eq!(header("x-amzn-trace-id"), "Root=1");
        assert_eq!(
            header("x-amz-content-sha256"),
            crate::identity::sha256(b"{}")
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let failure = client(&[("AWS_SECRET_ACCESS_KEY", "")])
            .err()
            .expect("refused");
        // An empty value is one that is not set; the first found wins.
        assert!(
            failure.detail.contains("AWS_SECRET_ACCESS_KEY"),
            "{failure:?}"
        );
    }
}
