"""The client for AWS Batch: adaptive retries, 50 submissions a second at most, and no submission made twice."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from hstdputils.core.errors import CredentialsProblem, ExitCode, UserError
from hstdputils.core.text import one_line
from hstdputils.store.credentials import bad_address, credentials_problem, load_credentials

SUBMISSIONS_A_SECOND = 49.0
"""AWS Batch takes 50 SubmitJob calls a second of an account."""


TRIES = 12
"""How often the client asks, where Batch is busy."""


class NoBatchAccess(UserError, CredentialsProblem):
    """The credentials with which AWS Batch is reached cannot be used."""


class RateLimit:
    """Lets calls go at an even pace, whatever thread makes them."""

    def __init__(self, a_second: float) -> None:
        self._step = 1 / a_second
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self, **_: Any) -> None:
        """Wait for the next turn; one that was missed is not made up for."""
        with self._lock:
            time.sleep(max(0.0, self._next - time.monotonic()))
            self._next = time.monotonic() + self._step


SECONDS_OF_A_CHECK = 4.0
"""How long one request of a check of the set-up may take."""


def client_config(*, is_check: bool = False) -> Any:
    """Return how requests are made: with patience, or, of a check, once and within seconds."""
    from botocore.config import Config

    if is_check:
        seconds = SECONDS_OF_A_CHECK
        return Config(connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 1})
    return Config(retries={"mode": "adaptive", "total_max_attempts": TRIES}, max_pool_connections=32)


def batch_client(*, is_check: bool = False) -> Any:
    """Return a client; endpoint, region and credentials come from boto3's own variables and files.

    Its ``SubmitJob`` is asked again only where Batch says that it is too busy: the service knows no token that makes
    two submissions one. Where it is open whether Batch has taken a submission, the call ends with an error, and
    `is_ambiguous` recognises such errors.

    Raises
    ------
    UserError
        There is no region, or ``AWS_ENDPOINT_URL`` is not a URL.
    """
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        load_credentials()
        client = boto3.client("batch", config=client_config(is_check=is_check))
        urlsplit(client.meta.endpoint_url).port  # noqa: B018  what boto3 would trip over with its first request
    except BotoCoreError as error:
        if problem := credentials_problem(error):
            raise NoBatchAccess(f"AWS Batch cannot be used: {problem}") from error
        raise UserError(f"AWS Batch cannot be used: {one_line(error)} (AWS_DEFAULT_REGION)") from error
    except ValueError as error:
        raise bad_address(error, "AWS Batch") from error
    events = client.meta.events
    events.register("before-send.batch.SubmitJob", RateLimit(SUBMISSIONS_A_SECOND).wait)
    events.register_first("needs-retry.batch.SubmitJob", _refuse_retry)
    return client


def _refuse_retry(response: Any, caught_exception: Exception | None, **_: Any) -> bool | None:
    """Return false, which ends the retries, where the request may have been taken; none leaves it to botocore."""
    if caught_exception is not None:
        return False
    return False if response is not None and response[0].status_code >= 500 else None


def is_ambiguous(error: Exception) -> bool:
    """Tell whether an error of a submission leaves open whether Batch has taken it."""
    from botocore.exceptions import ClientError, HTTPClientError
    from botocore.parsers import ResponseParserError

    if isinstance(error, ClientError):
        return bool(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500)
    return isinstance(error, (HTTPClientError, ResponseParserError)) and not was_never_sent(error)


def was_never_sent(error: Exception) -> bool:
    """Tell whether a request failed before anything of it was sent."""
    from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError

    return isinstance(error, (EndpointConnectionError, ConnectTimeoutError))


@contextlib.contextmanager
def batch_errors(doing: str) -> Iterator[None]:
    """Turn errors of boto3 into a `UserError` of one line."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        if problem := credentials_problem(error):
            raise NoBatchAccess(f"{doing}: {problem}", ExitCode.GENERAL) from error
        code = error.response.get("Error", {}).get("Code", "")
        message = one_line(error.response.get("Error", {}).get("Message") or "no reason given")
        fix = {
            "AccessDeniedException": ": check the credentials and their policy",
            "TooManyRequestsException": ": others use the account's share: try again later",
        }.get(code, "")
        raise UserError(f"{doing}: AWS Batch answered {code} ({message}){fix}", ExitCode.GENERAL) from error
    except BotoCoreError as error:
        if problem := credentials_problem(error):
            raise NoBatchAccess(f"{doing}: {problem}") from error
        raise UserError(
            f"{doing}: {one_line(error)}: check the network and AWS_ENDPOINT_URL", ExitCode.GENERAL
        ) from error
