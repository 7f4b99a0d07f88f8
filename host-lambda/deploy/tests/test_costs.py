"""costs.md holds what costs.py computes, and costs.py what AWS's formula, the templates and the program say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import DEPLOY
from samcli.yamlhelper import yaml_parse  # type: ignore[import-untyped]

sys.path.insert(0, str(DEPLOY))
import costs

PAGE = costs.PAGE.read_text()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DEPLOY / "costs.py"), *arguments]
    return subprocess.run(command, text=True, capture_output=True, timeout=60, check=False)


def test_the_page_holds_the_computed_tables() -> None:
    done = run("--check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", costs.TABLES)
def test_another_figure_on_the_page_is_found(name: str) -> None:
    before, table, after = re.split(rf"(<!-- {name} -->.*<!-- /{name} -->)", PAGE, flags=re.DOTALL)
    spoilt = before + re.sub(r"\d(?=\D*$)", lambda digit: str((int(digit[0]) + 1) % 10), table) + after
    assert spoilt != PAGE
    assert costs.filled_in(spoilt) == PAGE


def test_a_page_without_its_table_is_refused() -> None:
    with pytest.raises(SystemExit, match="0 places for the table 'pages'"):
        costs.filled_in(PAGE.replace("<!-- pages -->", ""))


def test_a_page_costs_what_awss_own_example_says() -> None:
    """Three million calls of 120 ms at 1,536 MB on x86, less the free tier: $2.73 on the price page of Lambda."""
    calls = 3e6
    seconds = calls * 0.120 * costs.gigabytes(1536)
    assert seconds == 540_000
    assert (seconds - 400_000) * costs.GB_SECOND["x86_64"] + (calls - 1e6) * costs.REQUEST == pytest.approx(
        2.73, abs=0.01
    )
    assert calls * costs.page(1536, 120, "x86_64") == pytest.approx(540_000 * 0.0000166667 + 0.60)


def test_less_memory_takes_longer_and_more_is_no_faster() -> None:
    assert costs.duration_at(costs.ONE_PROCESSOR_MB / 2, 100) == 200
    assert costs.duration_at(costs.ONE_PROCESSOR_MB, 100) == costs.duration_at(3008, 100) == 100


def test_the_text_says_what_is_computed() -> None:
    percent = {round(100 * costs.provisioned_break_even(architecture)) for architecture in costs.GB_SECOND}
    assert percent == {60}
    for words in (
        f"busy for {percent.pop()}% of",
        f"${costs.GB_SECOND['x86_64']:.10f} on x86",
        f"${costs.GB_SECOND['arm64']:.10f} on arm64",
        f"${costs.PROVISIONED_DURATION_GB_SECOND['x86_64']:.10f} on x86",
        f"{costs.CONTAINER_MB / costs.ONE_PROCESSOR_MB:.1f} times one at 1,769",
    ):
        assert words in PAGE.replace("\n", " ")


def test_what_the_templates_have_as_defaults() -> None:
    parameters = yaml_parse((DEPLOY / "template.yaml").read_text())["Parameters"]
    assert parameters["MemorySize"]["Default"] == costs.ONE_PROCESSOR_MB
    assert parameters["BatchSize"]["Default"] == costs.MESSAGES_PER_CALL
    bulk = yaml_parse((DEPLOY / "bulk.yaml").read_text())["Parameters"]
    assert bulk["PicturesPerCall"]["Default"] == costs.PICTURES_PER_CALL
    resources = yaml_parse((DEPLOY / "template.yaml").read_text())["Resources"].values()
    alarms = [resource for resource in resources if resource["Type"] == "AWS::CloudWatch::Alarm"]
    assert sum(alarm["Condition"] in ("HasAlarms", "WatchesUrl") for alarm in alarms) == costs.ALARMS


def test_the_program_has_so_many_metrics() -> None:
    source = (DEPLOY.parent / "src/log.rs").read_text()
    assert len(re.findall(r'^ +metric\("', source, re.MULTILINE)) == costs.METRICS


def test_a_line_of_ones_own() -> None:
    assert "| yours | 1,769 | 250 | $0.0074 |" in run("--ms", "250", "--mb", "1769").stdout


def test_it_measures(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "HOST", host)
    picture = DEPLOY.parent.parent / "web/tests/fixtures/form.png"
    milliseconds, peak = costs.measure(picture, rounds=1, requests=2)
    assert 20 < milliseconds < 2000
    assert 40 < peak < 256, "MB"
