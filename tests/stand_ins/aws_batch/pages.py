"""Answers in pages."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from tests.stand_ins.aws_batch.errors import invalid


def token(place: int) -> str:
    """Return an opaque token for a place in a list."""
    return base64.urlsafe_b64encode(f"place {place}".encode()).decode()


def place(given: str) -> int:
    """Return the place that a token stands for."""
    try:
        return int(base64.urlsafe_b64decode(given).decode().removeprefix("place "))
    except ValueError as error:
        raise invalid("nextToken is not valid") from error


def paged(items: Sequence[Any], request: Mapping[str, Any], key: str, most: int) -> dict[str, Any]:
    """Return one page of a list, and where the next begins."""
    size = min(request.get("maxResults") or most, most)
    start = place(request["nextToken"]) if request.get("nextToken") else 0
    answer: dict[str, Any] = {key: list(items[start : start + size])}
    if start + size < len(items):
        answer["nextToken"] = token(start + size)
    return answer
