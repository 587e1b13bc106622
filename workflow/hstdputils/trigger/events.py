"""Events of S3 and EventBridge: which objects were put at ``messages/submit/``."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from hstdputils.core.errors import UserError

SUBMIT = "messages/submit/"
"""Where messages are put, in the store's bucket."""


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
