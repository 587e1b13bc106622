"""S3 servers that are not Amazon's."""

from collections.abc import Iterator

import boto3
import pytest

from tests.engines.conftest import CREDENTIALS
from tests.engines.s3.servers import DEFAULT, chosen
from tests.stand_ins.s3.careless import CarelessStore
from tests.stand_ins.s3.certificates import Certificate
from tests.stand_ins.s3.tls import TlsFront


@pytest.fixture
def careless(request: pytest.FixtureRequest, moto_server: str) -> Iterator[CarelessStore]:
    """Return a proxy in front of moto, over which a test says what it does not do."""
    if chosen(request.config) != DEFAULT:
        pytest.skip(f"the careless store changes what has been signed, which {DEFAULT} does not check")
    with CarelessStore(moto_server) as running:
        yield running


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch, careless: CarelessStore) -> dict[str, str]:
    """Have this process reach the careless store, and return the variables with which commands do."""
    variables = {**CREDENTIALS, "AWS_ENDPOINT_URL": careless.endpoint, "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it has read files that a test may name anew
    return variables


@pytest.fixture
def reached_over_tls(
    monkeypatch: pytest.MonkeyPatch, careless: CarelessStore, reached: dict[str, str], certificate: Certificate
) -> Iterator[dict[str, str]]:
    """Have this process reach the careless store over TLS, and return the variables with which commands do."""
    with TlsFront(careless.endpoint, certificate) as front:
        more = {"AWS_ENDPOINT_URL": front.endpoint, "AWS_CA_BUNDLE": str(certificate.bundle)}
        for name, value in more.items():
            monkeypatch.setenv(name, value)
        yield {**reached, **more}
