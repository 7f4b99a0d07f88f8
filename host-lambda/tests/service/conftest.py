"""The built program, started as its users start it: `serve`, and under AWS's Lambda emulator.

CHECKBOX_HOST names the program (beside it lies what it needs), CHECKBOX_RIE the emulator, LAMBDA_ZIP the package.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
FIXTURES = REPOSITORY / "web" / "tests" / "fixtures"
FORM = (FIXTURES / "form.png").read_bytes()
EXPECTED = json.loads((FIXTURES / "form.json").read_text())


def from_environment(name: str) -> Path:
    if name not in os.environ:
        pytest.skip(f"{name} is not set; `./build.sh test` sets it")
    return Path(os.environ[name])


def clean_environment(**more: str) -> dict[str, str]:
    """Nothing of the environment that starts the tests leads the program astray."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CHECKBOX_", "AWS_"))}
    return {**kept, **more}


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def peak_bytes(pid: int) -> int:
    """The most memory that a process has had so far."""
    return _status(pid, "VmHWM")


def resident_bytes(pid: int) -> int:
    """The memory that a process has now."""
    return _status(pid, "VmRSS")


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(name)))


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def send(url: str, body: bytes | None = None, headers: dict[str, str] | None = None, timeout: float = 60) -> Answer:
    request = urllib.request.Request(url, body, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, response.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())


@dataclass
class Served:
    process: subprocess.Popen[bytes]
    url: str


@contextmanager
def serve(**settings: str) -> Iterator[Served]:
    host = from_environment("CHECKBOX_HOST")
    process = subprocess.Popen(
        [host, "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=clean_environment(**settings),
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        yield Served(process, "http://" + line.strip().rsplit("http://", 1)[1])
    finally:
        process.kill()
        process.wait()


@dataclass
class Function:
    """The program as a Lambda function under the emulator."""

    process: subprocess.Popen[bytes]
    url: str

    def invoke(self, event: Any, timeout: float = 60) -> Any:
        answer = send(
            f"{self.url}/2015-03-31/functions/function/invocations", json.dumps(event).encode(), timeout=timeout
        )
        assert answer.status == 200, answer
        return answer.json()

    def program(self) -> int:
        """Process number of the program itself: the emulator's only child."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        (child,) = {int(child) for thread in threads for child in (thread / "children").read_text().split()}
        return child


@contextmanager
def function(log: Path, **settings: str) -> Iterator[Function]:
    emulator, host = from_environment("CHECKBOX_RIE"), from_environment("CHECKBOX_HOST")
    ports = free_port(), free_port()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [emulator, "--runtime-interface-emulator-address", f"127.0.0.1:{ports[0]}", "--runtime-api-address", f"127.0.0.1:{ports[1]}", host],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=clean_environment(**settings),
        )  # fmt: skip
    try:
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", ports[0])) == 0:
                    break
            time.sleep(0.02)
        yield Function(process, f"http://127.0.0.1:{ports[0]}")
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def start_function(tmp_path: Path) -> Iterator[Callable[..., Function]]:
    """Starts functions that end with the test."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(function(tmp_path / "log", **settings))


def counts(result: Any) -> tuple[int, int]:
    return result["counts"]["empty_checkbox"], result["counts"]["filled_checkbox"]


def expected_counts() -> tuple[int, int]:
    classes = [box["class"] for box in EXPECTED["boxes"]]
    return classes.count("empty_checkbox"), classes.count("filled_checkbox")


def http_event(path: str, body: bytes, content_type: str = "image/png") -> dict[str, Any]:
    """A request as a Function URL hands it on (payload 2.0)."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": content_type, "host": "localhost"},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": "localhost",
            "domainPrefix": "local",
            "http": {
                "method": "POST",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "test",
            },
            "requestId": "1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1767225600000,
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
