//! One handler for every way an HTTP request comes in: a plain request in, a plain response out.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW,
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_NONE_MATCH, ORIGIN, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::app::App;
use crate::auth::random_id;
use crate::failure::Failure;
use crate::input::{self, Format};
use crate::log::Report;
use crate::openapi;

/// The name of the service in its description.
pub const SERVICE: &str = "checkbox-detector";

/// X-Ray's header: comes with a request, goes on with what is asked for it, and back with the answer.
pub const TRACE_HEADER: &str = "x-amzn-trace-id";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
/// Says what had to be done to a picture so that it fits into an answer.
const REDUCED: HeaderName = HeaderName::from_static("x-picture-reduced");

/// How long browsers may remember what another site is allowed, in seconds.
const PREFLIGHT_AGE: &str = "7200";

/// What a request brings beside itself; whoever carries requests puts it in their extensions.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Its id, where the carrier has one.
    pub request_id: Option<String>,
    /// X-Ray's header, where the carrier has one.
    pub trace: Option<String>,
    /// When the carrier ends it.
    pub deadline: Option<Instant>,
}

/// What there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Home,
    Health,
    Info,
    OpenApi,
    Wasm,
    Predict,
    PredictImage,
}

/// An endpoint as it is asked for and described.
pub(crate) struct Offer {
    endpoint: Endpoint,
    pub(crate) path: &'static str,
    pub(crate) does: &'static str,
}

const fn offer(endpoint: Endpoint, path: &'static str, does: &'static str) -> Offer {
    Offer {
        endpoint,
        path,
        does,
    }
}

/// All of them. `/predict` and `/predict/json` take every form of body; two names because clients of the API know
/// both.
pub(crate) const OFFERS: [Offer; 8] = [
    offer(
        Endpoint::Home,
        "/",
        "The page for browsers, a description for others",
    ),
    offer(Endpoint::Health, "/health", "Whether the detector works"),
    offer(
        Endpoint::Info,
        "/info",
        "Versions, limits, and which module this is",
    ),
    offer(Endpoint::OpenApi, "/openapi.json", "This API, for programs"),
    offer(
        Endpoint::Wasm,
        "/checkbox_detector.wasm",
        "The module itself",
    ),
    offer(
        Endpoint::Predict,
        "/predict",
        "The checkboxes of a picture, or of several: multipart fields `file`, or the picture alone",
    ),
    offer(
        Endpoint::Predict,
        "/predict/json",
        "The same for pictures in base64: {\"image\"} or {\"images\": [{\"name\", \"image\"}]}",
    ),
    offer(
        Endpoint::PredictImage,
        "/predict/image",
        "The picture with its checkboxes marked",
    ),
];

impl Offer {
    pub(crate) fn takes_post(&self) -> bool {
        self.endpoint.takes_post()
    }
}

impl Endpoint {
    fn at(path: &str) -> Option<Self> {
        let offer = OFFERS.iter().find(|offer| offer.path == path)?;
        Some(offer.endpoint)
    }

    fn takes_post(self) -> bool {
        matches!(self, Self::Predict | Self::PredictImage)
    }
}

/// Answers a request. Never fails: what goes wrong is an answer in the error form.
pub async fn handle(app: &App, request: Request<Bytes>) -> Response<Bytes> {
    let (head, body) = request.into_parts();
    answer(app, head, Ok(body), Instant::now()).await
}

/// Answers a request that began at `start`, whose body may not have come.
pub async fn answer(
    app: &App,
    mut head: Parts,
    body: Result<Bytes, Failure>,
    start: Instant,
) -> Response<Bytes> {
    let context = head.extensions.remove::<Context>().unwrap_or_default();
    let mut report = Report {
        source: "http",
        subject: format!("{} {}", head.method, head.uri.path()),
        request_id: context
            .request_id
            .clone()
            .unwrap_or_else(|| request_id(&head.headers)),
        trace: context
            .trace
            .clone()
            .or_else(|| text(&head.headers, TRACE_HEADER)),
        bytes_in: body.as_ref().map_or(0, Bytes::len),
        ..Report::default()
    };
    let result = match allow(app, &head).and(body) {
        Ok(body) => route(app, &head, body, &context, &mut report).await,
        Err(failure) => Err(failure),
    };
    let mut response = match result {
        Ok(response) => {
            report.status = response.status().as_u16();
            response
        }
        Err(failure) => {
            report.failure(&failure);
            refuse(&failure)
        }
    };
    let length = response.body().len();
    report.bytes_out = length;
    report.total_ms = milliseconds(start.elapsed());
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let mut put = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put(REQUEST_ID, &report.request_id);
    put(
        SERVER_TIMING,
        &format!(
            "queue;dur={:.1}, detector;dur={:.1}, total;dur={:.1}",
            report.queue_ms, report.detector_ms, report.total_ms
        ),
    );
    if let Some(trace) = &report.trace {
        put(HeaderName::from_static(TRACE_HEADER), trace);
    }
    share(app, &head.headers, headers);
    if head.method == Method::HEAD {
        headers.insert(CONTENT_LENGTH, length.into());
        *response.body_mut() = Bytes::new();
    }
    app.log().request(&report);
    response
}

/// Whether a request may do what it asks for, as far as its head tells: before anyone reads its body. What only
/// describes the service, and what browsers ask before they call, is open.
///
/// # Errors
/// `unauthorized`.
pub fn allow(app: &App, head: &Parts) -> Result<(), Failure> {
    if head.method != Method::POST {
        return Ok(());
    }
    app.gate().check(&head.headers)
}

/// The answer that goes with a failure.
pub fn refuse(failure: &Failure) -> Response<Bytes> {
    let status = failure.status();
    let mut response = with_type(status, "application/json", failure.to_json().into());
    let headers = response.headers_mut();
    match status {
        StatusCode::UNAUTHORIZED => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        StatusCode::TOO_MANY_REQUESTS => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}

/// Lets pages of the listed sites read the answer. Never with credentials: what a browser keeps for this service
/// is no one else's to use.
fn share(app: &App, request: &HeaderMap, response: &mut HeaderMap) {
    let origins = &app.settings().cors_origins;
    if origins.is_empty() {
        return;
    }
    response.append(VARY, HeaderValue::from_static("origin"));
    let Some(origin) = request.get(ORIGIN) else {
        return;
    };
    if origins.iter().any(|allowed| origin == allowed.as_str()) {
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        response.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(
                "content-disposition, retry-after, server-timing, x-picture-reduced, x-request-id",
            ),
        );
    }
}

/// The caller's id for the request if it is one, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let is_id = |id: &String| {
        (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
    };
    text(headers, REQUEST_ID.as_str())
        .filter(is_id)
        .unwrap_or_else(random_id)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

/// A time in milliseconds, to the microsecond.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

async fn route(
    app: &App,
    head: &Parts,
    body: Bytes,
    context: &Context,
    report: &mut Report,
) -> Result<Response<Bytes>, Failure> {
    let path = head.uri.path();
    let Some(endpoint) = Endpoint::at(path) else {
        let file = match app.site() {
            Some(site) => site.file(path).await,
            None => Ok(None),
        };
        return match file {
            Ok(Some(_)) if !is_get(&head.method) => wrong_method(app, head, false),
            Ok(Some(file)) => Ok(page_file(file.content_type, file.bytes.into())),
            Ok(None) => Err(Failure::new(
                "not_found",
                format!("there is nothing at {path}; GET / lists what there is"),
            )),
            Err(error) => Err(Failure::new(
                "internal",
                format!("{path} cannot be read: {error}"),
            )),
        };
    };
    let right_method = if endpoint.takes_post() {
        head.method == Method::POST
    } else {
        is_get(&head.method)
    };
    if !right_method {
        return wrong_method(app, head, endpoint.takes_post());
    }
    match endpoint {
        Endpoint::Home => home(app, &head.headers).await,
        Endpoint::Health => health(app).await,
        Endpoint::Info => info(app),
        Endpoint::OpenApi => json(StatusCode::OK, &openapi::describe(app)),
        Endpoint::Wasm => wasm(app, &head.headers).await,
        Endpoint::Predict => predict(app, head, body, context, report).await,
        Endpoint::PredictImage => predict_image(app, head, body, context, report).await,
    }
}

fn is_get(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// What else than its own methods a path has: `OPTIONS`, with which browsers ask first; the rest is refused.
fn wrong_method(app: &App, head: &Parts, takes_post: bool) -> Result<Response<Bytes>, Failure> {
    let allow = if takes_post {
        "POST, OPTIONS"
    } else {
        "GET, HEAD, OPTIONS"
    };
    if head.method != Method::OPTIONS {
        // The header is the refusal's; `refuse` knows no more than the failure.
        let mut response = refuse(&Failure::new(
            "method_not_allowed",
            format!("{} is not possible here; possible are {allow}", head.method),
        ));
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static(allow));
        return Ok(response);
    }
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let mut put = |name, value| headers.insert(name, HeaderValue::from_static(value));
    put(ALLOW, allow);
    if !app.settings().cors_origins.is_empty() {
        put(ACCESS_CONTROL_ALLOW_METHODS, allow);
        put(
            ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, x-api-key, x-request-id",
        );
        put(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE);
    }
    Ok(response)
}

/// The page for browsers, a description for everyone else.
async fn home(app: &App, headers: &HeaderMap) -> Result<Response<Bytes>, Failure> {
    let accept = text(headers, ACCEPT.as_str()).unwrap_or_default();
    let page = match app.site() {
        Some(site) if accept.contains("text/html") => site.file("/").await.ok().flatten(),
        _ => None,
    };
    let mut response = match page {
        Some(file) => page_file(file.content_type, file.bytes.into()),
        None => description(app)?,
    };
    response
        .headers_mut()
        .insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

fn description(app: &App) -> Result<Response<Bytes>, Failure> {
    #[derive(Serialize)]
    struct Description<'a> {
        service: &'a str,
        version: &'a str,
        model: &'a str,
        endpoints: Vec<Shown>,
    }
    #[derive(Serialize)]
    struct Shown {
        method: &'static str,
        path: &'static str,
        does: &'static str,
    }
    let shown = |offer: &Offer| Shown {
        method: if offer.takes_post() { "POST" } else { "GET" },
        path: offer.path,
        does: offer.does,
    };
    json(
        StatusCode::OK,
        &Description {
            service: SERVICE,
            version: env!("CARGO_PKG_VERSION"),
            model: &app.module().info().model.version,
            endpoints: OFFERS.iter().map(shown).collect(),
        },
    )
}

async fn health(app: &App) -> Result<Response<Bytes>, Failure> {
    #[derive(Serialize)]
    struct Health {
        status: &'static str,
        model_loaded: bool,
    }
    let healthy = app.is_healthy().await;
    let (status, word) = if healthy {
        (StatusCode::OK, "healthy")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unhealthy")
    };
    let health = Health {
        status: word,
        model_loaded: healthy,
    };
    json(status, &health)
}

fn info(app: &App) -> Result<Response<Bytes>, Failure> {
    #[derive(Serialize)]
    struct Info<'a> {
        service: &'a str,
        version: &'a str,
        conf: f64,
        sha256: &'a str,
        module: &'a RawValue,
        runtime: Runtime<'a>,
        limits: crate::limits::Shown,
    }
    #[derive(Serialize)]
    struct Runtime<'a> {
        wasmtime: &'a str,
        target: &'a str,
        cpu: &'a str,
    }
    let module: &RawValue = serde_json::from_str(app.module().info_json())
        .map_err(|error| Failure::new("internal", error.to_string()))?;
    let manifest = app.manifest();
    json(
        StatusCode::OK,
        &Info {
            service: SERVICE,
            version: env!("CARGO_PKG_VERSION"),
            conf: app.settings().conf.unwrap_or(app.module().info().conf),
            sha256: &manifest.sha256,
            module,
            runtime: Runtime {
                wasmtime: &manifest.wasmtime,
                target: &manifest.target,
                cpu: &manifest.cpu,
            },
            limits: app.limits().shown(),
        },
    )
}

async fn wasm(app: &App, headers: &HeaderMap) -> Result<Response<Bytes>, Failure> {
    let tag = format!("\"{}\"", app.manifest().sha256);
    let known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains(&tag) || value.trim() == "*");
    let mut response = if known {
        with_type(StatusCode::NOT_MODIFIED, "application/wasm", Bytes::new())
    } else {
        with_type(StatusCode::OK, "application/wasm", app.wasm().await?)
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    Ok(response)
}

async fn predict(
    app: &App,
    head: &Parts,
    body: Bytes,
    context: &Context,
    report: &mut Report,
) -> Result<Response<Bytes>, Failure> {
    let input = input::read(head, body, app.limits().batch).await?;
    let turn = app.enter(context.deadline)?;
    let answer = app
        .detect(input.pictures, input.batch, input.options, &turn)
        .await;
    turn.note(report);
    let answer = answer?;
    report.answer(&answer);
    Ok(with_type(
        StatusCode::OK,
        "application/json",
        answer.json.into(),
    ))
}

async fn predict_image(
    app: &App,
    head: &Parts,
    body: Bytes,
    context: &Context,
    report: &mut Report,
) -> Result<Response<Bytes>, Failure> {
    let mut input = input::read(head, body, app.limits().batch).await?;
    let file = match input.pictures.pop() {
        Some(picture) if !input.batch => picture.file?,
        _ => {
            return Err(Failure::new(
                "bad_request",
                "one picture comes back for one picture; send each in a request of its own",
            ));
        }
    };
    let turn = app.enter(context.deadline)?;
    let drawn = app.annotate(file, input.options, &turn).await;
    turn.note(report);
    let drawn = drawn?;
    report.pages = 1;
    let mut response = with_type(StatusCode::OK, drawn.format.content_type(), drawn.bytes);
    let headers = response.headers_mut();
    let disposition = match drawn.format {
        Format::Jpeg => "attachment; filename=\"checkboxes.jpg\"",
        Format::Png => "attachment; filename=\"checkboxes.png\"",
    };
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
    let asked = input.options.format.unwrap_or_default();
    let mut reduced = Vec::new();
    if drawn.format != asked {
        reduced.push("format=jpeg".to_owned());
    }
    if drawn.scale < 1.0 {
        reduced.push(format!("scale={:.2}", drawn.scale));
    }
    if let Ok(reduced) = HeaderValue::try_from(reduced.join("; "))
        && !reduced.is_empty()
    {
        headers.insert(REDUCED, reduced);
    }
    Ok(response)
}

/// A file of the page; to be asked for again next time, because an update keeps the names.
fn page_file(content_type: &'static str, bytes: Bytes) -> Response<Bytes> {
    let mut response = with_type(StatusCode::OK, content_type, bytes);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn json<T: Serialize>(status: StatusCode, value: &T) -> Result<Response<Bytes>, Failure> {
    let text = serde_json::to_string(value)
        .map_err(|error| Failure::new("internal", error.to_string()))?;
    Ok(with_type(status, "application/json", text.into()))
}

fn with_type(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
