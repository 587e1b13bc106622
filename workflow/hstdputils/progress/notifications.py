"""Notifications of how datasets and batches ended, to SNS topics and EventBridge buses; off where none is named."""

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hstdputils.core.errors import UserError
from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import one_line, without_passwords
from hstdputils.records.marker import Marker
from hstdputils.store.credentials import credentials_problem
from hstdputils.store.layout import marker_key

DATASET_ENDED, BATCH_ENDED = "Dataset Ended", "Batch Ended"


LONGEST_REASON = 2000
"""Characters of a reason that are sent; the marker has the rest."""


@dataclass(frozen=True, slots=True)
class Notification:
    """What is sent about one dataset or batch."""

    kind: str
    """What has ended: `DATASET_ENDED` or `BATCH_ENDED`."""
    batch: str
    """The batch."""
    outcome: str
    """The outcome, by which subscribers choose."""
    detail: Mapping[str, Any]
    """All that is said, as JSON."""

    @property
    def text(self) -> str:
        """Return the detail as JSON."""
        return json.dumps(self.detail)


def of_marker(store: str, marker: Marker) -> Notification:
    """Return the notification of one attempt's end.

    Parameters
    ----------
    store
        URI of the store with the marker.
    marker
        The marker.
    """
    reason = marker.reason if len(marker.reason) <= LONGEST_REASON else f"{marker.reason[:LONGEST_REASON]}…"
    detail = {
        "kind": DATASET_ENDED,
        "store": store,
        "batch": marker.batch,
        "ipppssoot": marker.ipppssoot,
        "outcome": str(marker.outcome),
        "exit_code": marker.exit_code,
        "attempt": marker.attempt,
        "reason": reason,
        "marker": marker_key(marker.batch, marker.ipppssoot, succeeded=marker.succeeded),
        "end": marker.end,
    }
    return Notification(DATASET_ENDED, marker.batch, str(marker.outcome), detail)


def of_batch(store: str, batch: str, summary: Mapping[str, Any]) -> Notification:
    """Return the notification of a whole batch's end.

    Parameters
    ----------
    store
        URI of the store.
    batch
        The batch.
    summary
        Number of datasets by outcome; and whatever else is to be said, as JSON allows it.
    """
    failed = any(value for name, value in summary.items() if name != Outcome.SUCCEEDED and type(value) is int)
    outcome = "failed" if failed else str(Outcome.SUCCEEDED)
    detail = {"kind": BATCH_ENDED, "store": store, "batch": batch, "outcome": outcome, "counts": dict(summary)}
    return Notification(BATCH_ENDED, batch, outcome, detail)


SOURCE = "hstdputils"
"""The source that events of EventBridge name."""


A_CALL = 10
"""Notifications that SNS and EventBridge take in one call."""


MOST_BYTES = 250_000
"""Bytes of one call: 256 KiB are allowed, what is beside the text included."""


_PATIENCE_SECONDS = 10


_TRIES = 3


_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")


_BUS = re.compile(r"arn:aws[a-z-]*:events:(?P<region>[a-z0-9-]+):\d{12}:event-bus/[A-Za-z0-9._/-]{1,256}")


_BUS_NAME = re.compile(r"[A-Za-z0-9._-][A-Za-z0-9._/-]{0,255}")


class Notifier:
    """Sends notifications to topics and buses; what cannot be sent is said in one line, and never raised.

    Parameters
    ----------
    targets
        ARNs of SNS topics, and names or ARNs of EventBridge buses; none to send nothing.
    warn
        Takes the line about what could not be sent.

    Raises
    ------
    UserError
        A target is neither.
    """

    def __init__(self, targets: Sequence[str], warn: Callable[[str], None] | None = None) -> None:
        self._targets = [_target(text) for text in dict.fromkeys(targets)]
        self._warn = warn or _print

    @property
    def has_targets(self) -> bool:
        """Tell whether anything is sent."""
        return bool(self._targets)

    def send(self, notifications: Iterable[Notification]) -> int:
        """Send notifications to all targets, several a call, and return how many have reached every one of them.

        Where a target refuses a whole call, what would follow is not tried.
        """
        items = list(notifications) if self._targets else []
        reached = [self._send(target, items) for target in self._targets if items]
        return min(reached, default=0)

    def _send(self, target: "_Target", items: Sequence[Notification]) -> int:
        sent, reason = 0, ""
        try:
            for chunk in _chunks(items):
                left, refused = target.send(chunk)
                if left:
                    left, refused = target.send(left)
                sent += len(chunk) - len(left)
                reason = refused or reason
        except Exception as error:  # a notification is never worth a batch
            reason = credentials_problem(error) or one_line(error) or type(error).__name__
        if reason:
            reason = without_passwords(reason)
            self._warn(
                f"warning: {len(items) - sent} of {len(items)} notifications not sent to {target.name}: {reason}"
            )
        return sent


class _Target:
    """An SNS topic or an EventBridge bus."""

    service = ""

    def __init__(self, name: str, region: str | None) -> None:
        self.name, self._region = name, region

    @cached_property
    def client(self) -> Any:
        import boto3
        from botocore.config import Config

        config = Config(
            connect_timeout=_PATIENCE_SECONDS,
            read_timeout=_PATIENCE_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _TRIES},
        )
        return boto3.client(self.service, region_name=self._region, config=config)

    def send(self, chunk: Sequence[Notification]) -> tuple[list[Notification], str]:
        """Send a few notifications; return those that were refused, and why the last one was."""
        raise NotImplementedError


class _Topic(_Target):
    service = "sns"

    def send(self, chunk: Sequence[Notification]) -> tuple[list[Notification], str]:
        """See `_Target.send`."""
        entries = [self._entry(str(index), item) for index, item in enumerate(chunk)]
        failed = self.client.publish_batch(TopicArn=self.name, PublishBatchRequestEntries=entries).get("Failed", [])
        reason = f"{failed[-1].get('Code')}: {failed[-1].get('Message', '')}" if failed else ""
        return [chunk[int(item["Id"])] for item in failed], one_line(reason)

    def _entry(self, name: str, item: Notification) -> dict[str, Any]:
        attributes = {"kind": item.kind, "batch": item.batch, "outcome": item.outcome}
        entry: dict[str, Any] = {
            "Id": name,
            "Subject": f"{item.batch[:60]}: {item.detail.get('ipppssoot', 'batch')} {item.outcome}",
            "Message": item.text,
            "MessageAttributes": {
                key: {"DataType": "String", "StringValue": value} for key, value in attributes.items() if value
            },
        }
        if self.name.endswith(".fifo"):
            entry |= {
                "MessageGroupId": item.batch,
                "MessageDeduplicationId": hashlib.sha256(item.text.encode()).hexdigest(),
            }
        return entry


class _Bus(_Target):
    service = "events"

    def send(self, chunk: Sequence[Notification]) -> tuple[list[Notification], str]:
        """See `_Target.send`."""
        entries = [
            {"EventBusName": self.name, "Source": SOURCE, "DetailType": item.kind, "Detail": item.text}
            for item in chunk
        ]
        answers = self.client.put_events(Entries=entries)["Entries"]
        failed = [(item, answer) for item, answer in zip(chunk, answers, strict=True) if answer.get("ErrorCode")]
        reason = f"{failed[-1][1]['ErrorCode']}: {failed[-1][1].get('ErrorMessage', '')}" if failed else ""
        return [item for item, _ in failed], one_line(reason)


def _target(text: str) -> _Target:
    if topic := _TOPIC.fullmatch(text):
        return _Topic(text, topic["region"])
    if bus := _BUS.fullmatch(text):
        return _Bus(text, bus["region"])
    if _BUS_NAME.fullmatch(text):
        return _Bus(text, None)
    raise UserError(
        f"{text!r} is not a target of notifications: give the ARN of an SNS topic, or the name or ARN of an "
        "EventBridge bus"
    )


def _chunks(items: Sequence[Notification]) -> Iterator[list[Notification]]:
    """Yield notifications, as many at a time as one call takes."""
    chunk: list[Notification] = []
    size = 0
    for item in items:
        more = len(item.text.encode()) + len(item.batch.encode()) + 500
        if chunk and (len(chunk) == A_CALL or size + more > MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += more
    if chunk:
        yield chunk


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
