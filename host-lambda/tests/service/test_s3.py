"""Objects in S3, against moto's server: results beside the pictures, bad objects, queues that bring back what failed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from conftest import FORM, Function, clean_environment, counts, expected_counts, free_port

BUCKET = "forms"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=clean_environment(),
    )
    url = f"http://127.0.0.1:{port}"
    client = connect(url)
    for attempt in range(100):
        try:
            client.list_buckets()
            break
        except Exception:
            assert process.poll() is None, "moto has ended"
            assert attempt < 99, "moto does not answer"
            time.sleep(0.1)
    yield url
    process.kill()
    process.wait()


def connect(url: str) -> Any:
    return boto3.client(
        "s3", endpoint_url=url, region_name="eu-west-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )


@pytest.fixture
def s3(endpoint: str) -> Iterator[Any]:
    client = connect(endpoint)
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    yield client
    for key in keys(client):
        client.delete_object(Bucket=BUCKET, Key=key)
    client.delete_bucket(Bucket=BUCKET)


def keys(client: Any) -> list[str]:
    return sorted(item["Key"] for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", []))


def result(client: Any, key: str) -> Any:
    return json.loads(client.get_object(Bucket=BUCKET, Key=key)["Body"].read())


def created(*encoded_keys: str) -> dict[str, Any]:
    """S3's notification of new objects; keys as S3 encodes them there."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": BUCKET}, "object": {"key": key}},
            }
            for key in encoded_keys
        ]
    }


Start = Callable[..., Function]


@pytest.fixture
def worker(start_function: Start, endpoint: str) -> Function:
    return start_function(**CREDENTIALS, AWS_ENDPOINT_URL_S3=endpoint)


def test_an_object_has_its_result_written_under_the_prefix(s3: Any, worker: Function) -> None:
    s3.put_object(Bucket=BUCKET, Key="in/my form + ü.png", Body=FORM)
    assert worker.invoke(created("in/my+form+%2B+%C3%BC.png")) is None
    assert counts(result(s3, "checkboxes/in/my form + ü.png.checkboxes.json")) == expected_counts()


def test_a_result_does_not_trigger_another(s3: Any, worker: Function) -> None:
    s3.put_object(Bucket=BUCKET, Key="a.png", Body=FORM)
    worker.invoke(created("a.png"))
    before = keys(s3)
    worker.invoke(created("checkboxes/a.png.checkboxes.json"))
    assert keys(s3) == before == ["a.png", "checkboxes/a.png.checkboxes.json"]


def test_a_bad_object_has_its_error_for_a_result_and_the_others_theirs(s3: Any, worker: Function) -> None:
    s3.put_object(Bucket=BUCKET, Key="bad.png", Body=b"this is not a picture")
    s3.put_object(Bucket=BUCKET, Key="good.png", Body=FORM)
    assert worker.invoke(created("bad.png", "good.png")) is None
    bad = result(s3, "checkboxes/bad.png.checkboxes.json")
    assert (bad["success"], bad["code"]) == (False, "unsupported_format")
    assert counts(result(s3, "checkboxes/good.png.checkboxes.json")) == expected_counts()


def test_what_is_missing_comes_again(s3: Any, worker: Function) -> None:
    answer = worker.invoke(created("not-there.png"))
    assert "not-there.png" in answer["errorMessage"]
    assert keys(s3) == []


def test_the_annotated_picture_on_request_and_another_prefix(s3: Any, start_function: Start, endpoint: str) -> None:
    worker = start_function(
        **CREDENTIALS, AWS_ENDPOINT_URL_S3=endpoint, CHECKBOX_S3_ANNOTATE="true", CHECKBOX_S3_OUTPUT_PREFIX="out/"
    )
    s3.put_object(Bucket=BUCKET, Key="a.png", Body=FORM)
    worker.invoke(created("a.png"))
    assert keys(s3) == ["a.png", "out/a.png.checkboxes.jpg", "out/a.png.checkboxes.json"]
    picture = s3.get_object(Bucket=BUCKET, Key="out/a.png.checkboxes.jpg")
    assert picture["ContentType"] == "image/jpeg"
    assert picture["Body"].read(3) == b"\xff\xd8\xff"


def test_a_queue_is_told_which_messages_failed(s3: Any, worker: Function) -> None:
    s3.put_object(Bucket=BUCKET, Key="good.png", Body=FORM)
    s3.put_object(Bucket=BUCKET, Key="bad.png", Body=b"this is not a picture")
    bodies = {
        "good": json.dumps(created("good.png")),
        "bad picture": json.dumps(created("bad.png")),
        "missing": json.dumps(created("missing.png")),
        "not understood": "what?",
        "an object by name": json.dumps({"s3": {"bucket": BUCKET, "key": "good.png"}, "conf": 0.9}),
        "S3's test": json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}),
    }
    records = [
        {"messageId": name, "receiptHandle": "h", "body": body, "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:1:q"}
        for name, body in bodies.items()
    ]  # fmt: skip
    answer = worker.invoke({"Records": records})
    # A picture that cannot be read never can: its result says so, and the message is done with.
    assert [item["itemIdentifier"] for item in answer["batchItemFailures"]] == ["missing", "not understood"]
    assert keys(s3) == [
        "bad.png",
        "checkboxes/bad.png.checkboxes.json",
        "checkboxes/good.png.checkboxes.json",
        "good.png",
    ]


def test_a_direct_call_reads_an_object(s3: Any, worker: Function) -> None:
    s3.put_object(Bucket=BUCKET, Key="a.png", Body=FORM)
    assert counts(worker.invoke({"s3": {"bucket": BUCKET, "key": "a.png"}})) == expected_counts()
    refused = worker.invoke({"s3": {"bucket": BUCKET, "key": "none.png"}})
    assert (refused["success"], refused["code"]) == (False, "not_found")


def test_a_server_that_is_down_is_a_failure_that_may_pass(start_function: Start) -> None:
    worker = start_function(**CREDENTIALS, AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{free_port()}")
    assert "errorMessage" in worker.invoke(created("a.png"))


def test_messages_that_cannot_be_told_apart_all_come_again(worker: Function) -> None:
    answer = worker.invoke({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]})
    assert "messageId" in answer["errorMessage"]
