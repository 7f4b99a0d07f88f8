//! The program as a user starts it.

mod common;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use host_lambda::cpu::CpuLevel;

use common::{RESULT, Server, form, program, standin_dir};

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

/// A folder with pictures that the stand-in takes in different ways.
fn pictures() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, content) in [
        ("a.png", "picture"),
        ("bad.png", "E"),
        ("crash.png", "T"),
        ("ü \"b\".png", "picture"),
    ] {
        fs::write(dir.path().join(name), content).expect("written");
    }
    dir
}

fn count(dir: &Path, arguments: &[&str]) -> Output {
    run(program(standin_dir())
        .current_dir(dir)
        .arg("count")
        .args(arguments))
}

#[test]
fn count_prints_a_table() {
    let dir = pictures();
    let output = count(dir.path(), &["a.png", "bad.png", "ü \"b\".png"]);
    let expected = "\
file        empty  filled   total
a.png           2       1       3
bad.png         -       -       -
ü \"b\".png       2       1       3
all files       4       2       6
";
    assert_eq!(text(&output.stdout), expected);
    assert_eq!(
        text(&output.stderr),
        "bad.png: the stand-in says so [corrupt_image]\n"
    );
    assert_eq!(output.status.code(), Some(1));
    let output = count(dir.path(), &["a.png"]);
    assert_eq!(text(&output.stdout).lines().count(), 2);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn count_json_prints_one_line_a_file_in_order_and_nothing_else() {
    let dir = pictures();
    let output = count(
        dir.path(),
        &[
            "--json",
            "crash.png",
            "a.png",
            "none.png",
            ".",
            "bad.png",
            "ü \"b\".png",
        ],
    );
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    let rest = RESULT.strip_prefix('{').expect("an object");
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert!(
        lines[0].starts_with(r#"{"file":"crash.png","success":false,"code":"crashed","#),
        "{}",
        lines[0]
    );
    assert_eq!(lines[1], format!(r#"{{"file":"a.png",{rest}"#));
    assert!(
        lines[2].starts_with(r#"{"file":"none.png","success":false,"code":"not_found","#),
        "{}",
        lines[2]
    );
    assert!(
        lines[3].starts_with(r#"{"file":".","success":false,"code":"unreadable","#),
        "{}",
        lines[3]
    );
    assert!(
        lines[4].starts_with(r#"{"file":"bad.png","success":false,"code":"corrupt_image","#),
        "{}",
        lines[4]
    );
    assert_eq!(lines[5], format!(r#"{{"file":"ü \"b\".png",{rest}"#));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn count_keeps_the_order_of_many_files() {
    let dir = pictures();
    let names: Vec<String> = (0..50).map(|index| format!("{index}.png")).collect();
    for (index, name) in names.iter().enumerate() {
        fs::write(
            dir.path().join(name),
            if index % 7 == 0 { "T" } else { "picture" },
        )
        .expect("written");
    }
    let mut arguments = vec!["--json"];
    arguments.extend(names.iter().map(String::as_str));
    let output = count(dir.path(), &arguments);
    let printed: Vec<String> = text(&output.stdout)
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["file"].to_string()
        })
        .collect();
    let expected: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    assert_eq!(printed, expected);
}

#[test]
fn count_passes_the_threshold_and_reads_standard_input_once() {
    let mut child = program(standin_dir())
        .args(["count", "--json", "--conf", "0.25", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(b"O")
        .expect("written");
    let output = child.wait_with_output().expect("ends");
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    let (read, refused): (Vec<&str>, Vec<&str>) =
        lines.iter().partition(|line| line.contains("true"));
    assert_eq!(
        read,
        [r#"{"file":"-","success":true,"options":{"conf":0.25}}"#]
    );
    assert!(
        refused.len() == 1 && refused[0].contains("unreadable"),
        "{refused:?}"
    );
}

#[test]
fn count_does_not_read_what_is_too_large() {
    let dir = pictures();
    let file = fs::File::create(dir.path().join("large.png")).expect("made");
    file.set_len(50_000_000_000).expect("a file with a hole");
    let output = count(dir.path(), &["--json", "large.png"]);
    assert!(text(&output.stdout).contains("too_many_bytes"));
}

#[test]
fn wrong_arguments_are_explained() {
    for (arguments, words) in [
        (&["count"][..], "FILE"),
        (&["count", "--conf", "2", "a.png"], "between 0 and 1"),
        (&["serve", "--port", "abc"], "--port"),
        (&["cuont", "a.png"], "count"),
    ] {
        let output = run(program(standin_dir()).args(arguments));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            text(&output.stderr).contains(words),
            "{}",
            text(&output.stderr)
        );
    }
    for argument in ["--help", "--version"] {
        let output = run(program(standin_dir()).arg(argument));
        assert_eq!(output.status.code(), Some(0));
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn a_missing_module_is_named() {
    let output = run(program(Path::new("/nonexistent")).args(["count", "a.png"]));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("/nonexistent/module.json"),
        "{}",
        text(&output.stderr)
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn precompile_compiles_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let wasm = dir.path().join("checkbox_detector.wasm");
    let precompile = || run(Command::new(env!("CARGO_BIN_EXE_precompile")).arg(&wasm));
    let output = precompile();
    assert!(
        text(&output.stderr).contains("checkbox_detector.wasm"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(1));
    fs::write(&wasm, "not a module").expect("written");
    assert!(text(&precompile().stderr).contains("cannot be taken"));
    fs::copy(standin_dir().join("checkbox_detector.wasm"), &wasm).expect("copied");
    assert!(text(&precompile().stdout).starts_with("compiled for"));
    assert!(text(&precompile().stdout).starts_with("up to date for"));
}

#[test]
fn code_for_another_processor_is_refused_and_what_loads_names_its_level() {
    let dir = tempfile::tempdir().expect("a folder");
    for name in ["checkbox_detector.cwasm", "module.json"] {
        fs::copy(standin_dir().join(name), dir.path().join(name)).expect("copied");
    }
    let manifest = dir.path().join("module.json");
    let text_of = |path: &Path| fs::read_to_string(path).expect("text");
    let here = CpuLevel::default_here().expect("a level").name;
    assert!(text_of(&manifest).contains(&format!(r#""cpu":"{here}""#)));
    let picture = dir.path().join("a.png");
    fs::write(&picture, "a picture").expect("written");
    let count = || run(program(dir.path()).arg("count").arg(&picture));
    assert_eq!(count().status.code(), Some(0));

    let elsewhere = if here == "arm64" {
        "x86-64-v3"
    } else {
        "arm64"
    };
    fs::write(&manifest, text_of(&manifest).replace(here, elsewhere)).expect("written");
    let refused = count();
    assert_eq!(refused.status.code(), Some(1));
    let words = text(&refused.stderr);
    assert!(
        words.contains(&format!("compiled for {elsewhere}")) && words.contains("run `precompile`"),
        "{words}"
    );
}

#[test]
fn serve_answers_over_a_socket() {
    let server = Server::start(standin_dir());
    let (content_type, body) = form(b"a picture", &[("conf", "0.5")]);
    let answer = server.send("POST", "/predict", &[("Content-Type", content_type)], &body);
    assert_eq!((answer.status, answer.text()), (200, RESULT));
    let page = server.send("GET", "/", &[("Accept", "text/html")], b"");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let head = server.send("HEAD", "/health", &[], b"");
    assert_eq!(
        (head.status, head.header("content-length"), head.body.len()),
        (200, Some("40"), 0)
    );
    for picture in [b"T", b"M"] {
        let (content_type, body) = form(picture, &[]);
        assert!(
            server
                .send("POST", "/predict", &[("Content-Type", content_type)], &body)
                .status
                >= 400
        );
    }
    assert_eq!(server.send("GET", "/health", &[], b"").status, 200);
}

#[test]
fn serve_refuses_a_body_that_is_too_large_in_words() {
    let server = Server::start(standin_dir());
    let body = vec![b'x'; 87 * 1024 * 1024];
    let answer = server.send("POST", "/predict", &[], &body);
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains("payload_too_large"));
    // A client that asks first is refused before it sends anything.
    let mut client = TcpStream::connect(&server.address).expect("connects");
    let head = "POST /predict HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 900000000\r\n\r\n";
    client.write_all(head.as_bytes()).expect("sent");
    let mut answer = [0; 12];
    client.read_exact(&mut answer).expect("an answer");
    assert_eq!(text(&answer), "HTTP/1.1 413");
}

#[test]
fn serve_says_that_its_port_is_taken() {
    let server = Server::start(standin_dir());
    let port = server
        .address
        .rsplit(':')
        .next()
        .expect("a port")
        .to_owned();
    let output = run(program(standin_dir()).args(["serve", "--port", &port]));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("is taken by another program"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
#[cfg(unix)]
fn serve_stops_when_told_to() {
    // More than once: whoever reads the address may say so at once.
    for _ in 0..20 {
        let mut server = Server::start(standin_dir());
        let start = Instant::now();
        let kill = Command::new("kill")
            .arg(server.child.id().to_string())
            .status()
            .expect("runs");
        assert!(kill.success());
        let status = server.child.wait().expect("ends");
        assert_eq!(status.code(), Some(0));
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}
