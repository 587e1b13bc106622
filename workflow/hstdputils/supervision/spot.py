"""Whether AWS takes this spot instance back, as its metadata service says."""

import contextlib
import json
import os
import urllib.request

ENDPOINT = "http://169.254.169.254"


SECONDS = 1.0
"""How long one answer of the service may take; it is on the instance itself."""


_TOKEN_SECONDS = "60"


def spot_notice() -> str | None:
    """Return when and how AWS takes this instance back, for a person; none where it does not.

    Only jobs of AWS Batch ask (``AWS_BATCH_JOB_ID``), by version 2 of the service
    (``AWS_EC2_METADATA_SERVICE_ENDPOINT``, ``AWS_EC2_METADATA_DISABLED``).
    """
    is_disabled = os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
    if not os.environ.get("AWS_BATCH_JOB_ID") or is_disabled:
        return None
    endpoint = (os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or ENDPOINT).rstrip("/")
    with contextlib.suppress(OSError, ValueError, AttributeError):
        token = _ask(f"{endpoint}/latest/api/token", "PUT", "X-aws-ec2-metadata-token-ttl-seconds", _TOKEN_SECONDS)
        answer = _ask(f"{endpoint}/latest/meta-data/spot/instance-action", "GET", "X-aws-ec2-metadata-token", token)
        notice = json.loads(answer)
        return f"{notice.get('action', 'taken back')} at {notice.get('time', 'once')}"
    return None


def _ask(url: str, method: str, name: str, value: str) -> str:
    """Return what the service answers; it is never asked through a proxy.

    Raises
    ------
    OSError
        It does not answer, or has no such page: there is no notice.
    """
    request = urllib.request.Request(url, method=method, headers={name: value})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=SECONDS) as answer:
        text: str = answer.read().decode()
    return text
