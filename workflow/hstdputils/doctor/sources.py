"""Sources of inputs: folders, buckets and MAST."""

import os
import re
import warnings
from functools import partial

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.findings import Finding, Status, fail, ok, warn
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.text import one_line
from hstdputils.doctor.findings import DEADLINE_SECONDS, PATIENCE_SECONDS, of_error, side_by_side
from hstdputils.doctor.setup import Setup
from hstdputils.inputs.mast import URI
from hstdputils.inputs.registry import open_sources


def check_sources(setup: Setup) -> list[Finding]:
    """Reach every source. Where one before it is reached, a remote source that is not stops no run."""
    uris = setup.config.inputs
    answers = side_by_side([partial(_reach, uri) for uri in uris], DEADLINE_SECONDS - 2)
    findings: list[Finding] = []
    for uri, answer in zip(uris, answers, strict=True):
        if not isinstance(answer, BaseException):
            findings.append(ok("inputs", answer))
            continue
        finding = of_error("inputs", answer, _exit_code(uri))
        if isinstance(answer, TimeoutError):
            finding = fail("inputs", f"{uri} does not answer: check the network", _exit_code(uri))
        if not isinstance(answer, UserError) and any(found.status is Status.OK for found in findings):
            finding = warn("inputs", finding.text)
        findings.append(finding)
    return findings


def _exit_code(uri: str) -> ExitCode:
    if _is_bucket(uri):
        return ExitCode.S3_DOWNLOAD
    return ExitCode.MAST if uri.startswith(URI) else ExitCode.INPUTS


def _is_bucket(uri: str) -> bool:
    return uri.lower().startswith("s3://")


def _reach(uri: str) -> str:
    """Return what is found of a source, or raise why it cannot be reached."""
    (source,) = open_sources([uri])
    if _is_bucket(uri):
        return _reach_bucket(uri)
    return _reach_mast() if source.uri == URI else f"{uri}, can be read"


def _reach_bucket(uri: str) -> str:
    """List one object, as datasets' folders will be listed."""
    from hstdputils.core.errors import StoreError
    from hstdputils.inputs.s3 import PUBLIC_BUCKETS
    from hstdputils.store.s3_client import s3_client, s3_errors, split_uri

    bucket, prefix = split_uri(uri)
    is_public = bucket in PUBLIC_BUCKETS
    try:
        with s3_errors(uri, "list"):
            client = s3_client(unsigned=is_public, seconds=PATIENCE_SECONDS)
            answer = client.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/" if prefix else "", MaxKeys=1)
    except StoreError as error:
        # the address without what is asked there, which is long
        raise _unreachable(ExitCode.S3_DOWNLOAD, re.sub(r'\?[^"\s]*"', '"', str(error))) from error
    if not answer.get("KeyCount"):
        raise UserError(f"there is nothing in {uri}: correct inputs", ExitCode.S3_DOWNLOAD)
    return f"{uri}, can be listed{' without credentials' if is_public else ''}"


def _unreachable(exit_code: ExitCode, text: str) -> AttemptFailed:
    return AttemptFailed(Outcome.STORAGE_ERROR, exit_code, text)


def _reach_mast() -> str:
    """Ask MAST for a file that it does not have, and show it the user's token where there is one."""
    import requests

    with warnings.catch_warnings(action="ignore"):
        from astroquery.mast import conf

    try:
        parameters = {"uri": "mast:HST/product/hstdputils_doctor.fits"}
        address = f"{conf.server}/api/v0.1/Download/file"
        status = requests.head(address, params=parameters, timeout=PATIENCE_SECONDS).status_code
    except requests.RequestException as error:
        reason = re.split(r": |\] ", one_line(error))[-1].strip("'\")(") or type(error).__name__
        text = f"MAST ({conf.server}) does not answer ({reason}): check the network"
        raise _unreachable(ExitCode.MAST, text) from error
    if status >= 500:
        raise _unreachable(ExitCode.MAST, f"MAST ({conf.server}) answers {status}: try again later")
    if not os.environ.get("MAST_API_TOKEN"):
        return f"{URI} ({conf.server}) answers"
    from hstdputils.inputs.mast_session import MastSession

    MastSession().log_in()
    return f"{URI} ({conf.server}) answers, and knows the token"
