"""The store, and the credentials with which it is reached."""

import os

from hstdputils.batches import Pins, check_pins, read_record, record_probe
from hstdputils.checks.finding import PATIENCE_SECONDS, Finding, fail, ok, warn
from hstdputils.checks.setup import Setup
from hstdputils.checks.space import existing
from hstdputils.exit_codes import ExitCode
from hstdputils.probing import CARELESS, ONE_RUN, probe
from hstdputils.store import FolderStore, Store, is_none, open_store


def check_store(setup: Setup) -> list[Finding]:
    """Write to the store, read that back, and remove it; a bucket is asked for what not every server does."""
    uri = setup.config.store
    if is_none(uri):
        if setup.profile:
            text = "none, but the workflow keeps its markers there: set store to a folder or s3://bucket"
            return [fail("store", text, ExitCode.COMMAND_LINE)]
        return [ok("store", "none, products stay in the work folder")]
    store = open_store(uri, seconds=PATIENCE_SECONDS)
    is_new = isinstance(store, FolderStore) and not store.root.exists()
    # a folder that is not there is left for the run to make
    probed = FolderStore(existing(store.root)) if isinstance(store, FolderStore) and is_new else store
    probed.check()
    config = setup.config
    is_exclusive = isinstance(store, FolderStore) or _probe(store, config.batch)
    if config.crds_context and not config.force:
        check_pins(store, config.batch, Pins(config.crds_context, {}))
    text = f"{uri}, can be {'made' if is_new else 'written'}{_endpoint(uri)}"
    if is_exclusive:
        return [ok("store", text)]
    if config.engine == "aws-batch" or config.batch_system:
        return [fail("store", f"{text}, but {CARELESS}: nothing can be submitted: use another", ExitCode.UPLOAD)]
    return [warn("store", f"{text}, but {CARELESS}: nothing can be submitted; {ONE_RUN}")]


def _probe(store: Store, batch: str) -> bool:
    """Probe a store, and record what it can do where the batch is there already."""
    found = probe(store, batch)
    if read_record(store, batch) is not None:
        record_probe(store, batch, conditional_writes=found)
    return found


def needs_credentials(setup: Setup) -> bool:
    """Tell whether the run reads or writes buckets that are not public."""
    from hstdputils.inputs.bucket import PUBLIC_BUCKETS
    from hstdputils.store.s3 import split_uri

    uris = [uri for uri in (setup.config.store, *setup.config.inputs) if uri.lower().startswith("s3://")]
    return any(split_uri(uri)[0] not in PUBLIC_BUCKETS for uri in uris)


def check_credentials(setup: Setup) -> list[Finding]:
    """Say whose credentials would be used, and never what they are."""
    return [_aws(setup), _mast(setup)]


def _aws(setup: Setup) -> Finding:
    import boto3
    from botocore.exceptions import BotoCoreError

    subject = "AWS"
    if not needs_credentials(setup):
        return ok(subject, "no credentials are needed")
    is_for_store = setup.config.store.lower().startswith("s3://")
    code = ExitCode.UPLOAD if is_for_store else ExitCode.S3_DOWNLOAD
    try:
        session = boto3.Session()
        found = session.get_credentials()
    except BotoCoreError as error:
        return fail(subject, f"{error}: set AWS_PROFILE to one that is there, or unset it", code)
    if found is None:
        text = "no credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        return fail(subject, text, code)
    if found.method == "env":
        return ok(subject, "credentials of the variable AWS_ACCESS_KEY_ID")
    return ok(subject, f"credentials of the profile {session.profile_name} ({found.method})")


def _mast(setup: Setup) -> Finding:
    if os.environ.get("MAST_API_TOKEN"):
        return ok("MAST token", "MAST_API_TOKEN is set")
    return ok("MAST token", "MAST_API_TOKEN is not set, which public data do not need")


def _endpoint(uri: str) -> str:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return f" (at {endpoint})" if endpoint and uri.lower().startswith("s3://") else ""
