"""try.sh against the program itself, as a server and as a function: it passes what is right and fails what is not."""

from __future__ import annotations

import base64
import http.server
import json
import os
import platform
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import samcli  # type: ignore[import-untyped]
from conftest import DEPLOY

KEY = "0123456789abcdef0123"


@contextmanager
def serving(host: Path, **settings: str) -> Iterator[str]:
    with subprocess.Popen(
        [host, "serve", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=settings, text=True
    ) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().rsplit(" ", 1)[-1].strip()
        finally:
            server.terminate()


def run(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(DEPLOY / "try.sh"), *arguments]
    return subprocess.run(command, input=typed, text=True, capture_output=True, timeout=280, check=False)


def failed(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stdout.splitlines() if line.startswith("FAIL")]


def test_the_program_with_a_key_passes(host: Path) -> None:
    with serving(host, CHECKBOX_API_KEYS=KEY) as url:
        done = run("local", url, "--api-key", "-", typed=f"{KEY}\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert failed(done) == []
    assert "refused: a wrong key" in done.stdout
    # The key itself is nowhere to be read.
    assert KEY not in done.stdout + done.stderr


def test_an_open_endpoint_fails_where_a_key_was_named(host: Path) -> None:
    """Somebody thinks that a key guards it, and nothing does."""
    with serving(host) as url:
        done = run("local", url, "--token", "a.b.c")
    assert done.returncode == 1
    assert {line.split("  ")[1].strip() for line in failed(done)} == {"refused: no key", "refused: a wrong key"}


EVENT = json.loads((DEPLOY.parent / "tests/events/function-url.json").read_text())
# What a Function URL carries, in the words of AWS's documentation.
MOST_BYTES = 6_291_456


def function_url(invoke: str) -> type[http.server.BaseHTTPRequestHandler]:
    """A Function URL in front of a function: requests become the event that AWS sends, answers what it sends back."""

    class FunctionUrl(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if len(body) > MOST_BYTES:
                self.send(413, {"content-type": "application/json"}, b'{"Message":null}')
                return
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            event = EVENT | {"rawPath": path, "rawQueryString": query, "headers": headers}
            event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
            event["requestContext"] = EVENT["requestContext"] | {"http": {"method": self.command, "path": path}}
            del event["queryStringParameters"]
            with urllib.request.urlopen(invoke, json.dumps(event).encode(), timeout=60) as answered:
                answer = json.load(answered)
            text = answer.get("body") or ""
            content = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
            self.send(answer["statusCode"], answer["headers"], content)

        do_GET = do_POST = answer

        def send(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Quiet."""

    return FunctionUrl


def free_address() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def deployed(host: Path, **settings: str) -> Iterator[str]:
    """The program as a function, in AWS's own emulator, which is part of the SAM CLI, with a Function URL before it."""
    emulator = "aws-lambda-rie-arm64" if platform.machine() in ("aarch64", "arm64") else "aws-lambda-rie-x86_64"
    address, api = free_address(), free_address()
    command = [
        str(Path(samcli.__file__).parent / "local/rapid" / emulator),
        *("--runtime-interface-emulator-address", address, "--runtime-api-address", api, str(host)),
    ]
    environment = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769", "AWS_LAMBDA_FUNCTION_TIMEOUT": "60", **settings}
    quiet = subprocess.DEVNULL
    # In a session of its own: the emulator does not end the program with itself.
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, env=environment, start_new_session=True) as function:
        try:
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", int(address.split(":")[1]))) == 0:
                        break
                time.sleep(0.05)
            invoke = f"http://{address}/2015-03-31/functions/function/invocations"
            with http.server.HTTPServer(("127.0.0.1", 0), function_url(invoke)) as server:
                threading.Thread(target=server.serve_forever, daemon=True).start()
                yield f"http://127.0.0.1:{server.server_port}"
                server.shutdown()
        finally:
            os.killpg(function.pid, signal.SIGKILL)


def test_the_function_behind_a_url_passes(host: Path) -> None:
    with deployed(host, CHECKBOX_API_KEYS=KEY) as url:
        done = run("deployed", url, "--api-key", "-", typed=f"{KEY}\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "refused: 11000000 bytes" in done.stdout


class Wrong(http.server.BaseHTTPRequestHandler):
    """An endpoint that answers everything with the same words."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b'{"success":false}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


def test_a_wrong_endpoint_passes_nothing() -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Wrong) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = run("local", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert done.returncode == 1
    passed = [line for line in done.stdout.splitlines() if line.startswith("pass")]
    assert passed == [], done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "local or deployed?"),
        (("deployed",), "which URL?"),
        (("local", "http://127.0.0.1:9"), "nothing answers at http://127.0.0.1:9"),
        (("local", "127.0.0.1:8080"), "neither an option nor a URL"),
        (("local", "--api-key"), "takes a value"),
        (("local", "--api-key", "-"), "standard input is empty"),
    ],
)
def test_refuses_what_makes_no_sense(arguments: tuple[str, ...], words: str) -> None:
    done = run(*arguments)
    assert done.returncode == 1
    assert words in done.stderr
