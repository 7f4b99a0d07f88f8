//! The handler that every way in shares, with the stand-in behind it.

mod common;

use std::fs;

use bytes::Bytes;
use common::{RESULT, STANDIN, form, install, standin, standin_dir, tight};
use host_lambda::http::{App, handle};
use host_lambda::identity::sha256;
use host_lambda::module::{Module, WASM_FILE};
use http::{Method, Request, Response};

fn app() -> App {
    App::new(standin(tight()), standin_dir())
}

fn body(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).expect("text")
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().expect("text"))
}

async fn send(
    app: &App,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    handle(app, request.body(body.into()).expect("a request")).await
}

async fn get(app: &App, path: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    send(app, Method::GET, path, headers, "").await
}

async fn post_form(app: &App, path: &str, file: &[u8], fields: &[(&str, &str)]) -> Response<Bytes> {
    let (content_type, body) = form(file, fields);
    send(
        app,
        Method::POST,
        path,
        &[("content-type", content_type)],
        body,
    )
    .await
}

#[tokio::test]
async fn health_as_the_contract_has_it() {
    let response = get(&app(), "/health", &[]).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "application/json");
    assert_eq!(
        body(&response),
        r#"{"status":"healthy","model_loaded":true}"#
    );
}

#[tokio::test]
async fn info_names_versions_limits_and_the_module() {
    let response = get(&app(), "/info", &[]).await;
    let info: serde_json::Value = serde_json::from_str(body(&response)).expect("JSON");
    let wasm = fs::read(standin_dir().join(WASM_FILE)).expect("read");
    assert_eq!(info["sha256"], sha256(&wasm));
    assert_eq!(info["conf"], 0.5);
    assert_eq!(info["module"]["version"], "0.0.0");
    assert_eq!(info["limits"]["max_time_ms"], 200);
    assert_eq!(info["runtime"]["wasmtime"], "48.0.8");
}

#[tokio::test]
async fn the_home_page_is_for_browsers() {
    let app = app();
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    let page = get(&app, "/", &[("accept", browser)]).await;
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    assert!(body(&page).contains("<title>Page</title>"));
    for headers in [
        &[][..],
        &[("accept", "*/*")],
        &[("accept", "application/json")],
    ] {
        let description = get(&app, "/", headers).await;
        assert_eq!(header(&description, "content-type"), "application/json");
        assert_eq!(header(&description, "vary"), "accept");
        for path in [
            "/health",
            "/info",
            "/predict",
            "/predict/json",
            "/predict/image",
        ] {
            assert!(body(&description).contains(&format!("{path:?}")), "{path}");
        }
    }
    let script = get(&app, "/app.js", &[]).await;
    assert_eq!(
        header(&script, "content-type"),
        "text/javascript; charset=utf-8"
    );
    assert_eq!(header(&script, "x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn without_a_page_everyone_gets_the_description() {
    let dir = tempfile::tempdir().expect("a folder");
    install(dir.path(), STANDIN);
    fs::remove_dir_all(dir.path().join("page")).expect("removed");
    let app = App::new(
        Module::load(dir.path(), tight()).expect("loads"),
        dir.path(),
    );
    let home = get(&app, "/", &[("accept", "text/html")]).await;
    assert_eq!(header(&home, "content-type"), "application/json");
    assert_eq!(get(&app, "/index.html", &[]).await.status(), 404);
}

#[tokio::test]
async fn the_module_is_served_by_its_hash() {
    let app = app();
    let wasm = fs::read(standin_dir().join(WASM_FILE)).expect("read");
    let response = get(&app, "/checkbox_detector.wasm", &[]).await;
    assert_eq!(header(&response, "content-type"), "application/wasm");
    assert_eq!(response.body(), &wasm);
    let tag = format!("\"{}\"", sha256(&wasm));
    assert_eq!(header(&response, "etag"), tag);
    for known in [tag.clone(), format!("W/{tag}, \"other\""), "*".to_owned()] {
        let response = get(
            &app,
            "/checkbox_detector.wasm",
            &[("if-none-match", &known)],
        )
        .await;
        assert_eq!(response.status(), 304, "{known}");
        assert!(response.body().is_empty());
    }
    let response = get(
        &app,
        "/checkbox_detector.wasm",
        &[("if-none-match", "\"other\"")],
    )
    .await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn another_file_under_the_modules_name_is_not_served() {
    let dir = tempfile::tempdir().expect("a folder");
    install(dir.path(), STANDIN);
    fs::write(dir.path().join(WASM_FILE), "other").expect("written");
    let app = App::new(
        Module::load(dir.path(), tight()).expect("loads"),
        dir.path(),
    );
    assert_eq!(
        get(&app, "/checkbox_detector.wasm", &[]).await.status(),
        500
    );
    fs::remove_file(dir.path().join(WASM_FILE)).expect("removed");
    assert_eq!(
        get(&app, "/checkbox_detector.wasm", &[]).await.status(),
        404
    );
}

#[tokio::test]
async fn a_picture_is_answered_in_every_form_of_body() {
    let app = app();
    let (content_type, multipart) = form(b"a picture", &[]);
    let json = r#"{"image": "YSBwaWN0dXJl"}"#;
    for path in ["/predict", "/predict/json"] {
        for (content_type, body_sent) in [
            (content_type, Bytes::from(multipart.clone())),
            ("application/json", json.into()),
            ("text/plain", json.into()),
            ("image/png", "\u{89}PNG".into()),
        ] {
            let response = send(
                &app,
                Method::POST,
                path,
                &[("content-type", content_type)],
                body_sent,
            )
            .await;
            assert_eq!(body(&response), RESULT, "{path} {content_type}");
            assert_eq!(response.status(), 200);
            assert_eq!(header(&response, "content-type"), "application/json");
        }
    }
}

#[tokio::test]
async fn options_reach_the_module() {
    let app = app();
    let options = |json: &str| format!(r#"{{"success":true,"options":{json}}}"#);
    let response = post_form(&app, "/predict?conf=0.2", b"O", &[]).await;
    assert_eq!(body(&response), options(r#"{"conf":0.2}"#));
    let response = post_form(&app, "/predict?conf=0.2", b"O", &[("conf", "0.75")]).await;
    assert_eq!(body(&response), options(r#"{"conf":0.75}"#));
    let json = r#"{"conf": 0.1, "image": "Tw=="}"#;
    let response = send(&app, Method::POST, "/predict/json", &[], json).await;
    assert_eq!(body(&response), options(r#"{"conf":0.1}"#));
    let response = post_form(&app, "/predict", b"O", &[]).await;
    assert_eq!(body(&response), options("{}"));
}

#[tokio::test]
async fn the_annotated_picture_comes_as_a_download() {
    let app = app();
    for (query, content_type, name, options) in [
        ("", "image/jpeg", "checkboxes.jpg", r#"{"format":"jpeg"}"#),
        (
            "?format=png&conf=1",
            "image/png",
            "checkboxes.png",
            r#"{"conf":1.0,"format":"png"}"#,
        ),
    ] {
        let response = post_form(&app, &format!("/predict/image{query}"), b"picture ", &[]).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "content-type"), content_type);
        assert_eq!(
            header(&response, "content-disposition"),
            format!("attachment; filename=\"{name}\"")
        );
        assert_eq!(body(&response), format!("picture {options}"));
    }
}

#[tokio::test]
async fn each_failure_has_its_status_and_the_error_form() {
    let app = app();
    for (path, file, status, code) in [
        ("/predict", "", 400, "empty_input"),
        ("/predict?conf=high", "x", 400, "bad_options"),
        ("/predict/image?format=gif", "x", 400, "bad_options"),
        ("/predict", "M", 413, "out_of_memory"),
        ("/predict", "U", 415, "unsupported_format"),
        ("/predict", "E", 400, "corrupt_image"),
        ("/predict", "T", 500, "crashed"),
        ("/predict/image", "T", 500, "crashed"),
        ("/predict", "L", 504, "timeout"),
    ] {
        let response = post_form(&app, path, file.as_bytes(), &[]).await;
        assert_eq!(response.status(), status, "{path} {file}");
        assert_eq!(header(&response, "content-type"), "application/json");
        let error: serde_json::Value = serde_json::from_str(body(&response)).expect("JSON");
        assert_eq!(
            (&error["success"], &error["code"]),
            (&false.into(), &code.into()),
            "{path} {file}"
        );
        assert!(
            error["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty())
        );
    }
    // The instances that ended have taken nothing with them.
    assert_eq!(
        body(&post_form(&app, "/predict", b"a picture", &[]).await),
        RESULT
    );
}

#[tokio::test]
async fn what_is_not_there_and_what_is_asked_wrongly() {
    let app = app();
    for path in [
        "/none",
        "/predict/",
        "/predict/none",
        "/page/index.html",
        "/../module.json",
        "/module.json",
    ] {
        assert_eq!(get(&app, path, &[]).await.status(), 404, "{path}");
    }
    for (method, path, allow) in [
        (Method::GET, "/predict", "POST, OPTIONS"),
        (Method::PUT, "/predict/image", "POST, OPTIONS"),
        (Method::POST, "/health", "GET, HEAD, OPTIONS"),
        (Method::DELETE, "/", "GET, HEAD, OPTIONS"),
        (Method::POST, "/app.js", "GET, HEAD, OPTIONS"),
    ] {
        let response = send(&app, method.clone(), path, &[], "").await;
        assert_eq!(response.status(), 405, "{method} {path}");
        assert_eq!(header(&response, "allow"), allow);
        assert!(body(&response).contains("method_not_allowed"));
    }
    let response = send(&app, Method::OPTIONS, "/predict", &[], "").await;
    assert_eq!(
        (response.status().as_u16(), header(&response, "allow")),
        (204, "POST, OPTIONS")
    );
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let app = app();
    let response = send(&app, Method::HEAD, "/health", &[], "").await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-length"), "40");
    assert!(response.body().is_empty());
}

#[tokio::test]
async fn other_sites_are_told_nothing() {
    let response = get(&app(), "/health", &[("origin", "https://example.org")]).await;
    assert_eq!(header(&response, "access-control-allow-origin"), "");
}
