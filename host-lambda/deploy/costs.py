#!/usr/bin/env python3
"""What pages cost on AWS, for costs.md.

    costs.py                    print the tables
    costs.py --write            put them into costs.md
    costs.py --check            fail if costs.md holds other ones
    costs.py --measure PICTURE...
                                processor time and memory for one picture, by dist/host-lambda on this machine
    costs.py --ms 250 --mb 1769 one line for a duration and a memory size of your own

Python 3.9 or newer, nothing else; --measure takes Linux.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE / "costs.md"
HOST = HERE.parent.parent / "dist" / "host-lambda"

# US dollars in us-east-1, first tier. Sources and date: costs.md.
GB_SECOND = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
PROVISIONED_GB_SECOND = {"x86_64": 0.0000041667, "arm64": 0.0000033334}
PROVISIONED_DURATION_GB_SECOND = {"x86_64": 0.0000097222, "arm64": 0.0000077778}
REQUEST = 0.20 / 1e6
HTTP_API_REQUEST = 1.00 / 1e6
REST_API_REQUEST = 3.50 / 1e6
SQS_REQUEST = 0.40 / 1e6
S3_GET = 0.0004 / 1e3
S3_PUT = 0.005 / 1e3
EXPRESS_REQUEST = 1.00 / 1e6
EXPRESS_GB_SECOND = 0.00001667
EXPRESS_GB = 64 / 1024
TRANSITION = 0.025 / 1e3
LOG_GB = 0.50
TRAFFIC_GB = 0.09
SECRET_MONTH = 0.40
ALARM_MONTH = 0.10
METRIC_MONTH = 0.30

# Lambda gives one whole processor at this memory, and a part in proportion below it.
ONE_PROCESSOR_MB = 1769
# Milliseconds of processor time for one page and the most memory (MB) that the program took, by --measure; costs.md
# says on what.
LETTER_150, LETTER_300 = "letter page, 150 dpi, PNG", "letter page, 300 dpi, JPEG"
SMALL = "small page, 75 dpi, PNG"
MEASURED = {LETTER_150: (159, 52), LETTER_300: (181, 59), SMALL: (159, 51)}
# It has 25 boxes, more than clean forms on average (model/MODEL_CARD.md).
MANY_MS = MEASURED[LETTER_300][0]
# Bytes of the answers to the second: its result, and the annotated picture as JPEG.
RESULT_BYTES, PICTURE_BYTES = 2800, 530_000
# What the tests hold process start to first answer under.
COLD_START_MS = 400
# The container this replaces, in its own documentation's words: «about 250 ms for the inference alone», «1 to 2 s» for
# a warm request. Its cold starts are given as 5 to 10 s in one place and 30 to 60 s in another.
CONTAINER_MB = 3008
CONTAINER_MS = {"the network alone": 250, "warm, the faster figure": 1000, "warm, the slower figure": 2000}
CONTAINER_COLD_START_MS = (5_000, 60_000)

# What template.yaml and bulk.yaml have as defaults.
MESSAGES_PER_CALL = 10
PICTURES_PER_CALL = 20
# The program's line (870 bytes) and Lambda's own three.
LOG_BYTES_PER_PAGE = 1300
# A Function URL with an API key has these; a test holds them against the template and the program.
ALARMS, METRICS = 4, 7
HOURS_PER_MONTH = 730


def gigabytes(memory_mb: float) -> float:
    """Memory as Lambda bills it: 1 GB is 1,024 MB."""
    return memory_mb / 1024


def page(memory_mb: float, duration_ms: float, architecture: str) -> float:
    """Dollars for one request on demand: memory x time x price, and the request."""
    return gigabytes(memory_mb) * duration_ms / 1000 * GB_SECOND[architecture] + REQUEST


def duration_at(memory_mb: float, processor_ms: float) -> float:
    """Milliseconds for one page, which uses one processor: below 1,769 MB it gets a part of one, above no more."""
    return processor_ms * max(1.0, ONE_PROCESSOR_MB / memory_mb)


def provisioned_month(memory_mb: float, architecture: str) -> float:
    """Dollars a month for one copy that is kept started, unused."""
    return gigabytes(memory_mb) * HOURS_PER_MONTH * 3600 * PROVISIONED_GB_SECOND[architecture]


def provisioned_break_even(architecture: str) -> float:
    """The part of the time that a copy must be busy for being kept to cost no more than on demand."""
    saved = GB_SECOND[architecture] - PROVISIONED_DURATION_GB_SECOND[architecture]
    return PROVISIONED_GB_SECOND[architecture] / saved


def bulk_million(duration_ms: float, architecture: str) -> dict[str, float]:
    """Dollars for a million pictures in S3 through bulk.yaml, by what is paid for."""
    calls = 1e6 / PICTURES_PER_CALL
    call_seconds = duration_ms / 1000 * PICTURES_PER_CALL
    return {
        "Lambda": calls * page(ONE_PROCESSOR_MB, call_seconds * 1000, architecture),
        "Step Functions": calls * (TRANSITION + EXPRESS_REQUEST + EXPRESS_GB * call_seconds * EXPRESS_GB_SECOND),
        "S3, reading": 1e6 * S3_GET,
        "S3, writing results": 1e6 * S3_PUT,
    }


def queue_million(duration_ms: float, architecture: str) -> dict[str, float]:
    """Dollars for a million pictures through the queue of template.yaml: one message each, fetched and deleted in batches."""
    calls = 1e6 / MESSAGES_PER_CALL
    return {
        "Lambda": calls * page(ONE_PROCESSOR_MB, duration_ms * MESSAGES_PER_CALL, architecture),
        "SQS": (1e6 + 2 * calls) * SQS_REQUEST,
        "S3, reading": 1e6 * S3_GET,
        "S3, writing results": 1e6 * S3_PUT,
    }


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def dollars(amount: float) -> str:
    """With as many digits as it takes to compare."""
    return f"${amount:,.2f}" if amount >= 0.1 or amount == 0 else f"${amount:.4f}"


def measured_table() -> str:
    rows = [[name, f"{ms:,}", f"{mb:,}"] for name, (ms, mb) in MEASURED.items()]
    return table(["", "ms", "MB at most"], rows)


def per_page_table() -> str:
    rows = []
    for name, (processor_ms, _) in MEASURED.items():
        for memory_mb in (512, 1024, ONE_PROCESSOR_MB, CONTAINER_MB):
            duration = duration_at(memory_mb, processor_ms)
            rows.append(line(f"this: {name}", memory_mb, duration))
    for name, duration in CONTAINER_MS.items():
        rows.append(line(f"container: {name}", CONTAINER_MB, duration))
    head = ["", "MB", "ms", "1,000 pages x86", "1,000 pages arm64", "million x86", "million arm64"]
    return table(head, rows)


def line(name: str, memory_mb: float, duration_ms: float) -> list[str]:
    costs = {architecture: page(memory_mb, duration_ms, architecture) for architecture in GB_SECOND}
    return [
        name,
        f"{memory_mb:,.0f}",
        f"{duration_ms:,.0f}",
        *(dollars(costs[architecture] * 1e3) for architecture in GB_SECOND),
        *(dollars(costs[architecture] * 1e6) for architecture in GB_SECOND),
    ]


def cold_start_table() -> str:
    rows = []
    starts = [
        ("this", ONE_PROCESSOR_MB, COLD_START_MS),
        *(("container", CONTAINER_MB, ms) for ms in CONTAINER_COLD_START_MS),
    ]
    for name, memory_mb, ms in starts:
        costs = [page(memory_mb, ms, architecture) - REQUEST for architecture in GB_SECOND]
        rows.append([name, f"{memory_mb:,}", f"{ms:,}", *(dollars(cost * 1e4) for cost in costs)])
    return table(["", "MB", "ms", "10,000 starts x86", "10,000 starts arm64"], rows)


def provisioned_table() -> str:
    rows = []
    for name, memory_mb in (("this", ONE_PROCESSOR_MB), ("container", CONTAINER_MB)):
        months = [provisioned_month(memory_mb, architecture) for architecture in GB_SECOND]
        rows.append([name, f"{memory_mb:,}", *(dollars(month) for month in months)])
    return table(["", "MB", "a copy for a month x86", "a copy for a month arm64"], rows)


def ways_in_table() -> str:
    rows = [
        ["Function URL", dollars(0)],
        ["HTTP API", dollars(1e6 * HTTP_API_REQUEST)],
        ["REST API", dollars(1e6 * REST_API_REQUEST)],
        [f"logs, {LOG_BYTES_PER_PAGE:,} bytes a page", dollars(1e6 * LOG_BYTES_PER_PAGE / 1e9 * LOG_GB)],
        [f"results that leave AWS, {RESULT_BYTES:,} bytes each", dollars(1e6 * RESULT_BYTES / 1e9 * TRAFFIC_GB)],
        [
            f"annotated pictures that leave AWS, {PICTURE_BYTES:,} bytes each",
            dollars(1e6 * PICTURE_BYTES / 1e9 * TRAFFIC_GB),
        ],
    ]
    return table(["", "a million pages"], rows)


def standing_table() -> str:
    rows = [
        ["API key in Secrets Manager", dollars(SECRET_MONTH)],
        [f"{ALARMS} alarms (`Alarms=false`: none)", dollars(ALARMS * ALARM_MONTH)],
        [f"{METRICS} metrics (`Metrics=false`: none)", dollars(METRICS * METRIC_MONTH)],
    ]
    return table(["", "a month"], rows)


def volume_table() -> str:
    rows = []
    for name, parts in (
        ("queue (template.yaml)", queue_million),
        ("Distributed Map (bulk.yaml)", bulk_million),
    ):
        for architecture in GB_SECOND:
            costs = parts(MANY_MS, architecture)
            coordination = costs.get("SQS", 0) + costs.get("Step Functions", 0)
            s3 = costs["S3, reading"] + costs["S3, writing results"]
            parts_of_it = (costs["Lambda"], coordination, s3, sum(costs.values()))
            rows.append([f"{name}, {architecture}", *(dollars(cost) for cost in parts_of_it)])
    return table(["a million pages, 300 dpi", "Lambda", "SQS or Step Functions", "S3", "together"], rows)


def hours_table() -> str:
    rows = [[f"{copies:,}", f"{1e6 * MANY_MS / 1000 / 3600 / copies:,.1f} h"] for copies in (10, 50, 1000)]
    return table(["copies at once", "a million pages, 300 dpi"], rows)


TABLES = {
    "measured": measured_table,
    "pages": per_page_table,
    "cold starts": cold_start_table,
    "provisioned": provisioned_table,
    "ways in": ways_in_table,
    "standing": standing_table,
    "volumes": volume_table,
    "hours": hours_table,
}


def filled_in(text: str) -> str:
    """The page with its tables computed anew; each stands between two comments with its name."""
    for name, make in TABLES.items():
        marks = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
        pattern = re.compile(f"{re.escape(marks[0])}.*?{re.escape(marks[1])}", re.DOTALL)
        whole = marks[0] + make() + marks[1]
        # Not `sub`, to which a backslash in a table would mean something.
        before, *rest = pattern.split(text)
        found, text = len(rest), whole.join([before, *rest])
        if found != 1:
            raise SystemExit(f"costs.py: {PAGE.name} has {found} places for the table '{name}'")
    return text


def measure(picture: Path, rounds: int = 5, requests: int = 10) -> tuple[float, float]:
    """Milliseconds of processor time that dist/host-lambda takes for a picture, over HTTP, and the most memory in MB.

    Processor time and not the clock's, because one page keeps one processor busy and Lambda gives the function a whole
    one. Work beside it (caches, a shared core) still makes each step slower: so the least of the rounds' means counts.
    """
    environment = {"CHECKBOX_CONCURRENCY": "1", "CHECKBOX_LOG_LEVEL": "off"}
    command = [str(HOST), "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().rsplit(" ", 1)[-1].strip() + "/predict"
            data = picture.read_bytes()

            def send(times: int) -> None:
                for _ in range(times):
                    with urllib.request.urlopen(urllib.request.Request(url, data=data)) as answer:
                        answer.read()

            def ticks() -> int:
                after_name = Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
                return int(after_name[11]) + int(after_name[12])  # utime, stime: fields 14 and 15

            def one_round() -> float:
                before = ticks()
                send(requests)
                return (ticks() - before) * 1000 / os.sysconf("SC_CLK_TCK") / requests

            send(3)
            milliseconds = min(one_round() for _ in range(rounds))
            status = Path(f"/proc/{server.pid}/status").read_text()
            peak = re.search(r"VmHWM:\s+(\d+) kB", status)
            assert peak, status
            return milliseconds, int(peak[1]) / 1024
        finally:
            server.terminate()


def main() -> int:
    parser = argparse.ArgumentParser(description="What pages cost on AWS, for costs.md.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help="put the tables into costs.md")
    what.add_argument("--check", action="store_true", help="fail if costs.md holds other ones")
    what.add_argument(
        "--measure", type=Path, nargs="+", metavar="PICTURE", help="processor time and memory for a picture"
    )
    what.add_argument("--ms", type=float, help="a duration of your own, in milliseconds")
    parser.add_argument("--mb", type=float, default=ONE_PROCESSOR_MB, help="with --ms: the memory")
    arguments = parser.parse_args()
    if arguments.measure:
        for picture in arguments.measure:
            milliseconds, peak = measure(picture)
            print(f"{picture}: {milliseconds:.0f} ms of processor time a request, {peak:.0f} MB at most")
    elif arguments.ms:
        head = ["", "MB", "ms", "1,000 x86", "1,000 arm64", "million x86", "million arm64"]
        print(table(head, [line("yours", arguments.mb, arguments.ms)]))
    elif arguments.write:
        PAGE.write_text(filled_in(PAGE.read_text()))
    elif arguments.check:
        if filled_in(PAGE.read_text()) != PAGE.read_text():
            print(f"costs.py: {PAGE.name} holds other figures; run costs.py --write", file=sys.stderr)
            return 1
    else:
        for name, make in TABLES.items():
            print(f"{name}\n\n{make()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
