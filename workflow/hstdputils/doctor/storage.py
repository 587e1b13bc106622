"""Checks the sources of inputs, the store, and the credentials for both."""

import contextlib
import os
from functools import partial
from typing import Any

from hstdputils.core.config import LOCAL
from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.findings import Finding, Status, fail, ok, warn
from hstdputils.core.outcomes import AttemptFailed
from hstdputils.core.text import one_line
from hstdputils.doctor.checked_setup import CheckedSetup
from hstdputils.doctor.checks import DEADLINE_SECONDS, REQUEST_SECONDS, finding_of_error, run_in_parallel
from hstdputils.doctor.space import nearest_existing
from hstdputils.engines.base import Engine
from hstdputils.engines.registry import engine_class
from hstdputils.inputs.registry import open_sources, source_class
from hstdputils.records.batch import Batch, Pins
from hstdputils.store.credentials import bad_address, credentials_problem, load_credentials
from hstdputils.store.folder import FolderStore
from hstdputils.store.probe import NO_CONDITIONAL_WRITES, RUN_ONE_AT_A_TIME, probe
from hstdputils.store.registry import is_none, open_store


def check_sources(setup: CheckedSetup) -> list[Finding]:
    """Reach every source. One that cannot be reached is no failure where an earlier source answers."""
    uris = setup.config.inputs
    answers = run_in_parallel([partial(_reach, uri) for uri in uris], DEADLINE_SECONDS - 2)
    findings: list[Finding] = []
    for uri, answer in zip(uris, answers, strict=True):
        if not isinstance(answer, BaseException):
            findings.append(ok("inputs", answer))
            continue
        finding = finding_of_error("inputs", answer, _exit_code(uri))
        if isinstance(answer, TimeoutError):
            finding = fail("inputs", f"{uri} does not answer: check the network", _exit_code(uri))
        if not isinstance(answer, UserError) and any(found.status is Status.OK for found in findings):
            finding = warn("inputs", finding.text)
        findings.append(finding)
    return findings


def check_local_sources(setup: CheckedSetup) -> list[Finding]:
    """Check that the sources on this machine's file systems can be read; nothing else is asked."""
    findings = []
    for uri in setup.config.inputs:
        try:
            if source_class(uri).is_local:
                open_sources([uri])
        except (UserError, AttemptFailed) as error:
            findings.append(finding_of_error("inputs", error))
    return findings


def _exit_code(uri: str) -> ExitCode:
    """Return the exit code of a run that lacks the source."""
    try:
        return source_class(uri).exit_code
    except UserError:
        return ExitCode.INPUTS


def _reach(uri: str) -> str:
    """Return what answers at a source, or raise why it cannot be reached."""
    (source,) = open_sources([uri])
    return source.reach(REQUEST_SECONDS)


def check_store(setup: CheckedSetup) -> list[Finding]:
    """Write to the store, read back and remove; a bucket is also probed for conditional writes."""
    uri = setup.config.store
    if is_none(uri):
        if setup.profile:
            text = "none, but the workflow needs a store for its markers: set store to a folder or s3://bucket"
            return [fail("store", text, ExitCode.COMMAND_LINE)]
        return [ok("store", "none, products stay in the work folder")]
    store = open_store(uri, seconds=REQUEST_SECONDS)
    is_new = isinstance(store, FolderStore) and not store.root.exists()
    # a folder that is not there is left for the run to make
    probed = FolderStore(nearest_existing(store.root)) if isinstance(store, FolderStore) and is_new else store
    probed.check()
    config = setup.config
    batch = Batch(store, config.batch)
    is_exclusive = isinstance(store, FolderStore) or _probe(batch)
    if config.crds.context and not config.force:
        batch.check_pins(Pins(config.crds.context, {}))
    text = f"{uri}, can be {'made' if is_new else 'written'}{_endpoint(uri)}"
    if is_exclusive:
        return [ok("store", text)]
    if config.engine != "local":
        return [
            fail(
                "store",
                f"{text}, but {NO_CONDITIONAL_WRITES}: nothing can be submitted: use another",
                ExitCode.UPLOAD,
            )
        ]
    return [warn("store", f"{text}, but {NO_CONDITIONAL_WRITES}: nothing can be submitted; {RUN_ONE_AT_A_TIME}")]


def _probe(batch: Batch) -> bool:
    """Probe the store, and record the result where the batch exists already."""
    found = probe(batch.store, batch.name)
    if batch.record() is not None:
        batch.record_probe(conditional_writes=found)
    return found


def needs_credentials(setup: CheckedSetup) -> bool:
    """Tell whether the run reads or writes buckets that are not public."""
    if setup.config.store.lower().startswith("s3://"):
        return True
    for uri in setup.config.inputs:
        with contextlib.suppress(UserError, StoreError, AttemptFailed):  # what is wrong with a source is said of it
            if open_sources([uri])[0].needs_credentials:
                return True
    return False


def check_credentials(setup: CheckedSetup) -> list[Finding]:
    """Report which credentials would be used, never their values; AWS is asked whether they are valid."""
    found = _aws(setup)
    kind = engine_of(setup)
    asked = [_identity()] if kind and kind.is_priced and found.status is Status.OK else []
    return [found, *asked, _mast(setup)]


def engine_of(setup: CheckedSetup) -> type[Engine[Any]] | None:
    """Return the class of the engine where datasets run; none where that is this machine."""
    return None if setup.config.engine == LOCAL else engine_class(setup.config.engine)


def check_engine(setup: CheckedSetup) -> list[Finding]:
    """Check whether jobs would start on the engine."""
    if (kind := engine_of(setup)) is None:
        return []
    if not kind.reaches(setup.config.store):
        text = f"{kind.title} cannot reach the store {setup.config.store!r}: set store to s3://bucket"
        return [fail(kind.title, text, ExitCode.COMMAND_LINE)]
    stored = Batch(open_store(setup.config.store, seconds=REQUEST_SECONDS), setup.config.batch)
    return kind(stored, kind.settings_of_config(setup.config)).check()


def _aws(setup: CheckedSetup) -> Finding:
    from botocore.exceptions import BotoCoreError

    subject = "AWS"
    if not needs_credentials(setup):
        return ok(subject, "no credentials are needed")
    is_for_store = setup.config.store.lower().startswith("s3://")
    code = ExitCode.UPLOAD if is_for_store else ExitCode.S3_DOWNLOAD
    try:
        session = load_credentials()
        found = session.get_credentials()
        if found is not None:
            found.get_frozen_credentials()  # some come only when they are needed
    except BotoCoreError as error:
        return fail(subject, credentials_problem(error) or f"{one_line(error)}: look at the profile", code)
    if found is None:
        text = "no credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        return fail(subject, text, code)
    if found.method == "env":
        return ok(subject, "credentials of the variable AWS_ACCESS_KEY_ID")
    return ok(subject, f"credentials of the profile {session.profile_name} ({found.method})")


def _identity() -> Finding:
    """Ask STS for the account with which jobs are submitted."""
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    hurried = Config(connect_timeout=REQUEST_SECONDS, read_timeout=REQUEST_SECONDS, retries={"total_max_attempts": 1})
    try:
        arn = load_credentials().client("sts", config=hurried).get_caller_identity()["Arn"]
    except (BotoCoreError, ClientError, ValueError) as error:
        if problem := credentials_problem(error):
            return fail("AWS account", problem, ExitCode.COMMAND_LINE)
        if isinstance(error, ValueError) and not isinstance(error, BotoCoreError):
            return fail("AWS account", str(bad_address(error, "STS")), ExitCode.COMMAND_LINE)
        # S3 and AWS Batch may be reached by ways that STS is not
        return warn("AWS account", f"STS does not say whose the credentials are: {one_line(error)}")
    return ok("AWS account", f"STS knows the credentials, as {arn}")


def _mast(setup: CheckedSetup) -> Finding:
    if os.environ.get("MAST_API_TOKEN"):
        return ok("MAST token", "MAST_API_TOKEN is set")
    return ok("MAST token", "MAST_API_TOKEN is not set, which public data do not need")


def _endpoint(uri: str) -> str:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return f" (at {endpoint})" if endpoint and uri.lower().startswith("s3://") else ""
