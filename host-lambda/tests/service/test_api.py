"""The served API against its own description, with requests that schemathesis makes up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import clean_environment, serve

KEY = "0123456789abcdef"
HERE = Path(__file__).parent
EXAMPLES = os.environ.get("API_EXAMPLES", "10")


@pytest.mark.parametrize("settings", [{}, {"CHECKBOX_API_KEYS": KEY}], ids=["open", "with keys"])
def test_the_api_does_what_its_description_says(settings: dict[str, str], tmp_path: Path) -> None:
    with serve(CHECKBOX_MAX_BATCH="3", **settings) as served:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(HERE / "schemathesis.toml"), "run", f"{served.url}/openapi.json", "--checks", "all",
             "--max-examples", EXAMPLES, "--seed", "1",
             *(["-H", f"x-api-key: {KEY}"] if settings else [])],
            cwd=tmp_path,
            env=clean_environment(SCHEMATHESIS_HOOKS=str(HERE / "pictures.py")),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        assert served.process.poll() is None
        print(done.stdout[-1500:])
