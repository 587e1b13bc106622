"""What everything that uses S3 shares: the client, the form of a bucket's URI, and errors in one line."""

import contextlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from hstdputils.core.errors import StoreError, UserError
from hstdputils.core.text import one_line
from hstdputils.store.base import NoAccess, NotDone
from hstdputils.store.credentials import bad_address, credentials_problem, load_credentials

_CHECKSUMMED = {"PutObject", "UploadPart", "CreateMultipartUpload", "CompleteMultipartUpload"}
"""Requests with which a checksum is sent that only Amazon's servers are sure to take."""


def s3_client(*, unsigned: bool = False, tries: int = 5, seconds: float | None = None) -> Any:
    """Return an S3 client; endpoint, region and credentials come from boto3's own variables and files.

    Parameters
    ----------
    unsigned
        Send no credentials, as public buckets allow.
    tries
        How often boto3 asks, where the caller tries again itself.
    seconds
        Ask once, and wait no longer than this for a connection and an answer; none for boto3's own limits.

    Raises
    ------
    UserError
        ``AWS_ENDPOINT_URL`` is not a valid URL.
    """
    config = Config(
        signature_version=UNSIGNED if unsigned else "s3v4",
        retries={"mode": "standard", "total_max_attempts": tries},
        max_pool_connections=32,
    )
    if seconds is not None:
        limits = Config(connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 1})
        config = config.merge(limits)
    if not unsigned:
        load_credentials()
    try:
        client = boto3.client("s3", config=config)
        urlsplit(client.meta.endpoint_url).port  # noqa: B018  what boto3 would trip over with its first request
    except BotoCoreError:  # some of them are ValueErrors as well
        raise
    except ValueError as error:
        raise bad_address(error, "S3") from error
    return client


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and prefix (no slash at its ends) of an ``s3://`` URI."""
    parts = urlsplit(uri)
    if not parts.netloc:
        raise UserError(f"{uri!r} names no bucket: write s3://bucket or s3://bucket/prefix")
    return parts.netloc, parts.path.strip("/")


@contextlib.contextmanager
def s3_errors(uri: str, verb: str) -> Iterator[None]:
    """Turn errors of boto3 into a `StoreError` of one line."""
    try:
        yield
    except ClientError as error:
        if problem := credentials_problem(error):
            raise NoAccess(f"cannot {verb} {uri}: {problem}") from error
        code = error.response.get("Error", {}).get("Code", "")
        message = one_line(error.response.get("Error", {}).get("Message") or "no reason given")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        fix = {
            "NoSuchBucket": "there is no such bucket: create it, or correct its name",
            "404": "there is no such bucket: create it, or correct its name",
            "AccessDenied": "access is denied: check the credentials and the bucket's policy",
            "403": "access is denied: check the credentials and the bucket's policy",
            "PreconditionFailed": "the file was changed meanwhile: try again",
        }.get(code, f"S3 answered {code or status} ({message})")
        if fix.startswith("S3 answered"):
            fix += _hint(error, status)
        kind = NotDone if status == HTTPStatus.NOT_IMPLEMENTED else StoreError
        raise kind(f"cannot {verb} {uri}: {fix}") from error
    except (BotoCoreError, Boto3Error) as error:
        if problem := credentials_problem(error):
            raise NoAccess(f"cannot {verb} {uri}: {problem}") from error
        raise StoreError(f"cannot {verb} {uri}: {one_line(error)}: check the network and AWS_ENDPOINT_URL") from error


def _hint(error: ClientError, status: int) -> str:
    """Return what to try where S3 has refused a request with a code that says nothing to a user."""
    if status >= 500 and status != HTTPStatus.NOT_IMPLEMENTED:
        return ": try again later"
    if error.operation_name in _CHECKSUMMED:
        return ": some servers do not take checksums: try AWS_REQUEST_CHECKSUM_CALCULATION=when_required"
    return ""
