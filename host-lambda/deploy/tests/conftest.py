"""A copy of the project with stand-ins for everything that would reach AWS or take long."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parents[1]
STAND_INS = DEPLOY / "tests" / "stand-ins"

# What the scripts may use of a machine. Nothing else is found, so a test does not depend on what is installed.
MACHINE = (
    *("base64", "basename", "bash", "cat", "cp", "cut", "date", "dirname", "env", "grep", "head", "mkdir", "mktemp"),
    *("printf", "rm", "sed", "sha256sum", "sort", "tail", "tr", "zip"),
)


@dataclass
class Project:
    """A project folder, the programs that its scripts find, and what the stand-ins were asked."""

    root: Path
    state: Path
    programs: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, script: str, *arguments: str, answers: str = "") -> subprocess.CompletedProcess[str]:
        """Runs a script of the folder; `answers` is what a person types, and after it standard input ends."""
        return subprocess.run(
            [self.root / "host-lambda" / "deploy" / script, *arguments],
            input=answers,
            text=True,
            capture_output=True,
            timeout=60,
            check=False,
            cwd=self.root,
            env={
                "PATH": str(self.programs),
                "HOME": str(self.root),
                "STAND_IN": str(self.state),
                **self.environment,
            },
        )

    def calls(self) -> list[str]:
        """Every call of a stand-in, in order."""
        log = self.state / "calls"
        return log.read_text().splitlines() if log.exists() else []

    def call(self, begins: str) -> str:
        """The only call that begins so."""
        found = [call for call in self.calls() if call.startswith(begins)]
        assert len(found) == 1, f"{begins}: {found}"
        return found[0]

    def put(self, name: str, text: str = "") -> None:
        """Sets something that the stand-ins go by."""
        path = self.state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def remove_program(self, name: str) -> None:
        (self.programs / name).unlink()

    def files(self) -> dict[str, bytes]:
        """The whole project folder."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root, state, programs = tmp_path / "project", tmp_path / "state", tmp_path / "programs"
    for folder in (root / "web/tests/fixtures", state, programs):
        folder.mkdir(parents=True)
    shutil.copytree(DEPLOY, root / "host-lambda/deploy", ignore=shutil.ignore_patterns("tests", "__pycache__"))
    shutil.copy(STAND_INS / "build.sh", root / "build.sh")
    (root / "web/tests/fixtures/form.png").write_bytes(b"a form")
    for program in MACHINE:
        found = shutil.which(program)
        assert found, f"{program} is not on this machine"
        (programs / program).symlink_to(found)
    for stand_in in STAND_INS.iterdir():
        if stand_in.name != "build.sh":
            (programs / stand_in.name).symlink_to(stand_in)

    project = Project(root, state, programs)
    project.put("region", "eu-central-1\n")
    project.put("machine", "x86_64\n")
    project.put("target", "x86_64-unknown-linux-gnu")
    project.put("glibc", "GLIBC_2.34")
    project.put("new-values/FunctionUrl", "https://abc.lambda-url.eu-central-1.on.aws/\n")
    project.put("new-values/ApiKeySecretArn", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:key\n")
    project.put("new-values/FunctionArn", "arn:aws:lambda:eu-central-1:123456789012:function:f:live\n")
    project.put("answer", '{"success":true,"counts":{"empty_checkbox":16,"filled_checkbox":9},"total":25}')
    return project


@pytest.fixture(scope="session")
def host() -> Path:
    """The program itself, which ./build.sh test names."""
    path = os.environ.get("CHECKBOX_HOST")
    if not path:
        pytest.skip("CHECKBOX_HOST does not name a built host-lambda")
    return Path(path).resolve()
