"""The trigger: an id list put at ``messages/submit/<name>`` in the store's bucket starts the batch ``<name>``.

`handler` runs on AWS Lambda, for events of S3 or EventBridge, which come at least once and in any order. An event
says no more than that there may be a message; what is there is taken, planned, submitted, and then removed, so that
further events find nothing. What became of it is one line at ``messages/submitted/<name>`` or
``messages/failed/<name>``; a message that failed stays where it is, and a better list in its place is taken again.

Settings, all of them optional, are environment variables:

================================  ====================================================================================
``HSTDP_TRIGGER_ENGINE``          the engine (``aws-batch``), whose settings are the next five and the last
``HSTDP_TRIGGER_QUEUE``           the job queue (that of the batch's latest jobs, or ``hstdp``)
``HSTDP_TRIGGER_JOB_DEFINITION``  the job definition that the batch's own is made from (``hstdp``)
``HSTDP_TRIGGER_IMAGE``           the container image (the job definition's)
``HSTDP_TRIGGER_ARGUMENTS``       further arguments for ``hstdp-process`` (those of the batch's latest jobs, if any)
``HSTDP_TRIGGER_SKIP_BAD``        ``yes``: submit the good ids of a list that has bad ones (``no``: submit nothing)
``HSTDP_TRIGGER_INPUTS``          sources whose raw headers sizes rest on, with blanks between (none: names alone)
``HSTDP_TRIGGER_PURCHASE``        ``spot`` or ``on_demand``, for the expected costs (``on_demand``)
``HSTDP_TRIGGER_REGION``          the region whose prices count (``us-east-1``)
``HSTDP_TRIGGER_SETTLE_SECONDS``  how long a new job may be missing in Batch's lists
================================  ====================================================================================
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.text import iso_time
from hstdputils.engines.base import Engine
from hstdputils.inputs.lists import without_members
from hstdputils.records.batch import Batch, check_batch_name
from hstdputils.store.lease import Busy
from hstdputils.store.s3 import S3Store
from hstdputils.store.s3_client import s3_client, s3_errors
from hstdputils.trigger.environment import TriggerSettings, trigger_settings
from hstdputils.trigger.planning import MOST_BYTES, plan_of, problems_text, read_list

SUBMIT = "messages/submit/"
"""Where messages are put, in the store's bucket."""

_TAKEN = "there is no message: it was handled before"


@dataclass(frozen=True, slots=True)
class Message:
    """An object below ``messages/submit/``."""

    bucket: str
    """Its bucket."""
    name: str
    """What follows in its key: the name of a batch."""

    @property
    def key(self) -> str:
        """Return its key."""
        return f"{SUBMIT}{self.name}"

    def moved(self, folder: str) -> str:
        """Return the key of its answer, such as ``messages/submitted/<name>``."""
        return f"messages/{folder}/{self.name}"


def handler(event: Any, context: Any = None) -> dict[str, str]:
    """Take the messages that an event speaks of.

    Parameters
    ----------
    event
        The event.
    context
        What Lambda says of itself; not used.

    Returns
    -------
    lines
        What became of each message, by name.

    Raises
    ------
    UserError, StoreError
        Something failed that may go well later, so that Lambda should send the event again: another process is at
        work on the batch, or AWS does not answer. What cannot go well later is written to ``messages/failed/<name>``
        alone.
    """
    settings = trigger_settings(os.environ)
    lines: dict[str, str] = {}
    failures: list[Exception] = []
    for message in messages_of(event):
        try:
            lines[message.name] = take(message, settings)
            _tell(f"{message.name}: {lines[message.name]}")
        except (UserError, StoreError) as error:
            _tell(f"{message.name}: {error}; to be tried again")
            failures.append(error)
    if failures:
        raise failures[0] from None
    return lines


def take(message: Message, settings: TriggerSettings) -> str:
    """Take one message, and return the line that says what became of it; see `handler`."""
    box = _Box(message)
    try:
        if (found := box.read()) is None:
            return _TAKEN
        if check_batch_name(message.name) == "messages":
            raise UserError("a batch cannot have the name of the folder of messages: choose another name")
        address = box.store.address(message.key)
        read_list(found[0], address, skip_bad=settings.skip_bad)  # a bad list begins no batch
        batch = Batch(box.store, message.name)
        batch.require_conditional_writes("nothing can be submitted", may_probe=True)
        engine = settings.engine(batch, settings.jobs, _tell)
        with engine.exclusive():
            line = ""
            while (found := box.read()) is not None:  # again, where another list was put there meanwhile
                data, version = found
                line = _submit(engine, batch, message, data, settings)
                box.answer("submitted", line)
                box.remove(version)
            return line or _TAKEN
    except Busy:
        raise
    except StoreError as error:
        box.fail(f"{error}; it will be tried again")
        raise
    except UserError as error:
        if error.exit_code is not ExitCode.COMMAND_LINE:
            box.fail(f"{error}; it will be tried again")
            raise
        box.fail(str(error))
        return str(error)


class _Box:
    """The place of one message and of its answers."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self.store = S3Store(message.bucket)
        self._client = s3_client()
        self._place = {"Bucket": message.bucket, "Key": message.key}

    def read(self) -> tuple[bytes, str] | None:
        """Return the message and its ETag; none where there is no message."""
        with s3_errors(self.store.address(self._message.key), "read"):
            try:
                answer = self._client.get_object(**self._place)
                return answer["Body"].read(MOST_BYTES + 1), answer["ETag"]
            except self._client.exceptions.NoSuchKey:
                return None

    def remove(self, version: str) -> None:
        """Remove the note of its failure, and the message, unless it has been replaced."""
        with s3_errors(self.store.address(self._message.key), "delete"):
            self._client.delete_object(Bucket=self._message.bucket, Key=self._message.moved("failed"))
            try:
                # some servers delete whatever the condition says
                if self._client.head_object(**self._place)["ETag"] == version:
                    self._client.delete_object(**self._place, IfMatch=version)
            except self._client.exceptions.ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (404, 409, 412):
                    raise

    def answer(self, folder: str, line: str) -> None:
        """Write a line about the message."""
        text = f"{iso_time(timespec='seconds')} {self._message.name}: {line}\n"
        self.store.put_bytes(text.encode(), self._message.moved(folder))

    def fail(self, line: str) -> None:
        """Write down why the message was not taken; where even that fails, say so."""
        try:
            self.answer("failed", line)
        except StoreError as error:
            _tell(f"{self._message.name}: {error}")


def _submit(engine: Engine, batch: Batch, message: Message, data: bytes, settings: TriggerSettings) -> str:
    """Plan and submit an id list, and return the line about it."""
    ids = read_list(data, batch.store.address(message.key), skip_bad=settings.skip_bad)
    ids = without_members(ids, settings.inputs) if settings.inputs else ids
    rows = plan_of(batch, ids.names, settings)
    done = {name for name, succeeded in batch.markers.finished().items() if succeeded}
    left = [row for row in rows if row.ipppssoot not in done]
    notes = (
        [f"{len(rows) - len(left)} of {len(rows)} datasets have succeeded before"] if len(left) < len(rows) else []
    )
    submitted, jobs = 0, 0
    if left:
        sent = engine.submit(left)
        submitted, jobs = sent.rows, sent.jobs
        notes += [f"{sent.adopted} jobs found that were made before"] if sent.adopted else []
        notes += [f"{sent.earlier} rows left alone, submitted before"] if sent.earlier else []
    notes += [f"{len(ids.duplicates)} ids given more than once"] if ids.duplicates else []
    notes += ids.notes
    notes += [problems_text(ids)] if ids.problems else []
    line = f"{submitted} rows submitted in {jobs} jobs, by the plan {batch.store.address(batch.plan_key)}"
    return "; ".join([line, *notes])


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def messages_of(event: Any) -> list[Message]:
    """Return the messages that an event speaks of, each once, in their order.

    Parameters
    ----------
    event
        What S3 sends to a function (one or more ``Records``, whose keys are URL-encoded), S3's test of a new
        notification (no message), or an ``Object Created`` event of EventBridge (whose key is not encoded).

    Raises
    ------
    UserError
        It is not such an event.
    """
    try:
        objects = list(_objects(event))
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"this is not an event of S3 ({type(error).__name__}: {error}): send the function S3's notifications, or "
            "EventBridge's 'Object Created'"
        ) from None
    below = ((bucket, key.removeprefix(SUBMIT)) for bucket, key in objects if key.startswith(SUBMIT))
    # S3 consoles make objects whose names end with a slash stand for folders
    return list(dict.fromkeys(Message(bucket, name) for bucket, name in below if name and not name.endswith("/")))


def _objects(event: Any) -> Iterator[tuple[str, str]]:
    """Yield bucket and key of each object that was made."""
    if event.get("Event") == "s3:TestEvent":
        return
    if "detail-type" in event:
        if event["source"] == "aws.s3" and event["detail-type"] == "Object Created":
            yield event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
        return
    for record in event["Records"]:
        made = record["eventName"].removeprefix("s3:").startswith("ObjectCreated:")
        if record["eventSource"] == "aws:s3" and made:
            yield record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
