"""A password in the address of a server is in nothing that commands print or write."""

import json

import pytest

from tests.engines.conftest import CREDENTIALS

SECRETS = ("hush", "pa/ss7")


@pytest.fixture(
    params=["http://me:hush@127.0.0.1:9", "http://me:pa/ss7@127.0.0.1:9", "http://hush@127.0.0.1:9"], ids="abc"
)
def variables(request):
    return {**CREDENTIALS, "AWS_ENDPOINT_URL": request.param, "AWS_MAX_ATTEMPTS": "1"}


def silent(ran, folder=None):
    written = "".join(
        path.read_text(errors="replace") for path in (folder.rglob("*") if folder else ()) if path.is_file()
    )
    return all(secret not in ran.said + written for secret in SECRETS)


@pytest.mark.parametrize(
    "words",
    [
        ["status", "s3://bucket/b"],
        ["process", "s3://bucket", "b", "ldem01acq"],
        pytest.param(["capture"], marks=pytest.mark.slow),
        ["report", "s3://bucket", "b", "--no-html"],
        ["doctor", "--config", "store=s3://bucket", "inputs=s3://raws", "engine=aws-batch"],
    ],
)
def test_errors(commands, variables, words):
    ran = commands.hstdputils(*words, **variables)
    assert ran.status != 0
    assert "Traceback" not in ran.said
    assert silent(ran)


@pytest.mark.engine("CRDS")
def test_pages_logs_and_markers(commands, made_up, tmp_path):
    server = "http://me:hush@127.0.0.1:9"
    given = [f"--inputs={made_up.inputs}", "--crds-context=hst_9001.pmap", "--keep-work=failed"]
    variables = {"CRDS_SERVER_URL": server, "CRDS_PATH": str(tmp_path / "cache")}
    ran = commands.hstdputils("process", *given, "results", "b", "ldem01acq", **variables)
    assert ran.status != 0
    assert silent(ran, tmp_path)
    config = json.dumps({"crds_server_url": server, "store": "results"})
    words = ["report", "results", "b", "--html=page.html", "--config-json", config]
    ran = commands.hstdputils(*words)
    assert silent(ran, tmp_path)
    if ran.status == 0:
        assert "http://127.0.0.1:9" in (tmp_path / "page.html").read_text()
