"""deploy.sh and teardown.sh, run against stand-ins for aws, sam, curl and build.sh."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import Project
from samcli.cli.types import CfnParameterOverridesType  # type: ignore[import-untyped]

# What only looks. Everything else changes something, here or on AWS.
LOOKING = ("aws sts ", "aws configure get ", "aws cloudformation describe-stacks ", "aws cloudformation list-")


def changes(project: Project) -> list[str]:
    return [call for call in project.calls() if not call.startswith(LOOKING)]


def existing(project: Project, access: str = "api-key", status: str = "UPDATE_COMPLETE") -> None:
    project.put("stack", f"{status}\n")
    project.put("stack-values/Access", f"{access}\n")


# ---------------------------------------------------------------- order and confirmation


def test_deploys_in_order_and_prints_the_result(project: Project) -> None:
    done = project.run("deploy.sh", "--access", "api-key", answers="y\n")
    assert done.returncode == 0, done.stderr
    steps = [" ".join(call.split()[:2]) for call in changes(project)]
    assert steps == ["build.sh package", "sam deploy", "aws secretsmanager", "curl --silent"]
    assert project.calls()[0].startswith("aws configure get region")
    assert project.calls()[1].startswith("aws sts get-caller-identity")
    assert '"total":25' in done.stdout
    sent = project.call("curl")
    assert sent.endswith("https://abc.lambda-url.eu-central-1.on.aws/predict")
    assert "form.png" in sent


def test_shows_where_and_what_before_it_asks(project: Project) -> None:
    done = project.run("deploy.sh", "--access", "api-key", answers="n\n")
    before = done.stderr.split("[y/N]")[0]
    for words in (
        "123456789012",
        "user/ada",
        "eu-central-1",
        "checkbox-detector, new",
        'Architecture="x86_64"',
        "sam deploy",
    ):
        assert words in before
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr
    assert changes(project) == []


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "maybe\n", "Y es\n"])
def test_changes_nothing_without_a_yes(project: Project, answer: str) -> None:
    files = project.files()
    assert project.run("deploy.sh", "--access", "open", answers=answer).returncode == 1
    assert changes(project) == []
    assert project.files() == files


def test_dry_run_changes_nothing_and_asks_nothing(project: Project) -> None:
    files = project.files()
    done = project.run("deploy.sh", "--access", "jwt", "--jwt-secret", "arn:aws:secretsmanager:x", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "[y/N]" not in done.stderr
    assert 'JwtSecretArn="arn:aws:secretsmanager:x"' in done.stderr
    assert changes(project) == []
    assert project.files() == files


def test_yes_asks_nothing(project: Project) -> None:
    done = project.run("deploy.sh", "--access", "open", "--yes")
    assert done.returncode == 0, done.stderr
    assert "?" not in done.stderr
    project.call("sam deploy")


def test_yes_does_not_decide_who_may_call(project: Project) -> None:
    done = project.run("deploy.sh", "--yes")
    assert done.returncode == 1
    assert "give --access" in done.stderr
    assert changes(project) == []


# ---------------------------------------------------------------- access


@pytest.mark.parametrize(("answer", "access"), [("1", "api-key"), ("3", "open"), ("api-key", "api-key")])
def test_asks_who_may_call(project: Project, answer: str, access: str) -> None:
    done = project.run("deploy.sh", answers=f"{answer}\ny\n")
    assert done.returncode == 0, done.stderr
    assert f'Access="{access}"' in project.call("sam deploy")


@pytest.mark.parametrize("answer", ["", "4\n", "\n"])
def test_no_answer_to_who_may_call_is_no_deployment(project: Project, answer: str) -> None:
    assert project.run("deploy.sh", answers=answer).returncode == 1
    assert changes(project) == []


def test_warns_of_open(project: Project) -> None:
    assert "you pay" in project.run("deploy.sh", "--access", "open", "--dry-run").stderr
    bounded = project.run("deploy.sh", "--access", "open", "--parameter", "ReservedConcurrency=5", "--dry-run")
    assert "you pay" not in bounded.stderr


def test_an_update_keeps_the_access(project: Project) -> None:
    existing(project, "open")
    done = project.run("deploy.sh", "--yes")
    assert done.returncode == 0, done.stderr
    assert 'Access="open"' in project.call("sam deploy")
    assert "will be updated" in done.stderr


def test_an_update_keeps_the_secret_of_tokens_but_has_no_key_set_to_keep(project: Project) -> None:
    existing(project, "jwt")
    done = project.run("deploy.sh", "--yes")
    assert done.returncode == 1
    assert "--jwks" in done.stderr
    project.put("stack-values/JwtSecretArn", "arn:aws:secretsmanager:kept\n")
    assert project.run("deploy.sh", "--yes").returncode == 1, "the answer to /health was not one"
    assert 'JwtSecretArn="arn:aws:secretsmanager:kept"' in project.call("sam deploy")


def test_the_api_key_stands_on_no_command_line(project: Project) -> None:
    assert project.run("deploy.sh", "--access", "api-key", "--yes").returncode == 0
    assert "SecretSecret" not in "\n".join(project.calls())
    assert (project.state / "curl-config").read_text() == 'header = "x-api-key: SecretSecretSecret40"\n'


def test_a_key_set_goes_into_the_zip(project: Project) -> None:
    keys = project.root / "my keys.json"
    keys.write_text('{"keys":[]}')
    project.put("answer", '{"status":"healthy","model_loaded":true}')
    done = project.run("deploy.sh", "--access", "jwt", "--jwks", str(keys), "--yes")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(project.root / "dist/lambda.zip") as packed:
        assert packed.read("jwks.json") == keys.read_bytes()
    assert 'JwtSecretArn=""' in project.call("sam deploy")
    assert project.call("curl").endswith("/health"), "without a token no picture can be sent"


def test_a_token_is_used_for_the_trial(project: Project) -> None:
    token = project.root / "token"
    token.write_text("aaa.bbb.ccc\n")
    arguments = ("--access", "jwt", "--jwt-secret", "arn:aws:secretsmanager:x", "--token", str(token), "--yes")
    assert project.run("deploy.sh", *arguments).returncode == 0
    assert project.call("curl").endswith("/predict")
    assert (project.state / "curl-config").read_text() == 'header = "authorization: Bearer aaa.bbb.ccc"\n'


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--access", "jwt", "--yes"), "--jwks FILE or --jwt-secret ARN"),
        (("--access", "jwt", "--jwks", "build.sh", "--yes"), "no JSON Web Key Set"),
        (("--access", "jwt", "--jwks", "missing.json", "--yes"), "no JSON Web Key Set"),
        (("--access", "open", "--jwks", "build.sh", "--yes"), "go with --access jwt"),
        (("--access", "everyone"), "api-key, jwt or open"),
    ],
)
def test_refuses_access_that_makes_no_sense(project: Project, arguments: tuple[str, ...], words: str) -> None:
    done = project.run("deploy.sh", *arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert changes(project) == []


# ---------------------------------------------------------------- what it takes


@pytest.mark.parametrize("script", ["deploy.sh", "teardown.sh"])
@pytest.mark.parametrize("program", ["aws", "sam"])
def test_names_what_is_missing(project: Project, script: str, program: str) -> None:
    project.remove_program(program)
    done = project.run(script, "--yes")
    assert done.returncode == 1
    assert re.search(rf"^  {program}: .*(http|pip)", done.stderr, re.MULTILINE)
    assert project.calls() == []


def test_names_everything_that_is_missing_at_once(project: Project) -> None:
    for program in ("aws", "sam", "curl", "zip"):
        project.remove_program(program)
    done = project.run("deploy.sh", "--access", "jwt", "--jwks", "keys.json")
    assert [line.split(":")[0].strip() for line in done.stderr.splitlines()[1:]] == ["aws", "sam", "curl", "zip"]


@pytest.mark.parametrize("script", ["deploy.sh", "teardown.sh"])
def test_needs_credentials_and_a_region(project: Project, script: str) -> None:
    project.put("no-credentials")
    done = project.run(script, "--yes")
    assert done.returncode == 1
    assert "aws sso login" in done.stderr
    (project.state / "region").unlink()
    done = project.run(script, "--yes")
    assert done.returncode == 1
    assert "--region" in done.stderr
    assert changes(project) == []


def test_the_region_comes_from_where_it_is_said_most_plainly(project: Project) -> None:
    arguments = ("--access", "open", "--yes")
    project.environment["AWS_REGION"] = "us-west-2"
    assert project.run("deploy.sh", *arguments).returncode == 0
    assert "--region us-west-2 " in project.call("sam deploy")
    (project.state / "calls").unlink()
    assert project.run("deploy.sh", *arguments, "--region", "eu-north-1").returncode == 0
    assert "--region eu-north-1 " in project.call("sam deploy")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--parameter", "MemorySizes=512"), "has no parameter MemorySizes"),
        (("--parameter", "MemorySize"), "NAME=VALUE"),
        (("--parameter", "Access=open"), "an option of its own"),
        (("--parameter", "Architecture=arm64"), "set by what is built"),
        (("--parameter", 'AlarmEmail=a" Access="open'), "a space or a quote"),
        (("--parameter",), "takes a value"),
        (("--stack", "my stack"), "no name for a stack"),
        (("--stak", "x"), "no option '--stak'"),
    ],
)
def test_refuses_arguments_that_make_no_sense(project: Project, arguments: tuple[str, ...], words: str) -> None:
    done = project.run("deploy.sh", "--access", "open", "--yes", *arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert project.calls() == []


def test_hands_parameters_on_with_a_new_release_each_time(project: Project) -> None:
    releases = set()
    parameters = ("--parameter", "MemorySize=3008", "--parameter", "HttpApi=true")
    for _ in range(2):
        assert project.run("deploy.sh", "--access", "open", "--yes", "--stack", "other", *parameters).returncode == 0
        call = project.call("sam deploy")
        assert "--stack-name other " in call
        assert 'MemorySize="3008"' in call
        assert 'HttpApi="true"' in call
        # SAM names a version by the first ten characters.
        releases.add(re.search(r'Release="([0-9a-f]{10})[0-9a-f]{6}"', call)[1])  # type: ignore[index]
        (project.state / "calls").unlink()
    assert len(releases) == 2


def test_sam_reads_the_parameters_as_they_are_meant(project: Project) -> None:
    given = {"AllowedOrigins": "https://a.example,http://localhost:3000", "AlarmEmail": "ada@example.org", "Bucket": ""}
    arguments = [part for name, value in given.items() for part in ("--parameter", f"{name}={value}")]
    assert project.run("deploy.sh", "--access", "open", "--yes", *arguments).returncode == 0
    overrides = project.call("sam deploy").split("--parameter-overrides ")[1].split()
    read = CfnParameterOverridesType().convert(overrides, None, None)
    assert read.pop("Release")
    assert read == {"Access": "open", "Architecture": "x86_64", "JwtSecretArn": "", **given}


def test_sam_has_the_options_that_it_is_called_with(project: Project) -> None:
    assert project.run("deploy.sh", "--access", "open", "--yes").returncode == 0
    assert project.run("teardown.sh", "--yes").returncode == 0
    sam = Path(sys.executable).with_name("sam")
    environment = {"PATH": os.environ["PATH"], "HOME": str(project.root), "SAM_CLI_TELEMETRY": "0"}
    for call in (project.call("sam deploy"), project.call("sam delete")):
        # An unknown option goes before help.
        for more, status in (([], 0), (["--no-such-option"], 2)):
            command = [str(sam), *call.split()[1:], *more, "--help"]
            done = subprocess.run(command, text=True, capture_output=True, timeout=120, check=False, env=environment)
            assert done.returncode == status, done.stderr


@pytest.mark.parametrize(
    ("pictures", "results"), [("a/", "a/"), ("a/", "a/results/"), ("checkboxes/new/", None), (None, "incoming/x/")]
)
def test_refuses_prefixes_that_lie_one_under_the_other(
    project: Project, pictures: str | None, results: str | None
) -> None:
    arguments = ["--access", "open", "--yes", "--parameter", "Bucket=my-forms"]
    for name, prefix in (("InputPrefix", pictures), ("ResultPrefix", results)):
        arguments += ["--parameter", f"{name}={prefix}"] if prefix else []
    done = project.run("deploy.sh", *arguments)
    assert done.returncode == 1
    assert "one under the other" in done.stderr
    assert changes(project) == []


def test_prefixes_are_those_that_the_stack_has_already(project: Project) -> None:
    existing(project, "open")
    project.put("stack-values/Bucket", "my-forms\n")
    project.put("stack-values/InputPrefix", "scans/\n")
    done = project.run("deploy.sh", "--yes", "--parameter", "ResultPrefix=scans/results/")
    assert done.returncode == 1
    assert "InputPrefix (scans/)" in done.stderr
    assert project.run("deploy.sh", "--yes", "--parameter", "ResultPrefix=incoming/results/").returncode == 0


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("arn:aws:sqs:eu-central-1:123456789012:q", "Queue"),
        ("arn:aws:lambda:eu-central-1:123456789012:function:f:live", "LambdaFunction"),
    ],
)
def test_says_how_a_bucket_of_ones_own_is_connected(project: Project, target: str, kind: str) -> None:
    project.put("new-values/BucketNotification", f"{target}\n")
    project.put("new-values/BucketName", "my-forms\n")
    parameters = (
        "--parameter",
        "Bucket=my-forms",
        "--parameter",
        "CreateBucket=false",
        "--parameter",
        "InputPrefix=in/",
    )
    done = project.run("deploy.sh", "--access", "open", "--yes", *parameters)
    assert done.returncode == 0, done.stderr
    command = done.stderr[done.stderr.index("aws s3api") :]
    words = shlex.split(command.replace("\\\n", ""))
    assert words[:3] == ["aws", "s3api", "put-bucket-notification-configuration"]
    assert words[words.index("--bucket") + 1] == "my-forms"
    ((name, (configuration,)),) = json.loads(words[words.index("--notification-configuration") + 1]).items()
    assert name == f"{kind}Configurations"
    assert configuration[f"{kind}Arn"] == target
    assert configuration["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": "in/"}]


@pytest.mark.parametrize(
    ("machine", "target", "deploys"),
    [
        ("x86_64", "x86_64-unknown-linux-gnu", "x86_64"),
        ("aarch64", "aarch64-unknown-linux-gnu", "arm64"),
        ("aarch64", "x86_64-unknown-linux-gnu", None),
        ("arm64", "aarch64-apple-darwin", None),
    ],
)
def test_deploys_only_what_was_built_for_the_architecture(
    project: Project, machine: str, target: str, deploys: str | None
) -> None:
    project.put("machine", machine)
    project.put("target", target)
    done = project.run("deploy.sh", "--access", "open", "--yes")
    if deploys:
        assert f'Architecture="{deploys}"' in project.call("sam deploy")
    else:
        assert done.returncode == 1
        assert target in done.stderr
        assert changes(project) == ["build.sh package"]


def test_refuses_other_machines(project: Project) -> None:
    project.put("machine", "riscv64")
    assert "riscv64" in project.run("deploy.sh", "--access", "open", "--yes").stderr
    assert changes(project) == []


@pytest.mark.parametrize("needs", ["GLIBC_2.35", "GLIBC_2.100", "static"])
def test_refuses_a_program_that_lambda_could_not_start(project: Project, needs: str) -> None:
    project.put("glibc", needs)
    done = project.run("deploy.sh", "--access", "open", "--yes")
    if needs == "static":
        assert done.returncode == 0, "2.17 is the newest that it needs"
    else:
        assert done.returncode == 1
        assert needs in done.stderr
        assert changes(project) == ["build.sh package"]


def test_no_build_takes_what_is_there(project: Project) -> None:
    done = project.run("deploy.sh", "--access", "open", "--yes", "--no-build")
    assert done.returncode == 1
    assert "lambda.zip is missing" in done.stderr
    assert changes(project) == []
    assert project.run("deploy.sh", "--access", "open", "--yes").returncode == 0
    (project.state / "calls").unlink()
    assert project.run("deploy.sh", "--access", "open", "--yes", "--no-build").returncode == 0
    assert not any(call.startswith("build.sh") for call in project.calls())


def test_no_build_refuses_a_zip_that_is_older_than_the_program(project: Project) -> None:
    assert project.run("deploy.sh", "--access", "open", "--yes").returncode == 0
    (project.state / "calls").unlink()
    program, packed = project.root / "dist/host-lambda", project.root / "dist/lambda.zip"
    os.utime(program, (packed.stat().st_mtime + 10,) * 2)
    done = project.run("deploy.sh", "--access", "open", "--yes", "--no-build")
    assert done.returncode == 1
    assert "newer than lambda.zip" in done.stderr
    assert changes(project) == []


# ---------------------------------------------------------------- what goes wrong


def test_a_failed_build_deploys_nothing(project: Project) -> None:
    project.put("build-fails")
    done = project.run("deploy.sh", "--access", "open", "--yes")
    assert done.returncode == 1
    assert changes(project) == ["build.sh package"]


def test_a_failed_deployment_is_not_tried_out(project: Project) -> None:
    project.put("sam-fails")
    done = project.run("deploy.sh", "--access", "open", "--yes")
    assert done.returncode == 1
    assert "the deployment failed" in done.stderr
    assert not any(call.startswith("curl") for call in project.calls())


def test_an_endpoint_that_gives_no_result_fails_after_some_patience(project: Project) -> None:
    project.put("answer", '{"Message":"Forbidden"}')
    done = project.run("deploy.sh", "--access", "open", "--yes")
    assert done.returncode == 1
    assert "sam logs" in done.stderr
    assert "Forbidden" in done.stdout
    assert sum(call.startswith("curl") for call in project.calls()) == 6
    assert sum(call.startswith("sleep") for call in project.calls()) == 5


@pytest.mark.parametrize(
    ("status", "words"), [("ROLLBACK_COMPLETE", "teardown.sh"), ("UPDATE_IN_PROGRESS", "being changed just now")]
)
def test_leaves_a_stack_alone_that_cannot_be_updated(project: Project, status: str, words: str) -> None:
    existing(project, status=status)
    done = project.run("deploy.sh", "--yes")
    assert done.returncode == 1
    assert words in done.stderr
    assert changes(project) == []


def test_a_plan_that_nobody_carried_out_is_no_stack(project: Project) -> None:
    existing(project, status="REVIEW_IN_PROGRESS")
    done = project.run("deploy.sh", "--access", "open", "--yes")
    assert done.returncode == 0, done.stderr
    assert "checkbox-detector, new" in done.stderr


def test_without_a_way_in_over_http_the_function_itself_is_tried(project: Project) -> None:
    (project.state / "new-values/FunctionUrl").unlink()
    done = project.run("deploy.sh", "--access", "open", "--yes", "--parameter", "FunctionUrl=false")
    assert done.returncode == 0, done.stderr
    assert '"total":25' in done.stdout
    assert "function:f:live" in project.call("aws lambda invoke")


# ---------------------------------------------------------------- teardown


def test_teardown_wants_the_name_typed(project: Project) -> None:
    existing(project)
    done = project.run("teardown.sh", answers="checkbox-detector\n")
    assert done.returncode == 0, done.stderr
    before = done.stderr.split("Type the stack's name")[0]
    for words in ("123456789012", "user/ada", "eu-central-1", "checker-Function-1"):
        assert words in before
    assert changes(project) == ["sam delete --stack-name checkbox-detector --region eu-central-1 --no-prompts"]


@pytest.mark.parametrize("answer", ["", "\n", "y\n", "checkbox\n"])
def test_teardown_removes_nothing_otherwise(project: Project, answer: str) -> None:
    existing(project)
    assert project.run("teardown.sh", answers=answer).returncode == 1
    assert changes(project) == []


def test_teardown_dry_run_and_yes(project: Project) -> None:
    existing(project)
    done = project.run("teardown.sh", "--dry-run")
    assert done.returncode == 0
    assert "Type" not in done.stderr
    assert changes(project) == []
    done = project.run("teardown.sh", "--yes")
    assert done.returncode == 0
    assert "Type" not in done.stderr
    project.call("sam delete")


def test_teardown_says_what_stays(project: Project) -> None:
    existing(project)
    assert "The bucket" not in project.run("teardown.sh", "--dry-run").stderr
    project.put("stack-values/BucketName", "my-forms\n")
    assert "The bucket my-forms and all in it stays" in project.run("teardown.sh", "--dry-run").stderr


def test_teardown_of_nothing(project: Project) -> None:
    done = project.run("teardown.sh", "--yes", "--stack", "other")
    assert done.returncode == 1
    assert "no stack other in eu-central-1" in done.stderr
    assert changes(project) == []


def test_a_deletion_that_fails_is_a_failure(project: Project) -> None:
    existing(project)
    project.put("sam-fails")
    assert project.run("teardown.sh", "--yes").returncode == 1


def test_a_stack_that_stays_is_a_failure(project: Project) -> None:
    existing(project)
    project.put("stack-stays")
    done = project.run("teardown.sh", "--yes")
    assert done.returncode == 1
    assert "still there (DELETE_FAILED)" in done.stderr
