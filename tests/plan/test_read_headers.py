"""Plans rest on headers where they can be read, and say so in one line, soon, where they cannot."""

import json
import socket
from time import monotonic

import pytest

from hstdputils.core.errors import UserError
from hstdputils.plan import command

NAME = "ldem01acq"


@pytest.fixture
def no_answer(monkeypatch):
    """Let S3 be a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        yield


def plan(capsys, *options):
    command.main(["none", "b", NAME, *options])
    printed = capsys.readouterr()
    return json.loads(printed.out)["evidence"], [line for line in printed.err.splitlines() if "headers" in line]


def test_headers_of_a_folder_are_read_and_s3_is_not_asked_for_what_is_there(made_up, capsys):
    sources = [f"--inputs={made_up.inputs}", "--inputs=s3://stpubdata/hst/public", "--inputs=mast:"]
    assert plan(capsys, *sources) == ("features", [])


def test_without_a_network_one_line_says_so_and_names_are_enough(capsys):
    evidence, lines = plan(capsys)
    assert evidence == "instrument"
    assert len(lines) == 1
    assert lines[0].startswith("note: no headers are read: cannot list s3://stpubdata/hst/public: ")
    assert lines[0].endswith("; what no table has is planned from its name alone")


def test_a_network_that_never_answers_is_not_waited_for(no_answer, capsys):
    start = monotonic()
    evidence, lines = plan(capsys)
    assert monotonic() - start < 10
    assert (evidence, len(lines)) == ("instrument", 1)


def test_a_name_that_is_never_found_is_not_waited_for(monkeypatch, capsys):
    """A name server that does not answer holds the system's own look-up, to which boto3 gives no limit."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: __import__("time").sleep(30))
    monkeypatch.setattr("hstdputils.plan.evidence.REACH_SECONDS", 1.0)
    start = monotonic()
    evidence, lines = plan(capsys)
    assert monotonic() - start < 5
    assert evidence == "instrument"
    assert "s3://stpubdata/hst/public: no answer within 1 s: check the network" in lines[0]


@pytest.mark.parametrize("mode", ["never", "folders"])
def test_s3_is_asked_only_where_that_is_wanted(mode, capsys):
    assert plan(capsys, f"--read-headers={mode}") == ("instrument", [])


def test_never_leaves_folders_alone_too(made_up, capsys):
    assert plan(capsys, f"--inputs={made_up.inputs}", "--read-headers=never")[0] == "instrument"
    assert plan(capsys, f"--inputs={made_up.inputs}", "--read-headers=folders")[0] == "features"


def test_always_makes_no_plan_without(capsys):
    with pytest.raises(UserError, match=r"no headers are read: cannot list s3://stpubdata") as error:
        plan(capsys, "--read-headers=always")
    assert error.value.exit_code == 26
    assert capsys.readouterr().out == ""
