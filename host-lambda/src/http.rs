//! One handler for every way a request comes in: a plain request in, a plain response out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    HeaderMap, HeaderValue, IF_NONE_MATCH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::{OnceCell, Semaphore};

use crate::failure::Failure;
use crate::identity::sha256;
use crate::input::{self, Format};
use crate::module::{Manifest, Module, WASM_FILE};
use crate::page::Page;

/// The name of the service in its description.
const SERVICE: &str = "checkbox-detector";

/// Everything the handler works with.
pub struct App {
    module: Arc<Module>,
    /// One permit for each request that is worked on.
    slots: Arc<Semaphore>,
    page: Option<Page>,
    wasm_path: PathBuf,
    /// The module's file, once someone has asked for it.
    wasm: OnceCell<Bytes>,
}

/// What there is, and how it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Home,
    Health,
    Info,
    Wasm,
    Predict,
    PredictImage,
}

impl Endpoint {
    fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/" => Self::Home,
            "/health" => Self::Health,
            "/info" => Self::Info,
            "/checkbox_detector.wasm" => Self::Wasm,
            // Both take every form of body; two names because clients of the API know both.
            "/predict" | "/predict/json" => Self::Predict,
            "/predict/image" => Self::PredictImage,
            _ => return None,
        })
    }

    fn takes_post(self) -> bool {
        matches!(self, Self::Predict | Self::PredictImage)
    }
}

impl App {
    /// An app around a module; the page and the module's file are looked for in `dir`.
    #[must_use]
    pub fn new(module: Module, dir: &Path) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(module.limits().concurrency)),
            module: Arc::new(module),
            page: Page::open(&dir.join("page")),
            wasm_path: dir.join(WASM_FILE),
            wasm: OnceCell::new(),
        }
    }

    /// The module.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Works on a thread of its own, as many side by side as there are cores. The permit goes with the work, so
    /// that a caller who leaves does not let a further one in before the work is done.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Module) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let stopped = |_| Failure::new("crashed", "the server is stopping");
        let permit = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .map_err(stopped)?;
        let module = Arc::clone(&self.module);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&module)
        });
        task.await
            .unwrap_or_else(|error| Err(Failure::new("internal", error.to_string())))
    }

    /// The module's file, which is checked to be the one that runs.
    async fn wasm(&self) -> Result<Bytes, Failure> {
        let read = async || {
            let bytes = tokio::fs::read(&self.wasm_path).await.map_err(|_| {
                Failure::new(
                    "not_found",
                    "the module's file is not installed on this server",
                )
            })?;
            if sha256(&bytes) != self.manifest().sha256 {
                return Err(Failure::new(
                    "internal",
                    "the module's file on this server is not the one that it runs; run `precompile` again",
                ));
            }
            Ok(Bytes::from(bytes))
        };
        self.wasm.get_or_try_init(read).await.cloned()
    }

    fn manifest(&self) -> &Manifest {
        self.module.manifest()
    }
}

/// Answers a request. Never fails: what goes wrong is an answer in the error form.
pub async fn handle(app: &App, request: Request<Bytes>) -> Response<Bytes> {
    let (head, body) = request.into_parts();
    let mut response = match route(app, &head, body).await {
        Ok(response) => response,
        Err(failure) => refuse(&failure),
    };
    let length = response.body().len();
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if head.method == Method::HEAD {
        headers.insert(CONTENT_LENGTH, length.into());
        *response.body_mut() = Bytes::new();
    }
    response
}

/// The answer that goes with a failure. A fault of the service is also logged; the picture never is.
pub fn refuse(failure: &Failure) -> Response<Bytes> {
    let status = failure.status();
    if status.is_server_error() {
        eprintln!("{}: {}", failure.code, failure.detail);
    }
    with_type(status, "application/json", failure.to_json().into())
}

async fn route(app: &App, head: &Parts, body: Bytes) -> Result<Response<Bytes>, Failure> {
    let path = head.uri.path();
    let Some(endpoint) = Endpoint::at(path) else {
        let file = match &app.page {
            Some(page) => page.file(path).await,
            None => Ok(None),
        };
        return match file {
            Ok(Some(_)) if !is_get(&head.method) => Ok(wrong_method(&head.method, false)),
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
        return Ok(wrong_method(&head.method, endpoint.takes_post()));
    }
    match endpoint {
        Endpoint::Home => home(app, &head.headers).await,
        Endpoint::Health => Ok(health(app).await),
        Endpoint::Info => info(app),
        Endpoint::Wasm => wasm(app, &head.headers).await,
        Endpoint::Predict => predict(app, head, body).await,
        Endpoint::PredictImage => predict_image(app, head, body).await,
    }
}

fn is_get(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

fn wrong_method(method: &Method, takes_post: bool) -> Response<Bytes> {
    let allow = if takes_post {
        "POST, OPTIONS"
    } else {
        "GET, HEAD, OPTIONS"
    };
    let mut response = if method == Method::OPTIONS {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    } else {
        refuse(&Failure::new(
            "method_not_allowed",
            format!("{method} is not possible here; possible are {allow}"),
        ))
    };
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allow));
    response
}

/// The page for browsers, a description for everyone else.
async fn home(app: &App, headers: &HeaderMap) -> Result<Response<Bytes>, Failure> {
    let accept = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let page = match &app.page {
        Some(page) if accept.contains("text/html") => page.file("/").await.ok().flatten(),
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
        endpoints: [Offer; 7],
    }
    #[derive(Serialize)]
    struct Offer {
        method: &'static str,
        path: &'static str,
        does: &'static str,
    }
    const fn offer(method: &'static str, path: &'static str, does: &'static str) -> Offer {
        Offer { method, path, does }
    }
    json(
        StatusCode::OK,
        &Description {
            service: SERVICE,
            version: env!("CARGO_PKG_VERSION"),
            model: &app.module.info().model.version,
            endpoints: [
                offer(
                    "GET",
                    "/",
                    "the page for browsers, this description for others",
                ),
                offer("GET", "/health", "whether the detector works"),
                offer("GET", "/info", "versions, limits, and which module this is"),
                offer("GET", "/checkbox_detector.wasm", "the module itself"),
                offer(
                    "POST",
                    "/predict",
                    "the checkboxes of a picture: multipart field `file`; `conf` (0 to 1) as a field or in the query",
                ),
                offer(
                    "POST",
                    "/predict/json",
                    "the same for {\"image\": base64 or data URL, \"conf\": 0 to 1}",
                ),
                offer(
                    "POST",
                    "/predict/image",
                    "the picture with its checkboxes marked; `format` is jpeg or png",
                ),
            ],
        },
    )
}

async fn health(app: &App) -> Response<Bytes> {
    #[derive(Serialize)]
    struct Health {
        status: &'static str,
        model_loaded: bool,
    }
    // Not in the queue of the others: a busy server is not an ill one.
    let module = Arc::clone(&app.module);
    let works = tokio::task::spawn_blocking(move || module.check()).await;
    let healthy = matches!(works, Ok(Ok(())));
    let (status, word) = if healthy {
        (StatusCode::OK, "healthy")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unhealthy")
    };
    let body = Health {
        status: word,
        model_loaded: healthy,
    };
    json(status, &body).unwrap_or_else(|failure| refuse(&failure))
}

fn info(app: &App) -> Result<Response<Bytes>, Failure> {
    #[derive(Serialize)]
    struct Info<'a> {
        service: &'a str,
        version: &'a str,
        conf: &'a serde_json::Number,
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
    let module: &RawValue = serde_json::from_str(app.module.info_json())
        .map_err(|error| Failure::new("internal", error.to_string()))?;
    let manifest = app.manifest();
    json(
        StatusCode::OK,
        &Info {
            service: SERVICE,
            version: env!("CARGO_PKG_VERSION"),
            conf: &app.module.info().conf,
            sha256: &manifest.sha256,
            module,
            runtime: Runtime {
                wasmtime: &manifest.wasmtime,
                target: &manifest.target,
                cpu: &manifest.cpu,
            },
            limits: app.module.limits().shown(),
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

async fn predict(app: &App, head: &Parts, body: Bytes) -> Result<Response<Bytes>, Failure> {
    let input = input::read(head, body).await?;
    let result = app
        .work(move |module| module.detect(&input.image, &input.options.for_detect()))
        .await?;
    Ok(with_type(StatusCode::OK, "application/json", result.into()))
}

async fn predict_image(app: &App, head: &Parts, body: Bytes) -> Result<Response<Bytes>, Failure> {
    let input = input::read(head, body).await?;
    let format = input.options.format.unwrap_or_default();
    let picture = app
        .work(move |module| module.annotate(&input.image, &input.options.for_annotate()))
        .await?;
    let mut response = with_type(StatusCode::OK, format.content_type(), picture.into());
    let disposition = match format {
        Format::Jpeg => "attachment; filename=\"checkboxes.jpg\"",
        Format::Png => "attachment; filename=\"checkboxes.png\"",
    };
    let disposition = HeaderValue::from_static(disposition);
    response
        .headers_mut()
        .insert(CONTENT_DISPOSITION, disposition);
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
