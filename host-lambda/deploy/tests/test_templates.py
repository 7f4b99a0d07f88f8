"""template.yaml and bulk.yaml: what AWS's own checkers say, and what they cannot know."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import jsonata  # type: ignore[import-untyped]
import pytest
from conftest import DEPLOY
from samcli.yamlhelper import yaml_parse  # type: ignore[import-untyped]
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]

HOST_LAMBDA = DEPLOY.parent
TEMPLATES = ("template.yaml", "bulk.yaml")
SERVE = ("serve", "--port", "0")

# Settings that the template leaves at their defaults: where the module is, and how many wait or come at once, which on
# Lambda is one request for each copy; logs are JSON there.
LEFT_ALONE = {"CHECKBOX_MODULE_DIR", "CHECKBOX_QUEUE", "CHECKBOX_MAX_BATCH", "CHECKBOX_LOG_FORMAT"}


def template() -> dict[str, Any]:
    return yaml_parse((DEPLOY / "template.yaml").read_text())


def tool(name: str, *arguments: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    """A program of this Python's environment, without credentials and without a word to its makers."""
    return subprocess.run(
        [Path(sys.executable).with_name(name), *arguments],
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "SAM_CLI_TELEMETRY": "0"},
    )


def translated(**parameters: str) -> dict[str, Any]:
    """The resources that CloudFormation makes of template.yaml."""
    source = template()
    source["Resources"]["Function"]["Properties"]["CodeUri"] = "s3://bucket/lambda.zip"
    session = boto3.Session(region_name="us-east-1")
    return Translator({}, Parser(), boto_session=session).translate(
        source, {"Access": "open", "Release": "0123456789abcdef", **parameters}
    )["Resources"]


# ---------------------------------------------------------------- AWS's checkers


@pytest.mark.parametrize("name", TEMPLATES)
def test_cfn_lint_finds_nothing(name: str, tmp_path: Path) -> None:
    done = tool("cfn-lint", "--include-checks", "I", "--", DEPLOY / name, home=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", TEMPLATES)
def test_sam_finds_nothing(name: str, tmp_path: Path) -> None:
    done = tool("sam", "validate", "--lint", "--region", "us-east-1", "--template", DEPLOY / name, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_checkers_would_find_something(tmp_path: Path) -> None:
    spoilt = tmp_path / "template.yaml"
    spoilt.write_text((DEPLOY / "template.yaml").read_text().replace("TreatMissingData:", "TreatMissingDate:"))
    assert "TreatMissingDate" in tool("cfn-lint", spoilt, home=tmp_path).stdout
    assert tool("sam", "validate", "--lint", "--region", "us-east-1", "--template", spoilt, home=tmp_path).returncode


# ---------------------------------------------------------------- the program's settings


def variables() -> dict[str, Any]:
    return template()["Resources"]["Function"]["Properties"]["Environment"]["Variables"]


def test_every_setting_is_the_programs() -> None:
    listed = set(re.findall(r"^\| `(CHECKBOX_\w+)` \|", (HOST_LAMBDA / "README.md").read_text(), re.MULTILINE))
    assert listed, "README.md lists the settings in a table"
    assert set(variables()) == listed - LEFT_ALONE


def resolved(value: Any, parameters: dict[str, str]) -> str:
    """A variable's value with these parameters; of functions only those that the variables use."""
    conditions = template()["Conditions"]

    def holds(condition: Any) -> bool:
        if isinstance(condition, str):
            return holds(conditions[condition])
        ((function, arguments),) = condition.items()
        match function:
            case "Condition":
                return holds(arguments)
            case "Fn::Equals":
                return resolved(arguments[0], parameters) == arguments[1]
            case "Fn::Not":
                return not holds(arguments[0])
            case "Fn::And":
                return all(map(holds, arguments))
        raise AssertionError(function)

    if isinstance(value, str):
        return value
    ((function, arguments),) = value.items()
    match function:
        case "Ref":
            return parameters[arguments]
        case "Fn::If":
            return resolved(arguments[1 if holds(arguments[0]) else 2], parameters)
        case "Fn::Sub":
            # The only ones are secrets, which CloudFormation fetches.
            assert arguments.startswith("{{resolve:secretsmanager:"), arguments
            return "0123456789" * 4
    raise AssertionError(function)


@pytest.mark.parametrize(
    "given",
    [
        {"Access": "open"},
        {"Access": "api-key", "AllowedOrigins": "https://a.example,http://localhost:3000", "Metrics": "false"},
        {"Access": "jwt", "JwtSecretArn": "arn:aws:secretsmanager:x", "JwtIssuer": "https://id.example", "Conf": "0.3"},
        {"Access": "jwt", "Annotate": "true", "LogLevel": "off", "ResultPrefix": "results/"},
    ],
)
def test_the_program_takes_the_settings(host: Path, tmp_path: Path, given: dict[str, str]) -> None:
    defaults = {name: str(parameter.get("Default", "")) for name, parameter in template()["Parameters"].items()}
    environment = {name: resolved(value, defaults | given) for name, value in variables().items()}
    if environment["CHECKBOX_JWT_JWKS_FILE"]:
        # Relative to the module's folder, as in the zip.
        for file in ("checkbox_detector.cwasm", "module.json"):
            (tmp_path / file).symlink_to(host.parent / file)
        modulus = base64.urlsafe_b64encode(b"\xc3" * 256).decode().rstrip("=")
        (tmp_path / "jwks.json").write_text(json.dumps({"keys": [{"kty": "RSA", "n": modulus, "e": "AQAB"}]}))
        environment["CHECKBOX_MODULE_DIR"] = str(tmp_path)
    pipe = subprocess.PIPE
    with subprocess.Popen([host, *SERVE], stdout=pipe, stderr=pipe, env=environment, text=True) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        url = server.stdout.readline().rsplit(" ", 1)[-1].strip()
        try:
            assert url.startswith("http://"), server.stderr.read()
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{url}/predict", data=b"", timeout=30)
            refused.value.close()
            # Nothing was sent, which only those are told who may send something.
            assert refused.value.code == (400 if given["Access"] == "open" else 401)
        finally:
            server.terminate()


# ---------------------------------------------------------------- what is made of template.yaml


def test_another_release_is_another_version() -> None:
    versions = [
        {name for name, resource in translated(Release=release).items() if resource["Type"] == "AWS::Lambda::Version"}
        for release in ("0123456789abcdef", "9876543210abcdef")
    ]
    assert [len(names) for names in versions] == [1, 1]
    assert versions[0] != versions[1], "without one, a change of access would not reach the callers"


def test_sam_adds_nothing_that_was_not_asked_for() -> None:
    resources = translated()
    added = {name: resource["Type"] for name, resource in resources.items() if name not in template()["Resources"]}
    assert sorted(added.values()) == [
        "AWS::ApiGateway::Deployment",
        "AWS::ApiGateway::Stage",
        "AWS::ApiGatewayV2::Stage",
        "AWS::Lambda::Alias",
        "AWS::Lambda::Version",
    ]
    stage = next(resource for resource in resources.values() if resource["Type"] == "AWS::ApiGateway::Stage")
    assert stage["Properties"]["StageName"] == "v1"
    # What comes and goes with a parameter goes wholly.
    always = [name for name, resource in resources.items() if "Condition" not in resource]
    assert {name for name in always if name not in added} == {"LogGroup", "Role", "Function"}


def test_pictures_go_through_the_rest_api_whole() -> None:
    assert translated()["Rest"]["Properties"]["Body"]["x-amazon-apigateway-binary-media-types"] == ["*/*"]


def statements(resource: dict[str, Any]) -> list[dict[str, Any]]:
    policies = [policy["Fn::If"][1] if "Fn::If" in policy else policy for policy in resource["Properties"]["Policies"]]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


@pytest.mark.parametrize(("name", "without_a_resource"), [("template.yaml", {"xray"}), ("bulk.yaml", {"logs"})])
def test_a_role_names_what_it_may_do_and_with_what(name: str, without_a_resource: set[str]) -> None:
    role = yaml_parse((DEPLOY / name).read_text())["Resources"]["Role"]
    assert "ManagedPolicyArns" not in role["Properties"]
    found = set()
    for statement in statements(role):
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert not any("*" in action for action in actions)
        if statement["Resource"] == "*":
            found |= {action.split(":")[0] for action in actions}
    assert found == without_a_resource


def test_a_message_stays_hidden_for_longer_than_the_function_takes() -> None:
    source = template()
    by_timeout = source["Mappings"]["ByTimeout"]
    assert set(by_timeout) == set(source["Parameters"]["Timeout"]["AllowedValues"])
    for seconds, times in by_timeout.items():
        assert times == {"Visibility": 6 * int(seconds), "Slow": 800 * int(seconds)}


# ---------------------------------------------------------------- bulk.yaml


def definition(**given: str) -> dict[str, Any]:
    """The state machine's definition with its parameters filled in."""
    source = yaml_parse((DEPLOY / "bulk.yaml").read_text())
    values = {name: str(parameter.get("Default", "")) for name, parameter in source["Parameters"].items()}
    values |= {
        "AWS::Partition": "aws",
        "Bucket": "my-forms",
        "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f:live",
    } | given
    text = source["Resources"]["Pictures"]["Properties"]["DefinitionString"]["Fn::Sub"]
    return json.loads(re.sub(r"\$\{([\w:]+)\}", lambda found: values[found[1]], text))


def evaluated(text: str, given: dict[str, Any]) -> Any:
    """A JSONata expression as Step Functions evaluates it: what it is about is `$states.input`."""
    inside = re.fullmatch(r"\{% (.*) %\}", text)
    assert inside, text
    program = jsonata.Jsonata(inside[1])
    program.assign("states", {"input": given})
    return program.evaluate(None)


def test_the_definition_is_one(tmp_path: Path) -> None:
    """cfn-lint knows the language of state machines, but only reads a definition that is filled in."""

    def lint(states: dict[str, Any]) -> str:
        source = yaml_parse((DEPLOY / "bulk.yaml").read_text())
        properties = source["Resources"]["Pictures"]["Properties"]
        del properties["DefinitionString"]
        properties["Definition"] = states
        # Now nothing refers to the parameters that stood in it.
        filled_in = tmp_path / "bulk.json"
        filled_in.write_text(json.dumps(source))
        return tool("cfn-lint", "--ignore-checks", "W2001", "--", filled_in, home=tmp_path).stdout

    assert lint(definition()) == ""
    spoilt = definition()
    del spoilt["States"]["EachPicture"]["ItemProcessor"]["States"]["Detect"]["Resource"]
    assert "Resource" in lint(spoilt)


def test_a_call_gets_the_event_that_s3_would_send() -> None:
    task = definition()["States"]["EachPicture"]["ItemProcessor"]["States"]["Detect"]
    records = task["Arguments"]["Payload"]["Records"]
    keys = ["incoming/a b+ü&.png", "incoming/2026/plain.jpg"]
    for some in (keys, keys[:1]):
        items = [{"Key": key, "Size": 7, "Etag": "e", "LastModified": 1} for key in some]
        sent = evaluated(records, {"Items": items})
        # A form's decoding, which is what S3's keys need.
        assert [urllib.parse.unquote_plus(record["s3"]["object"]["key"]) for record in sent] == some
        assert {record["s3"]["bucket"]["name"] for record in sent} == {"my-forms"}
    recorded = json.loads((HOST_LAMBDA / "tests/events/s3.json").read_text())["Records"][0]
    for name in ("eventSource", "eventName", "eventVersion"):
        assert sent[0][name] == recorded[name]
    assert evaluated(task["Output"]["pictures"], {"Items": items}) == 1


def test_the_event_of_a_full_batch_is_no_larger_than_one_may_be() -> None:
    """Lambda and Step Functions carry 262,144 bytes to a function that is called so."""
    states = definition(PicturesPerCall="500")["States"]["EachPicture"]
    records = states["ItemProcessor"]["States"]["Detect"]["Arguments"]["Payload"]["Records"]
    bounds = states["ItemBatcher"]
    for key in ("a", "ü" * 500):
        item = {"Etag": '"0123456789abcdef0123456789abcdef"', "Key": key, "LastModified": 1700000000, "Size": 1}
        count = min(
            bounds["MaxItemsPerBatch"],
            bounds["MaxInputBytesPerBatch"] // len(json.dumps(item, ensure_ascii=False).encode()),
        )
        sent = evaluated(records, {"Items": [item] * count})
        assert len(json.dumps({"Records": sent})) < 262_144


def test_the_prefix_may_be_narrowed() -> None:
    prefix = definition()["States"]["EachPicture"]["ItemReader"]["Arguments"]["Prefix"]
    assert evaluated(prefix, {}) == "incoming/"
    assert evaluated(prefix, {"prefix": "incoming/2026/"}) == "incoming/2026/"


def test_a_call_has_the_functions_time_and_no_more_than_an_express_workflow() -> None:
    seconds = definition()["States"]["EachPicture"]["ItemProcessor"]["States"]["Detect"]["TimeoutSeconds"]
    assert int(template()["Parameters"]["Timeout"]["Default"]) < seconds < 300


# ---------------------------------------------------------------- the image


def test_the_image_holds_what_the_server_needs(host: Path, tmp_path: Path) -> None:
    """Without a container engine: the files that the Dockerfile copies, laid out as it says."""
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    taken = set((DEPLOY / "Dockerfile.dockerignore").read_text().split())
    for *sources, target in (line.split()[1:] for line in dockerfile.splitlines() if line.startswith("COPY")):
        for source in sources:
            assert f"!{source}" in taken, f"{source} is not sent to the builder"
            file = host.parent / Path(source).relative_to("dist")
            place = tmp_path / target.strip("/") / (file.name if target.endswith("/") else "")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(file)
    (entry,) = re.findall(r'^ENTRYPOINT \["/(.*)"\]$', dockerfile, re.MULTILINE)
    # Without a module's folder given, the program looks beside itself.
    program = tmp_path / entry
    program.unlink()
    program.write_bytes(host.read_bytes())
    program.chmod(0o755)
    with subprocess.Popen([program, *SERVE], stdout=subprocess.PIPE, env={}, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().rsplit(" ", 1)[-1].strip()
            page = urllib.request.Request(url, headers={"accept": "text/html"})
            with urllib.request.urlopen(page, timeout=30) as answer:
                assert "<html" in answer.read().decode()
            with urllib.request.urlopen(f"{url}/checkbox_detector.wasm", timeout=30) as answer:
                assert answer.read(4) == b"\0asm"
        finally:
            server.terminate()
