"""Users and passwords in addresses are never shown, written down or raised."""

import json

import pytest

from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.findings import warn
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.text import without_passwords
from hstdputils.records.log import AttemptLog
from hstdputils.references.server import ReferenceServerError
from hstdputils.report.command import _without_config


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:pass@host:9000/x", "http://host:9000/x"),
        ("at http://me@host, and s3://k:s@bucket/key", "at http://host, and s3://bucket/key"),
        ("'https://me:p@ss@host'", "'https://host'"),
        ('("http://me:pa/s?s#w@host:9/b")', '("http://host:9/b")'),
        ("https://me:12345a/b@host/", "https://host/"),
        ("https://host:9000/path?mail=a@b", "https://host:9000/path?mail=a@b"),
        ("https://host/a@b and http://h:80/c@d", "https://host/a@b and http://h:80/c@d"),
        ("s3://bucket/a:b@c", "s3://bucket/a:b@c"),
        ("me@host has no address", "me@host has no address"),
        ("postgres+x://u:p@[::1]:5/db http://u:p@h", "postgres+x://[::1]:5/db http://h"),
    ],
)
def test_what_is_left_of_an_address(text, shown):
    assert without_passwords(text) == shown


def test_errors_findings_and_logs_go_through_it(tmp_path):
    text = "cannot reach http://me:hush@host/x"
    with AttemptLog(tmp_path / "log") as log:
        log.write("process", text)
        log.end("process", [text])
    failed = AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.UPLOAD, text)
    said = [
        *(str(UserError(text)), str(StoreError(text)), str(ReferenceServerError(text)), str(failed), failed.reason),
        warn("store", text).text,
        *(tmp_path / "log").read_text().splitlines(),
    ]
    assert len(said) == 8
    assert all("hush" not in line and line.endswith("cannot reach http://host/x") for line in said)


@pytest.mark.parametrize("given", [["--config-json=CONFIG"], ["--config-json", "CONFIG"]])
def test_the_command_on_a_page_has_no_configuration(given):
    config = json.dumps({"crds_server_url": "http://me:hush@host"})
    words = [word.replace("CONFIG", config) for word in given]
    assert _without_config([*words, "--csv", "x.csv", "http://u:p@h"]) == ["--csv", "x.csv", "http://h"]
