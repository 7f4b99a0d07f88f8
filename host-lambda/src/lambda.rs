//! AWS Lambda: events to plain requests, plain responses to answers.

use std::convert::Infallible;
use std::future;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use http_body_util::Full;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Adapter, LambdaEvent, RequestExt as _, Service as _, service_fn};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::app::App;
use crate::events::{Events, Kind};
use crate::failure::Failure;
use crate::http::{self as handler, Context, refuse};
use crate::input::base64_decode;
use crate::limits::LAMBDA_ENVELOPE_BYTES;

/// Set by Lambda; where it is, this process is a function.
pub const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// Set by Lambda: the function's memory in MiB.
pub const MEMORY_SIZE: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";

/// An answer has to leave before Lambda ends the function.
const MARGIN: Duration = Duration::from_millis(500);

/// Answers events until Lambda ends the process.
///
/// # Errors
/// When the runtime API cannot be spoken to.
pub async fn run(app: Arc<App>) -> Result<(), lambda_runtime::Error> {
    let events = Arc::new(Events::new());
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        answer(Arc::clone(&app), Arc::clone(&events), event)
    }))
    .await
}

/// Answers one event.
///
/// # Errors
/// When it is of no kind that is known here, and when objects of S3 are to come again.
async fn answer(
    app: Arc<App>,
    events: Arc<Events>,
    event: LambdaEvent<Value>,
) -> Result<Box<RawValue>, lambda_runtime::Error> {
    let LambdaEvent { payload, context } = event;
    let left = context.deadline().duration_since(SystemTime::now());
    let ours = Context {
        request_id: Some(context.request_id.clone()),
        trace: context.xray_trace_id.clone(),
        deadline: Some(Instant::now() + left.unwrap_or_default().saturating_sub(MARGIN)),
    };
    match Kind::of(&payload) {
        Some(Kind::Direct) => {
            let json = events.direct(&app, &payload, &ours).await;
            Ok(RawValue::from_string(json)?)
        }
        Some(Kind::S3) => {
            events.notification(&app, &payload, &ours).await?;
            Ok(to_raw_value(&())?)
        }
        Some(Kind::Sqs) => Ok(to_raw_value(
            &events.messages(&app, &payload, &ours).await?,
        )?),
        None => http(app, payload, context, ours).await,
    }
}

/// Answers an HTTP event (Function URL, HTTP API, REST API, load balancer).
async fn http(
    app: Arc<App>,
    mut payload: Value,
    context: lambda_runtime::Context,
    ours: Context,
) -> Result<Box<RawValue>, lambda_runtime::Error> {
    let start = Instant::now();
    // lambda_http would decode the body too, but panics where it is not base64; and where a path is no URL's.
    let body = take_body(&mut payload);
    take_proxied(&mut payload);
    encode_path(&mut payload);
    let request: LambdaRequest = serde_json::from_value(payload)
        .map_err(|error| format!("the event is neither HTTP, nor S3, nor a picture: {error}"))?;

    let mut body = Some(body);
    let mut adapter = Adapter::from(service_fn(move |request: lambda_http::Request| {
        let (app, ours) = (Arc::clone(&app), ours.clone());
        // One event, one request.
        let body = body.take().unwrap_or_else(|| Ok(Bytes::new()));
        async move {
            let (mut head, ()) = plain(&request).into_parts();
            head.extensions.insert(ours);
            let response = handler::answer(&app, head, body, start).await;
            let limit = app.limits().response_bytes;
            Ok::<_, Infallible>(within(limit, response).map(Full::new))
        }
    }));
    future::poll_fn(|task| adapter.poll_ready(task)).await?;
    let response = adapter.call(LambdaEvent::new(request, context)).await?;
    Ok(to_raw_value(&response)?)
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

/// Takes stage and base path off the path where the gateway tells what is left: its route is `/{proxy+}`, all there
/// is below them.
fn take_proxied(event: &mut Value) {
    let route = event.get("resource").or_else(|| event.get("routeKey"));
    let is_all = route
        .and_then(Value::as_str)
        .is_some_and(|route| route.rsplit(' ').next() == Some("/{proxy+}"));
    let proxied = event["pathParameters"]["proxy"].as_str().map(str::to_owned);
    let Some(proxied) = proxied.filter(|_| is_all) else {
        return;
    };
    for key in ["rawPath", "path"] {
        if let Some(Value::String(path)) = event.get_mut(key)
            && path
                .strip_suffix(&proxied)
                .is_some_and(|rest| rest.ends_with('/'))
        {
            *path = format!("/{proxied}");
        }
    }
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
fn plain(request: &lambda_http::Request) -> Request<()> {
    let path = match request.raw_http_path() {
        "" => request.uri().path(),
        path => without_stage(path, request.request_context_ref()),
    };
    let uri = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut plain = Request::new(());
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
            "the answer would take {bytes} bytes and Lambda carries {limit}; send fewer pictures at once"
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
    encoded + LAMBDA_ENVELOPE_BYTES
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
