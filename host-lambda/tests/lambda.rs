//! On AWS Lambda: with a runtime API of our own that hands out events, and under AWS's emulator where there is one.

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{RESULT, form, form_of, own_settings, program, send, standin_dir, tiff};
use serde_json::{Value, json};

/// A function that runs until the test is over.
struct Function {
    child: Child,
    events: Sender<Value>,
    answers: Receiver<Value>,
}

impl Function {
    /// Starts the program as a Lambda function with 512 MiB.
    fn start(module_dir: &Path) -> Self {
        Self::with(module_dir, &[])
    }

    /// One with settings.
    fn with(module_dir: &Path, settings: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let api = listener.local_addr().expect("an address").to_string();
        let (events, next) = channel();
        let (answer, answers) = channel();
        let next = Arc::new(Mutex::new(next));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (next, answer) = (Arc::clone(&next), answer.clone());
                thread::spawn(move || runtime_api(stream, &next, &answer));
            }
        });
        let child = program(module_dir)
            .env("AWS_LAMBDA_RUNTIME_API", api)
            .env("AWS_LAMBDA_FUNCTION_NAME", "test")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .envs(settings.iter().copied())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        Self {
            child,
            events,
            answers,
        }
    }

    fn invoke(&self, event: Value) -> Value {
        self.events.send(event).expect("sent");
        self.answers
            .recv_timeout(Duration::from_secs(60))
            .expect("an answer")
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request to the runtime API: `next` waits for an event, `response` and `error` carry an answer.
fn runtime_api(stream: TcpStream, next: &Mutex<Receiver<Value>>, answer: &Sender<Value>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let length = head
        .to_ascii_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).expect("a body");
    let path = head.split(' ').nth(1).unwrap_or_default();
    let reply = if path.ends_with("/invocation/next") {
        let Ok(event) = next.lock().expect("not poisoned").recv() else {
            return;
        };
        let seconds = if event["conf"] == 0.123 { 2 } else { 900 };
        let deadline = SystemTime::now() + Duration::from_secs(seconds);
        let deadline = deadline
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_millis();
        let event = event.to_string();
        format!(
            "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n\
             Lambda-Runtime-Trace-Id: Root=1-5e66d96f-7491f0;Sampled=1\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:1:function:test\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{event}",
            event.len()
        )
    } else {
        let _ = answer.send(serde_json::from_slice(&body).expect("JSON"));
        "HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_owned()
    };
    let _ = reader.get_mut().write_all(reply.as_bytes());
}

/// An event of payload format 2.0, as Function URLs and HTTP APIs send it. Such a body is text or in base64.
fn event(
    method: &str,
    path: &str,
    query: &str,
    content_type: &str,
    body: Result<&str, &[u8]>,
) -> Value {
    let (body, is_base64) = match body {
        Ok(text) => (text.to_owned(), false),
        Err(bytes) => (STANDARD.encode(bytes), true),
    };
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-type": content_type, "host": "abc.lambda-url.eu-west-1.on.aws"},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc",
            "domainName": "abc.lambda-url.eu-west-1.on.aws",
            "domainPrefix": "abc",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "test"
            },
            "requestId": "1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1_767_225_600_000_i64
        },
        "body": body,
        "isBase64Encoded": is_base64
    })
}

fn post_form(path: &str, picture: &[u8]) -> Value {
    let (content_type, body) = form(picture, &[]);
    event("POST", path, "", content_type, Err(&body))
}

fn status(answer: &Value) -> u64 {
    answer["statusCode"]
        .as_u64()
        .unwrap_or_else(|| panic!("no status: {answer}"))
}

fn text(answer: &Value) -> &str {
    assert_eq!(answer["isBase64Encoded"], false, "{answer}");
    answer["body"].as_str().expect("text")
}

fn bytes(answer: &Value) -> Vec<u8> {
    assert_eq!(answer["isBase64Encoded"], true, "{answer}");
    STANDARD
        .decode(answer["body"].as_str().expect("text"))
        .expect("base64")
}

#[test]
fn answers_http_events() {
    let function = Function::start(standin_dir());

    let answer = function.invoke(event("GET", "/health", "", "", Ok("")));
    assert_eq!(status(&answer), 200);
    assert_eq!(text(&answer), r#"{"status":"healthy","model_loaded":true}"#);
    assert_eq!(answer["headers"]["content-type"], "application/json");

    let answer = function.invoke(post_form("/predict", b"a \xff picture"));
    assert_eq!((status(&answer), text(&answer)), (200, RESULT));

    // Gateways send JSON as text, in base64 where it is configured so.
    let json = r#"{"image": "Tw==", "conf": 0.1}"#;
    for body in [Ok(json), Err(json.as_bytes())] {
        let answer = function.invoke(event(
            "POST",
            "/predict/json",
            "conf=0.9",
            "application/json",
            body,
        ));
        assert_eq!(text(&answer), r#"{"success":true,"options":{"conf":0.1}}"#);
    }
    let answer = function.invoke(event(
        "POST",
        "/predict",
        "conf=0.9",
        "image/png",
        Err(b"O"),
    ));
    assert_eq!(text(&answer), r#"{"success":true,"options":{"conf":0.9}}"#);

    let answer = function.invoke(post_form("/predict/image", b"\xff\xd8\xff"));
    assert_eq!(bytes(&answer), b"\xff\xd8\xff{\"format\":\"jpeg\"}");
    assert_eq!(answer["headers"]["content-type"], "image/jpeg");

    let limits = function.invoke(event("GET", "/info", "", "", Ok("")));
    let info: Value = serde_json::from_str(text(&limits)).expect("JSON");
    assert_eq!(info["limits"]["max_memory_bytes"], 320 * 1024 * 1024);
    assert_eq!(info["limits"]["max_response_bytes"], 6 * 1024 * 1024);
}

#[test]
fn nothing_that_is_sent_ends_the_function() {
    let function = Function::start(standin_dir());
    let still_works = |after: &str| {
        let answer = function.invoke(post_form("/predict", b"a picture"));
        assert_eq!(
            (status(&answer), text(&answer)),
            (200, RESULT),
            "after {after}"
        );
    };

    let mut spoilt = post_form("/predict", b"a picture");
    spoilt["body"] = "%%% not base64 %%%".into();
    let answer = function.invoke(spoilt);
    assert_eq!(status(&answer), 400);
    assert!(text(&answer).contains("bad_request"), "{answer}");
    still_works("a body that is not base64");

    for (picture, expected) in [(b"T", 500), (b"M", 413)] {
        assert_eq!(
            status(&function.invoke(post_form("/predict", picture))),
            expected
        );
        still_works("an instance that ended");
    }

    let answer = function.invoke(post_form("/predict/image", b"H"));
    assert_eq!(status(&answer), 413);
    assert!(text(&answer).contains("response_too_large"));
    still_works("an answer larger than Lambda carries");

    for event in [
        json!({"hello": "world"}),
        json!(5),
        json!({"body": 5, "isBase64Encoded": "x"}),
    ] {
        let answer = function.invoke(event.clone());
        assert!(answer["errorMessage"].is_string(), "{event}: {answer}");
        still_works("an event of no known form");
    }
}

#[test]
fn a_stage_in_the_path_is_not_part_of_it() {
    let function = Function::start(standin_dir());
    for (stage, path, expected) in [
        ("$default", "/health", 200),
        ("prod", "/prod/health", 200),
        ("prod", "/prod", 200),
        ("prod", "/health", 200),
        ("prod", "/production/health", 404),
        // Decoded on the way, and no URL any more.
        ("prod", "/prod/no such \"thing\" ü", 404),
    ] {
        let mut staged = event("GET", path, "", "", Ok(""));
        staged["requestContext"]["stage"] = stage.into();
        let answer = function.invoke(staged);
        assert_eq!(status(&answer), expected, "{path}: {answer}");
    }
}

/// An event as AWS documents it.
fn sample(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/events/{name}.json"));
    let text = std::fs::read_to_string(&path).expect("there");
    serde_json::from_str(&text).expect("JSON")
}

/// Replaces a path wherever an event has it: after whatever the gateway put before it.
fn with_path(event: &Value, path: &str) -> Value {
    let text = event.to_string();
    let text = text.replace("/predict\"", &format!("{path}\""));
    let proxy = format!("\"proxy\":\"{}\"", path.trim_start_matches('/'));
    let text = text.replace("\"proxy\":\"predict\"", &proxy);
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn every_shape_of_http_event_carries_every_body_whole() {
    let function = Function::start(standin_dir());
    for name in [
        "function-url",
        "http-api-2.0",
        "rest-api-1.0-binary",
        "rest-api-1.0-base-path",
        "alb",
        "alb-multi-value",
    ] {
        let event = sample(name);
        // Bytes that no text survives, in a form.
        let picture = b"O\x00\xff\xfe\r\n\x80";
        let mut with_form = event.clone();
        with_form["body"] = STANDARD.encode(form(picture, &[]).1).into();
        let answer = function.invoke(with_form);
        assert_eq!(status(&answer), 200, "{name}: {answer}");
        assert_eq!(
            text(&answer),
            r#"{"success":true,"options":{"conf":0.25}}"#,
            "{name}"
        );

        // A picture alone; and a picture back.
        let mut bare = with_path(&event, "/predict/image");
        bare["body"] = STANDARD.encode(b"\xff\xd8\xff\x00").into();
        let answer = function.invoke(bare);
        assert_eq!(status(&answer), 200, "{name}: {answer}");
        assert_eq!(
            bytes(&answer),
            b"\xff\xd8\xff\x00{\"conf\":0.25,\"format\":\"jpeg\"}",
            "{name}"
        );
        let single = &answer["headers"]["content-type"];
        let multiple = &answer["multiValueHeaders"]["content-type"];
        // Each gateway reads one of the two; the load balancer the one that it is configured for.
        let reads_multiple = name.starts_with("rest-api") || name == "alb-multi-value";
        if reads_multiple {
            assert_eq!(multiple, &json!(["image/jpeg"]), "{name}");
        } else {
            assert_eq!(single, "image/jpeg", "{name}");
        }

        // JSON, in base64 and as text.
        let json = r#"{"image": "data:image/png;base64,Tw==", "conf": 0.5}"#;
        for (body, is_base64) in [(STANDARD.encode(json), true), (json.to_owned(), false)] {
            let mut event = with_path(&event, "/predict/json");
            event["body"] = body.into();
            event["isBase64Encoded"] = is_base64.into();
            let answer = function.invoke(event);
            assert_eq!(
                text(&answer),
                r#"{"success":true,"options":{"conf":0.5}}"#,
                "{name}"
            );
        }
        // Several pictures.
        let mut batch = event.clone();
        batch["body"] = STANDARD
            .encode(form_of(&[("a", b"x"), ("b", b"E")], &[]).1)
            .into();
        let answer: Value = serde_json::from_str(text(&function.invoke(batch))).expect("JSON");
        assert_eq!(
            (&answer["failed"], &answer["total"]),
            (&json!(1), &json!(3)),
            "{name}"
        );
    }
    // A REST API without binary media types sends text as it is, and JSON survives that.
    let mut event = sample("rest-api-1.0-text");
    event["body"] = r#"{"image": "Tw=="}"#.into();
    let answer = function.invoke(event);
    assert_eq!(text(&answer), r#"{"success":true,"options":{"conf":0.25}}"#);
}

#[test]
fn answers_direct_calls() {
    let function = Function::with(standin_dir(), &[("CHECKBOX_API_KEYS", "0123456789abcdef")]);
    // No key: IAM has let the caller in.
    let answer = function.invoke(json!({"image": "eA=="}));
    assert_eq!(
        answer.to_string(),
        serde_json::from_str::<Value>(RESULT)
            .expect("JSON")
            .to_string()
    );
    let answer = function.invoke(json!({"image": "Tw==", "conf": 0.25}));
    assert_eq!(answer["options"], json!({"conf": 0.25}));
    let batch = json!({"images": [{"name": "a", "image": "eA=="}, {"name": "b", "image": "RQ=="}, {"image": "%"}]});
    let answer = function.invoke(batch);
    assert_eq!(answer["results"][0]["name"], "a");
    assert_eq!(answer["results"][1]["code"], "corrupt_image");
    assert_eq!(answer["results"][2]["code"], "bad_request");
    assert_eq!(
        (&answer["failed"], &answer["total"]),
        (&json!(2), &json!(3))
    );
    let tiff = STANDARD.encode(tiff(b"xx"));
    assert_eq!(
        function.invoke(json!({"image": tiff}))["pages"][1]["page"],
        2
    );
    for (event, code) in [
        (json!({"image": "RQ=="}), "corrupt_image"),
        (json!({"image": "VA=="}), "crashed"),
        (json!({"image": "%"}), "bad_request"),
        (json!({"image": "eA==", "confidence": 1}), "bad_request"),
        (json!({"images": []}), "bad_request"),
        (json!({"s3": {"bucket": "b"}}), "bad_request"),
        // No credentials in this test's environment.
        (json!({"s3": {"bucket": "b", "key": "k"}}), "s3"),
    ] {
        let answer = function.invoke(event.clone());
        assert_eq!(
            (&answer["success"], &answer["code"]),
            (&json!(false), &json!(code)),
            "{event}: {answer}"
        );
    }
}

#[test]
fn the_functions_deadline_is_kept() {
    let function = Function::start(standin_dir());
    let start = Instant::now();
    // The function's runtime API gives it two seconds for this one; the module's own limit is 30.
    let answer = function.invoke(json!({"image": "TA==", "conf": 0.123}));
    assert_eq!(answer["code"], "timeout", "{answer}");
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "{:?}",
        start.elapsed()
    );
}

/// A real picture if there is a real module: the form that the project draws for its tests.
fn subject() -> (PathBuf, Vec<u8>) {
    match std::env::var_os("CHECKBOX_MODULE_DIR") {
        Some(dir) => {
            let form = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/tests/fixtures/form.png");
            (dir.into(), std::fs::read(form).expect("the drawn form"))
        }
        None => (standin_dir().to_owned(), b"a picture".to_vec()),
    }
}

/// `CHECKBOX_RIE` names the Runtime Interface Emulator (`tests/get-rie.sh` fetches it), `CHECKBOX_HOST` the program
/// to run in it, if not the one just built.
#[test]
fn answers_under_the_runtime_interface_emulator() {
    let Some(emulator) = std::env::var_os("CHECKBOX_RIE") else {
        eprintln!("skipped: CHECKBOX_RIE does not name the Runtime Interface Emulator");
        return;
    };
    let (module_dir, picture) = subject();
    let host = std::env::var_os("CHECKBOX_HOST")
        .unwrap_or_else(|| env!("CARGO_BIN_EXE_host-lambda").into());

    // The same picture without Lambda.
    let mut direct = Command::new(&host);
    own_settings(&mut direct, &module_dir);
    let mut direct = direct
        .args(["count", "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    direct
        .stdin
        .take()
        .expect("piped")
        .write_all(&picture)
        .expect("sent");
    let direct = direct.wait_with_output().expect("ends");
    let direct = String::from_utf8(direct.stdout).expect("text");
    let expected = direct.trim_end().replacen(r#""file":"-","#, "", 1);
    assert!(expected.starts_with(r#"{"success":true,"#), "{expected}");

    let [address, api] = [(); 2].map(|()| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").to_string()
    });
    let mut child = Command::new(emulator);
    own_settings(&mut child, &module_dir);
    let child = child
        .args([
            "--runtime-interface-emulator-address",
            &address,
            "--runtime-api-address",
            &api,
        ])
        .arg(&host)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the emulator starts");
    let _emulator = Stopped(child);
    for attempt in 0.. {
        if TcpStream::connect(&address).is_ok() {
            break;
        }
        assert!(attempt < 200, "the emulator does not listen");
        thread::sleep(Duration::from_millis(50));
    }
    let invoke = |event: Value| -> Value {
        let path = "/2015-03-31/functions/function/invocations";
        let answer = send(
            &address,
            "POST",
            path,
            &[("Content-Type", "application/json")],
            event.to_string().as_bytes(),
        );
        assert_eq!(answer.status, 200, "{}", answer.text());
        serde_json::from_slice(&answer.body).expect("JSON")
    };

    let answer = invoke(event("GET", "/health", "", "", Ok("")));
    assert_eq!(
        (status(&answer), text(&answer)),
        (200, r#"{"status":"healthy","model_loaded":true}"#)
    );

    let answer = invoke(post_form("/predict", &picture));
    assert_eq!((status(&answer), text(&answer)), (200, expected.as_str()));

    let body = json!({"image": STANDARD.encode(&picture)}).to_string();
    let answer = invoke(event(
        "POST",
        "/predict/json",
        "",
        "application/json",
        Ok(&body),
    ));
    assert_eq!((status(&answer), text(&answer)), (200, expected.as_str()));

    let (content_type, body) = form(&picture, &[]);
    let answer = invoke(event(
        "POST",
        "/predict/image",
        "format=png",
        content_type,
        Err(&body),
    ));
    assert_eq!(status(&answer), 200);
    assert_eq!(answer["headers"]["content-type"], "image/png");
    let annotated = bytes(&answer);
    if picture.starts_with(b"\x89PNG") {
        assert!(annotated.starts_with(b"\x89PNG") && annotated != picture);
    }

    let answer = invoke(post_form("/predict", b"this is not a picture"));
    let expected = if picture.starts_with(b"\x89PNG") {
        415
    } else {
        200
    };
    assert_eq!(status(&answer), expected, "{answer}");
}

/// A process that ends with the test.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
