"""The S3 servers that tests run on, and the option of pytest that says on which."""

import pytest

SERVERS = ("moto-http", "moto-https", "radosgw-http", "radosgw-https")
"""Their names: the server, and how it is reached."""

DEFAULT = SERVERS[0]

OPTION = "--s3-server"

ON_EACH = pytest.mark.parametrize(
    "s3", [DEFAULT, *(pytest.param(name, marks=pytest.mark.slow) for name in SERVERS[1:])], indirect=True
)
"""Has a test run on each of them, whatever the option says."""

OVER_HTTP = pytest.mark.parametrize(
    "s3", [DEFAULT, pytest.param("radosgw-http", marks=pytest.mark.slow)], indirect=True
)
"""Has a test run on each that is reached without TLS."""


def add_option(parser: pytest.Parser) -> None:
    """Add the option."""
    what = f"run the tests that use S3, and these alone, on this server; all tests, on {DEFAULT}, without it"
    parser.addoption(OPTION, choices=SERVERS, help=what)


def chosen(config: pytest.Config) -> str:
    """Return the server that the fixture `s3` gives to tests which name none."""
    return config.getoption(OPTION) or DEFAULT


def keep_chosen(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what runs on the server that the option names, where it names one, and tell so in the tests' marks."""
    if not config.getoption(OPTION):
        return
    server = chosen(config)
    kept, others = [], []
    for item in items:
        named = getattr(getattr(item, "callspec", None), "params", {}).get("s3", server)
        is_wanted = "s3" in getattr(item, "fixturenames", ()) and named == server
        (kept if is_wanted else others).append(item)
    for item in kept:
        item.user_properties = [
            (kind, f"S3 ({server})" if str(name).startswith("S3 (") else name) for kind, name in item.user_properties
        ]
    items[:] = kept
    config.hook.pytest_deselected(items=others)
