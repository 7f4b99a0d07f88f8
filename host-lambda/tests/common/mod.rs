//! A stand-in module, compiled once, and a small HTTP client.
#![allow(dead_code, missing_docs)] // Not every test file uses everything.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use host_lambda::cpu::CpuLevel;
use host_lambda::limits::Limits;
use host_lambda::module::{Module, WASM_FILE};
use host_lambda::precompile::{self, State};
use host_lambda::settings::Settings;

/// What the stand-in answers for an ordinary picture.
pub const RESULT: &str = concat!(
    r#"{"success":true,"image":{"width":8,"height":8},"detections":[],"#,
    r#""counts":{"empty_checkbox":2,"filled_checkbox":1},"total":3,"model":"0"}"#
);

/// Limits that are quick to run into.
pub fn tight() -> Limits {
    Limits {
        all_memory_bytes: None,
        memory_bytes: 32 * 1024 * 1024,
        time: Duration::from_millis(200),
        body_bytes: 1_000_000,
        response_bytes: None,
        all_bodies_bytes: 10_000_000,
        concurrency: 2,
        queue: 4,
        batch: 5,
    }
}

/// Compiles a module given as text into a folder, with a page beside it.
pub fn install(dir: &Path, wat: &str) {
    install_in(dir, wat, State::Ready);
}

/// The same, to begin in a state.
pub fn install_in(dir: &Path, wat: &str, state: State) {
    let wasm = dir.join(WASM_FILE);
    fs::write(&wasm, wat::parse_str(wat).expect("valid text")).expect("written");
    let level = CpuLevel::default_here().expect("a level");
    precompile::run(&wasm, dir, level, state).expect("compiles");
    fs::create_dir_all(dir.join("page")).expect("made");
    fs::write(
        dir.join("page/index.html"),
        "<!doctype html><title>Page</title>",
    )
    .expect("written");
    fs::write(dir.join("page/app.js"), "export {};").expect("written");
}

pub const STANDIN: &str = include_str!("standin.wat");

/// The folder with the stand-in, made once. It is the test process's own; those of earlier ones are swept up.
pub fn standin_dir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let hour = Duration::from_secs(3600);
        for entry in fs::read_dir(home).expect("readable").flatten() {
            let age = entry
                .metadata()
                .and_then(|entry| entry.modified())
                .ok()
                .and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > hour) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let dir = home.join(format!("stand-in-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("made");
        install(&dir, STANDIN);
        dir
    })
}

pub fn standin(limits: Limits) -> Module {
    Module::load(standin_dir(), limits).expect("the stand-in loads")
}

/// Settings by name and value.
pub fn settings(given: &[(&str, &str)]) -> Settings {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Settings::local(given.iter().map(owned)).expect("settings")
}

/// The program under test.
pub fn program(module_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_host-lambda"));
    own_settings(&mut command, module_dir);
    command
}

/// Nothing of the environment that starts the tests leads the program astray: it refuses settings it does not know.
pub fn own_settings(command: &mut Command, module_dir: &Path) {
    for (name, _) in std::env::vars_os() {
        let of_tests = name
            .to_str()
            .is_some_and(|name| name.starts_with("CHECKBOX_"));
        if of_tests {
            command.env_remove(name);
        }
    }
    command
        .env_remove("AWS_LAMBDA_RUNTIME_API")
        .env("CHECKBOX_MODULE_DIR", module_dir);
}

/// A `serve` that is stopped with the test.
pub struct Server {
    pub child: Child,
    pub address: String,
}

impl Server {
    pub fn start(module_dir: &Path) -> Self {
        Self::with(module_dir, &[])
    }

    /// One with settings.
    pub fn with(module_dir: &Path, settings: &[(&str, &str)]) -> Self {
        let mut child = program(module_dir)
            .args(["serve", "--port", "0"])
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let address = line
            .trim()
            .rsplit("http://")
            .next()
            .expect("an address")
            .to_owned();
        Self { child, address }
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        send(&self.address, method, path, headers, body)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }
}

/// One request on a connection of its own.
pub fn send(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut stream = TcpStream::connect(address).expect("connects");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("set");
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).expect("sent");
    stream.write_all(body).expect("sent");
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(
            reader.read_line(&mut head).expect("a head"),
            0,
            "no answer to {method} {path}"
        );
    }
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .expect("a status");
    let mut body = Vec::new();
    reader.read_to_end(&mut body).expect("a body");
    let mut answer = Answer {
        status,
        head: lower_names(&head),
        body,
    };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = unchunked(&answer.body);
    }
    answer
}

/// Joins the chunks of a body: a length in hexadecimal on a line, so many bytes and a line's end, until length 0.
fn unchunked(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let mut length = String::new();
        chunks.read_line(&mut length).expect("a length");
        let length = usize::from_str_radix(length.trim(), 16).expect("a number");
        if length == 0 {
            return body;
        }
        body.extend(&chunks[..length]);
        chunks = &chunks[length + 2..];
    }
}

fn lower_names(head: &str) -> String {
    let lines = head.lines().map(|line| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}\n", name.to_ascii_lowercase()),
        None => format!("{line}\n"),
    });
    lines.collect()
}

/// A TIFF for the stand-in: a page for each letter, which stands before the page's directory.
pub fn tiff(pages: &[u8]) -> Vec<u8> {
    const DIRECTORY: u32 = 2 + 12 + 4;
    let mut file = b"II*\0".to_vec();
    file.extend(9_u32.to_le_bytes());
    for (index, page) in (1..).zip(pages) {
        file.push(*page);
        file.extend(1_u16.to_le_bytes());
        // ImageWidth, a LONG, 8.
        for half in [256_u16, 4, 1, 0, 8, 0] {
            file.extend(half.to_le_bytes());
        }
        let next = if index as usize == pages.len() {
            0
        } else {
            9 + index * (DIRECTORY + 1)
        };
        file.extend(next.to_le_bytes());
    }
    file
}

/// A form with one file, and its content type.
pub fn form(file: &[u8], fields: &[(&str, &str)]) -> (&'static str, Vec<u8>) {
    form_of(&[("a.png", file)], fields)
}

/// A form with several files, and its content type.
pub fn form_of(files: &[(&str, &[u8])], fields: &[(&str, &str)]) -> (&'static str, Vec<u8>) {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(
            format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .bytes(),
        );
    }
    for (name, file) in files {
        body.extend(
            format!(
                "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n"
            )
            .bytes(),
        );
        body.extend(b"Content-Type: image/png\r\n\r\n");
        body.extend(*file);
        body.extend(b"\r\n");
    }
    body.extend(b"--XX--\r\n");
    ("multipart/form-data; boundary=XX", body)
}
