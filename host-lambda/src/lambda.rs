//! AWS Lambda: events to plain requests, plain responses to answers.

use std::convert::Infallible;
use std::future;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use http_body_util::Full;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Adapter, LambdaEvent, RequestExt as _, Service as _, service_fn};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

use crate::failure::Failure;
use crate::http::{App, handle, refuse};
use crate::input::base64_decode;

/// Set by Lambda; where it is, this process is a function.
pub const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// Set by Lambda: the function's memory in MiB.
pub const MEMORY_SIZE: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";

/// What an answer's JSON envelope takes beside the body: status, headers.
const ENVELOPE_BYTES: usize = 8 * 1024;

/// Answers events until Lambda ends the process.
///
/// # Errors
/// When the runtime API cannot be spoken to.
pub async fn run(app: Arc<App>) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        answer(Arc::clone(&app), event)
    }))
    .await
}

/// Answers one event.
///
/// # Errors
/// When it is not an HTTP event (Function URL, HTTP API, REST API, load balancer).
async fn answer(
    app: Arc<App>,
    event: LambdaEvent<Value>,
) -> Result<impl serde::Serialize + use<>, lambda_runtime::Error> {
    let LambdaEvent {
        mut payload,
        context,
    } = event;
    // lambda_http would decode the body too, but panics where it is not base64; and where a path is no URL's.
    let body = take_body(&mut payload);
    encode_path(&mut payload);
    let request: LambdaRequest = serde_json::from_value(payload)?;

    let mut body = Some(body);
    let mut adapter = Adapter::from(service_fn(move |request: lambda_http::Request| {
        let app = Arc::clone(&app);
        // One event, one request.
        let body = body.take().unwrap_or_else(|| Ok(Bytes::new()));
        async move {
            let response = match body {
                Ok(body) => handle(&app, plain(&request, body)).await,
                Err(failure) => refuse(&failure),
            };
            let limit = app.module().limits().response_bytes;
            Ok::<_, Infallible>(within(limit, response).map(Full::new))
        }
    }));
    future::poll_fn(|task| adapter.poll_ready(task)).await?;
    Ok(adapter.call(LambdaEvent::new(request, context)).await?)
}

/// Takes the body out of an event and decodes it.
fn take_body(event: &mut Value) -> Result<Bytes, Failure> {
    let is_base64 = event
        .get("isBase64Encoded")
        .and_then(Value::as_bool)
        .unwrap_or_default();
    let Some(Value::String(body)) = event.get_mut("body").map(Value::take) else {
        return Ok(Bytes::new());
    };
    if !is_base64 {
        return Ok(body.into());
    }
    base64_decode(&body).map(Bytes::from).map_err(|error| {
        Failure::new(
            "bad_request",
            format!("the event says that its body is base64, and it is not: {error}"),
        )
    })
}

/// Encodes what may not stand in a URL's path as it is; some gateways decode it.
fn encode_path(event: &mut Value) {
    const NOT_IN_A_PATH: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'<')
        .add(b'>')
        .add(b'?')
        .add(b'\\')
        .add(b'^')
        .add(b'`')
        .add(b'{')
        .add(b'|')
        .add(b'}');
    for key in ["rawPath", "path"] {
        if let Some(Value::String(path)) = event.get_mut(key) {
            *path = utf8_percent_encode(path, NOT_IN_A_PATH).to_string();
        }
    }
}

/// The path without the stage of an HTTP API, which payload format 2.0 puts before it.
fn without_stage<'a>(path: &'a str, context: Option<&RequestContext>) -> &'a str {
    let stage = match context {
        Some(RequestContext::ApiGatewayV2(context)) => context.stage.as_deref().unwrap_or_default(),
        _ => "",
    };
    match path
        .strip_prefix('/')
        .and_then(|path| path.strip_prefix(stage))
    {
        _ if stage.is_empty() => path,
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// The request as any other host would see it.
fn plain(request: &lambda_http::Request, body: Bytes) -> Request<Bytes> {
    let path = match request.raw_http_path() {
        "" => request.uri().path(),
        path => without_stage(path, request.request_context_ref()),
    };
    let uri = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut plain = Request::new(body);
    *plain.method_mut() = request.method().clone();
    *plain.headers_mut() = request.headers().clone();
    *plain.uri_mut() = uri.parse().unwrap_or_else(|_| request.uri().clone());
    plain
}

/// The response, or a refusal where Lambda could not send it.
fn within(limit: Option<usize>, response: Response<Bytes>) -> Response<Bytes> {
    let Some(limit) = limit else {
        return response;
    };
    let bytes = event_bytes(&response);
    if bytes <= limit {
        return response;
    }
    refuse(&Failure::new(
        "response_too_large",
        format!(
            "the answer would take {bytes} bytes and Lambda carries {limit}; ask for format=jpeg or send a smaller picture"
        ),
    ))
}

/// The size of a response in Lambda's JSON: text with its quotes and line breaks escaped, anything else in base64.
fn event_bytes(response: &Response<Bytes>) -> usize {
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let body = response.body();
    let is_text = content_type.starts_with("text/") || content_type.contains("json");
    let encoded = if is_text {
        let escaped = body
            .iter()
            .filter(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t'));
        body.len() + escaped.count()
    } else {
        body.len().div_ceil(3) * 4
    };
    encoded + ENVELOPE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_body_is_decoded_as_the_event_says() {
        let body = |event: Value| take_body(&mut event.clone());
        assert_eq!(
            body(json!({"body": "aGk=", "isBase64Encoded": true})),
            Ok("hi".into())
        );
        assert_eq!(
            body(json!({"body": "aGk=", "isBase64Encoded": false})),
            Ok("aGk=".into())
        );
        assert_eq!(
            body(json!({"body": null, "isBase64Encoded": true})),
            Ok(Bytes::new())
        );
        assert_eq!(body(json!({})), Ok(Bytes::new()));
        let spoilt = body(json!({"body": "%%%", "isBase64Encoded": true}));
        assert_eq!(spoilt.expect_err("refused").code, "bad_request");
    }

    #[test]
    fn an_answer_too_large_for_lambda_is_refused_with_the_reason() {
        let response = |content_type: &'static str, bytes: usize| {
            let mut response = Response::new(Bytes::from(vec![b'x'; bytes]));
            response
                .headers_mut()
                .insert(CONTENT_TYPE, content_type.parse().expect("a type"));
            response
        };
        let limit = 90_000;
        let status =
            |content_type, bytes| within(Some(limit), response(content_type, bytes)).status();
        assert_eq!(status("image/jpeg", 60_000), 200);
        assert_eq!(status("image/jpeg", 62_000), 413);
        assert_eq!(status("application/json", 80_000), 200);
        assert_eq!(
            within(None, response("image/jpeg", 1_000_000)).status(),
            200
        );
    }
}
