//! The handler that every way in shares, with the stand-in behind it.

mod common;

use std::fs;

use bytes::Bytes;
use common::{
    RESULT, STANDIN, form, form_of, install, settings, standin, standin_dir, tiff, tight,
};
use host_lambda::app::App;
use host_lambda::http::handle;
use host_lambda::identity::sha256;
use host_lambda::limits::Limits;
use host_lambda::module::{Module, WASM_FILE};
use http::{Method, Request, Response};
use serde_json::{Value, json};

fn app() -> App {
    app_with(tight(), &[])
}

fn app_with(limits: Limits, given: &[(&str, &str)]) -> App {
    let settings = settings(given);
    let module = standin(limits.with(&settings));
    App::new(module, standin_dir(), settings).expect("an app")
}

fn app_in(dir: &std::path::Path) -> App {
    let module = Module::load(dir, tight()).expect("loads");
    App::new(module, dir, settings(&[])).expect("an app")
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
    let headers = [("content-type", content_type)];
    send(app, Method::POST, path, &headers, body).await
}

async fn post_files(app: &App, path: &str, files: &[(&str, &[u8])]) -> Response<Bytes> {
    let (content_type, body) = form_of(files, &[]);
    let headers = [("content-type", content_type)];
    send(app, Method::POST, path, &headers, body).await
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
    assert_eq!(info["limits"]["max_batch"], 5);
    assert_eq!(info["limits"]["max_waiting_requests"], 4);
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
            "/openapi.json",
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
    let app = app_in(dir.path());
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
    let app = app_in(dir.path());
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
        ("/predict", "%PDF-1.7", 415, "unsupported_format"),
        ("/predict/image", "%PDF-1.7", 415, "unsupported_format"),
        ("/predict?page=0", "x", 400, "bad_options"),
        ("/predict?page=10001", "x", 400, "bad_options"),
        ("/predict?page=2", "x", 422, "no_such_page"),
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

fn parsed(response: &Response<Bytes>) -> Value {
    serde_json::from_str(body(response)).expect("JSON")
}

#[tokio::test]
async fn a_batch_is_answered_in_order_and_a_bad_picture_fails_alone() {
    let app = app();
    let files: [(&str, &[u8]); 4] = [
        ("a.png", b"x"),
        ("b.png", b"E"),
        ("c.png", b"T"),
        ("d \"e\".png", b"x"),
    ];
    let response = post_files(&app, "/predict", &files[..3]).await;
    assert_eq!(response.status(), 200);
    let answer = parsed(&response);
    let results = answer["results"].as_array().expect("results");
    let told = |index: usize| {
        (
            &results[index]["name"],
            &results[index]["success"],
            &results[index]["code"],
        )
    };
    assert_eq!(told(0), (&json!("a.png"), &json!(true), &Value::Null));
    assert_eq!(
        told(1),
        (&json!("b.png"), &json!(false), &json!("corrupt_image"))
    );
    assert_eq!(told(2), (&json!("c.png"), &json!(false), &json!("crashed")));
    assert_eq!(
        (&answer["failed"], &answer["total"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(
        answer["counts"],
        json!({"empty_checkbox": 2, "filled_checkbox": 1})
    );

    let images = json!({"images": [{"image": "eA=="}, {"name": "bad", "image": "%"}], "conf": 0.5});
    let answer = parsed(&send(&app, Method::POST, "/predict/json", &[], images.to_string()).await);
    assert_eq!(answer["results"][0]["total"], 3);
    assert_eq!(answer["results"][1]["code"], "bad_request");

    // One more than five; and one picture for one.
    let many: Vec<(&str, &[u8])> = vec![("a", b"x"); 6];
    let response = post_files(&app, "/predict", &many).await;
    assert_eq!(response.status(), 413);
    assert!(body(&response).contains("batch_too_large"));
    let response = post_files(&app, "/predict/image", &files).await;
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn a_batch_runs_side_by_side() {
    let app = app_with(tight(), &[]);
    // Each runs into the limit of 200 ms: four of them, two at a time.
    let response = post_files(
        &app,
        "/predict",
        &[("a", b"L"), ("b", b"L"), ("c", b"L"), ("d", b"L")],
    )
    .await;
    let answer = parsed(&response);
    assert_eq!(answer["failed"], 4);
    assert_eq!(answer["results"][3]["code"], "timeout");
    let timing = header(&response, "server-timing");
    let duration = |name: &str| -> f64 {
        let (_, rest) = timing.split_once(&format!("{name};dur=")).expect("there");
        rest.split(',')
            .next()
            .expect("a number")
            .parse()
            .expect("a number")
    };
    // Together they worked longer than it took.
    assert!(
        duration("detector") >= 800.0 && duration("detector") > 1.4 * duration("total"),
        "{timing}"
    );
}

#[tokio::test]
async fn every_page_of_a_tiff_has_its_result() {
    let app = app();
    let answer = parsed(&post_form(&app, "/predict", &tiff(b"xEx"), &[]).await);
    let pages = answer["pages"].as_array().expect("pages");
    assert_eq!(pages.len(), 3);
    assert_eq!(
        (&pages[0]["page"], &pages[0]["total"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(
        (&pages[1]["page"], &pages[1]["code"]),
        (&json!(2), &json!("corrupt_image"))
    );
    assert_eq!(
        (&answer["failed"], &answer["total"], &answer["model"]),
        (&json!(1), &json!(6), &json!("0"))
    );
    // One page is the plain form, whichever way it is one.
    assert_eq!(
        body(&post_form(&app, "/predict", &tiff(b"x"), &[]).await),
        RESULT
    );
    assert_eq!(
        body(&post_form(&app, "/predict?page=3", &tiff(b"xEx"), &[]).await),
        RESULT
    );
    let response = post_form(&app, "/predict?page=2", &tiff(b"xEx"), &[]).await;
    assert_eq!(response.status(), 400);
    // All broken: the file is.
    assert_eq!(
        post_form(&app, "/predict", &tiff(b"EE"), &[])
            .await
            .status(),
        400
    );
    assert_eq!(
        post_form(&app, "/predict", &tiff(b"xxxxxx"), &[])
            .await
            .status(),
        413
    );
    // In a batch too, and all pages count.
    let (three, two) = (tiff(b"xxx"), tiff(b"xx"));
    let answer = parsed(&post_files(&app, "/predict", &[("a", &three), ("b", &two)]).await);
    assert_eq!(
        (&answer["results"][1]["pages"][1]["page"], &answer["total"]),
        (&json!(2), &json!(15))
    );
    let response = post_files(&app, "/predict", &[("a", &three), ("b", &three)]).await;
    assert_eq!(response.status(), 413);
}

#[tokio::test]
async fn a_pdf_is_told_what_to_do() {
    let response = post_form(&app(), "/predict", b"%PDF-1.7\n", &[]).await;
    assert!(
        body(&response).contains("each of its pages as a picture"),
        "{}",
        body(&response)
    );
}

#[tokio::test]
async fn a_key_is_asked_for_where_it_is_set() {
    const KEY: &str = "0123456789abcdef";
    let app = app_with(tight(), &[("CHECKBOX_API_KEYS", KEY)]);
    for path in ["/predict", "/predict/image", "/none"] {
        let response = send(&app, Method::POST, path, &[], "x").await;
        assert_eq!(response.status(), 401, "{path}");
        assert_eq!(header(&response, "www-authenticate"), "Bearer");
        assert!(body(&response).contains("unauthorized"));
    }
    let answer = send(
        &app,
        Method::POST,
        "/predict",
        &[("x-api-key", KEY), ("content-type", "image/png")],
        "x",
    )
    .await;
    assert_eq!(body(&answer), RESULT);
    for path in ["/health", "/info", "/openapi.json", "/"] {
        assert_eq!(get(&app, path, &[]).await.status(), 200, "{path}");
    }
    let described = parsed(&get(&app, "/openapi.json", &[]).await);
    assert!(described["components"]["securitySchemes"]["key"].is_object());
    assert!(described["paths"]["/predict"]["post"]["security"].is_array());
}

#[tokio::test]
async fn listed_sites_may_call_and_others_may_not() {
    let app = app_with(
        tight(),
        &[(
            "CHECKBOX_CORS_ORIGINS",
            "https://a.example, https://b.example",
        )],
    );
    for (origin, allowed) in [
        ("https://b.example", "https://b.example"),
        ("https://c.example", ""),
        ("https://a.example.evil", ""),
        ("null", ""),
    ] {
        let response = get(&app, "/health", &[("origin", origin)]).await;
        assert_eq!(
            header(&response, "access-control-allow-origin"),
            allowed,
            "{origin}"
        );
        assert_eq!(header(&response, "access-control-allow-credentials"), "");
        assert_eq!(header(&response, "vary"), "origin");
    }
    let asked = [
        ("origin", "https://a.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-api-key"),
    ];
    let response = send(&app, Method::OPTIONS, "/predict", &asked, "").await;
    assert_eq!(response.status(), 204);
    assert_eq!(
        header(&response, "access-control-allow-origin"),
        "https://a.example"
    );
    assert!(header(&response, "access-control-allow-methods").contains("POST"));
    assert!(header(&response, "access-control-allow-headers").contains("x-api-key"));
    // Refusals can be read by the page that made the call.
    let response = send(&app, Method::POST, "/predict", &asked[..1], "").await;
    assert_eq!(
        (
            response.status().as_u16(),
            header(&response, "access-control-allow-origin")
        ),
        (400, "https://a.example")
    );
}

#[tokio::test]
async fn who_does_not_fit_into_the_queue_is_told_to_come_again() {
    let limits = Limits {
        concurrency: 1,
        queue: 1,
        ..tight()
    };
    let app = app_with(limits, &[]);
    let one = || post_form(&app, "/predict", b"L", &[]);
    let answers = tokio::join!(one(), one(), one());
    let mut statuses =
        [&answers.0, &answers.1, &answers.2].map(|response| response.status().as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [429, 504, 504]);
    let refused = [answers.0, answers.1, answers.2]
        .into_iter()
        .find(|response| response.status() == 429);
    let refused = refused.expect("refused");
    assert_eq!(header(&refused, "retry-after"), "1");
    assert!(body(&refused).contains("busy"));
    assert_eq!(body(&post_form(&app, "/predict", b"x", &[]).await), RESULT);
}

#[tokio::test]
async fn what_no_one_waits_for_any_more_is_ended() {
    let limits = Limits {
        concurrency: 1,
        time: std::time::Duration::from_secs(60),
        ..tight()
    };
    let app = app_with(limits, &[]);
    let patience = std::time::Duration::from_millis(300);
    let left = tokio::time::timeout(patience, post_form(&app, "/predict", b"L", &[])).await;
    assert!(left.is_err(), "it would have gone on for a minute");
    // The only slot is free again at the next tick of the clock.
    let next = post_form(&app, "/predict", b"x", &[]);
    let next = tokio::time::timeout(std::time::Duration::from_secs(20), next).await;
    assert_eq!(body(&next.expect("in time")), RESULT);
}

#[tokio::test]
async fn an_answer_tells_its_times_and_its_request() {
    let app = app();
    let response = get(
        &app,
        "/health",
        &[("x-request-id", "my-id"), ("x-amzn-trace-id", "Root=1-2-3")],
    )
    .await;
    assert_eq!(header(&response, "x-request-id"), "my-id");
    assert_eq!(header(&response, "x-amzn-trace-id"), "Root=1-2-3");
    assert!(header(&response, "server-timing").contains("total;dur="));
    let given = get(&app, "/health", &[]).await;
    assert_eq!(header(&given, "x-request-id").len(), 32);
    let spoilt = get(&app, "/health", &[("x-request-id", "a b")]).await;
    assert_eq!(header(&spoilt, "x-request-id").len(), 32);
}

#[tokio::test]
async fn the_services_own_threshold_is_used_where_none_is_named() {
    let app = app_with(tight(), &[("CHECKBOX_CONF", "0.3")]);
    let response = post_form(&app, "/predict", b"O", &[]).await;
    assert_eq!(
        body(&response),
        r#"{"success":true,"options":{"conf":0.3}}"#
    );
    let response = post_form(&app, "/predict", b"O", &[("conf", "0.7")]).await;
    assert_eq!(
        body(&response),
        r#"{"success":true,"options":{"conf":0.7}}"#
    );
    assert_eq!(parsed(&get(&app, "/info", &[]).await)["conf"], 0.3);
}

#[tokio::test]
async fn a_picture_that_does_not_fit_is_made_to() {
    let limits = Limits {
        response_bytes: Some(6 * 1024 * 1024),
        ..tight()
    };
    let app = app_with(limits, &[]);
    for (picture, query, content_type, reduced) in [
        (b"Q", "?format=jpeg", "image/jpeg", ""),
        (b"Q", "?format=png", "image/jpeg", "format=jpeg"),
        (b"B", "?format=png", "image/jpeg", "format=jpeg; scale=0.80"),
        (b"B", "", "image/jpeg", "scale=0.80"),
    ] {
        let response = post_form(&app, &format!("/predict/image{query}"), picture, &[]).await;
        assert_eq!(response.status(), 200, "{query}");
        assert_eq!(header(&response, "content-type"), content_type);
        assert_eq!(header(&response, "x-picture-reduced"), reduced, "{query}");
        assert_eq!(response.body().len(), 1024 * 1024);
    }
    let response = post_form(&app, "/predict/image", b"H", &[]).await;
    assert_eq!(response.status(), 413);
    assert!(body(&response).contains("response_too_large"));
}

#[tokio::test]
async fn the_description_is_that_of_this_code() {
    let app = app();
    let described = parsed(&get(&app, "/openapi.json", &[]).await);
    for (path, methods) in described["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let method: Method = method.to_uppercase().parse().expect("a method");
            let response = send(&app, method.clone(), path, &[], "").await;
            let status = response.status().as_u16().to_string();
            assert_ne!(status, "405", "{method} {path}");
            assert!(
                operation["responses"][&status].is_object(),
                "{method} {path} answers {status}"
            );
            // Every failure that the code knows stands there.
            if method == Method::POST {
                for (code, status) in host_lambda::failure::CODES {
                    let described =
                        operation["responses"][&status.to_string()]["description"].as_str();
                    let listed = described
                        .is_some_and(|codes| codes.split(", ").any(|listed| listed == *code));
                    assert!(
                        listed || matches!(*code, "s3" | "not_found"),
                        "{code} at {path}"
                    );
                }
            }
        }
    }
    // References lead somewhere.
    let text = described.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().expect("a name");
        assert!(
            described["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
    assert_eq!(
        described["components"]["schemas"]["Pictures"]["oneOf"][1]["properties"]["images"]["maxItems"],
        5
    );
}
