"""Reading JSON that others have written: with bounds, and with every value of the type that its field has.

Markers, manifests and the records of jobs come from a store that many can write, models and tables from anywhere.
What is too long, too deep, not UTF-8, not finite or of another type is refused with a reason.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from hstdputils.core.text import visible

_PACKAGE = Path(__file__).parents[1]


def shipped(name: str) -> Path:
    """Return the path of a file of ``config/``: in the installed package, or in the clone that it runs from."""
    installed = _PACKAGE / "config_files" / name
    return installed if installed.exists() else _PACKAGE.parents[1] / "config" / name


MOST_BYTES = 4 * 2**20
"""Bytes of a marker or of another record of one dataset; the largest have some 10 KB."""


MOST_NUMBER = 2**53
"""Nothing here counts further than this, and no double holds larger numbers exactly."""


_DEEPEST = 16
"""Levels of lists and objects within a value of any type."""


_LONGEST_TEXT = 65_536
"""Characters of one text."""


_SHOWN = 40
"""Characters of a wrong value that are shown."""


Record = TypeVar("Record")


Check = Callable[[Any, str], Any]
"""Returns a value that is of the type that is wanted; takes what it is called, for the error."""


class BadFormat(ValueError):
    """The data are not what they should be; ``str()`` says why, in one printable line."""


def read_json(data: bytes, most_bytes: int = MOST_BYTES) -> Any:
    """Return the value that JSON stands for; numbers in it may still be infinite or NaN, as Python reads them.

    Parameters
    ----------
    data
        The text, in UTF-8.
    most_bytes
        How long it may be.

    Raises
    ------
    BadFormat
        It is too long, too deep, not JSON or not UTF-8.
    """
    if len(data) > most_bytes:
        raise BadFormat(f"it is longer than {most_bytes:,} bytes")
    if not data.strip():
        raise BadFormat("it is empty")
    try:
        text = data.decode("utf-8-sig")
        value = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # fails for half a pair of surrogates
    except RecursionError:
        raise BadFormat("it is nested too deeply") from None
    except UnicodeError:
        raise BadFormat("it is not UTF-8 text") from None
    except ValueError as error:
        raise BadFormat(f"it is not JSON: {shown(error, 120)}") from None
    return value


def read_object(data: bytes, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """Return the JSON object of a text; see `read_json`."""
    value = read_json(data, most_bytes)
    if not isinstance(value, dict):
        raise BadFormat(f"it is {_kind(value)}, not an object")
    return value


def read_as(record: type[Record], data: bytes, most_bytes: int = MOST_BYTES) -> Record:
    """Return the record (a dataclass) of a text; see `read_json` and `checked`."""
    return checked(record, read_json(data, most_bytes))


def checked(record: type[Record], values: Any) -> Record:
    """Return a record (a dataclass) of values; those of later versions, which it does not have, are ignored.

    Raises
    ------
    BadFormat
        A value is missing, or is not of its field's type.
    """
    return record(**checked_fields(record, values))


def checked_fields(record: Any, values: Any) -> dict[str, Any]:
    """Return the values of a record's fields, of the types that these have; see `checked`."""
    if not isinstance(values, Mapping):
        raise BadFormat(f"it is {_kind(values)}, not an object")
    found = {}
    for name, check, is_needed in _checks(record):
        if name in values:
            found[name] = check(values[name], name)
        elif is_needed:
            raise BadFormat(f"{name} is missing")
    return found


def shown(value: object, most: int = _SHOWN) -> str:
    """Return a value as it may be shown: one printable line of so many characters at most."""
    try:
        text = str(value)
    except (ValueError, RecursionError):  # a number of thousands of digits; a list in itself
        return "a huge value"
    line = visible(" ".join(text[: 4 * most].split()))
    return line if len(line) <= most and len(text) <= 4 * most else f"{line[:most]}…"


def is_number(value: Any) -> bool:
    """Return whether a value is a number that can be counted with: finite, and of a size that occurs."""
    return type(value) in (int, float) and -MOST_NUMBER <= value <= MOST_NUMBER


_DECODER = json.JSONDecoder()


@cache
def _checks(record: Any) -> tuple[tuple[str, Check, bool], ...]:
    """Return name and check of each field of a dataclass, and whether it has no default."""
    types = get_type_hints(record)
    return tuple(
        (
            item.name,
            _check_of(types[item.name]),
            item.default is MISSING and item.default_factory is MISSING,
        )
        for item in fields(record)
        if item.init
    )


def _check_of(wanted: Any) -> Check:
    """Return what checks a value of a type."""
    origin, parts = get_origin(wanted), get_args(wanted)
    if wanted is Any:
        return _any
    if origin in (Union, UnionType):
        return _one_of([_check_of(part) for part in parts])
    if origin is list:
        return _list_of(_check_of(parts[0]))
    if origin is tuple:
        item = _list_of(_check_of(parts[0]))
        return lambda value, name: tuple(item(value, name))
    if origin in (dict, Mapping):
        return _dict_of(_check_of(parts[1]))
    if isinstance(wanted, type) and issubclass(wanted, StrEnum):
        return _member_of(wanted)
    if isinstance(wanted, type) and is_dataclass(wanted):
        return lambda value, name: checked(wanted, value)
    return _SIMPLE[wanted]


def _text(value: Any, name: str) -> str:
    if type(value) is not str:
        raise _wrong(name, "text", value)
    if len(value) > _LONGEST_TEXT:
        raise BadFormat(f"{name} is longer than {_LONGEST_TEXT:,} characters")
    return value


def _flag(value: Any, name: str) -> bool:
    if type(value) is not bool:
        raise _wrong(name, "true or false", value)
    return value


def _whole(value: Any, name: str) -> int:
    if type(value) is not int or not -MOST_NUMBER <= value <= MOST_NUMBER:
        raise _wrong(name, "a whole number", value)
    return value


def _real(value: Any, name: str) -> float:
    if not is_number(value):
        raise _wrong(name, "a number", value)
    return value  # type: ignore[no-any-return]


def _nothing(value: Any, name: str) -> None:
    if value is not None:
        raise _wrong(name, "null", value)


_SIMPLE: dict[Any, Check] = {str: _text, bool: _flag, int: _whole, float: _real, NoneType: _nothing}


def _any(value: Any, name: str, depth: int = _DEEPEST) -> Any:
    """Return a value of any type: no deeper than a few levels, its numbers of a size that occurs."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if not depth:
        raise BadFormat(f"{name} is nested too deeply")
    if isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            _any(item, name, depth - 1)
        return value
    return _real(value, name)


def _list_of(check: Check) -> Check:
    def checked_list(value: Any, name: str) -> list[Any]:
        if type(value) is not list:
            raise _wrong(name, "a list", value)
        return [check(item, name) for item in value]

    return checked_list


def _dict_of(check: Check) -> Check:
    def checked_dict(value: Any, name: str) -> dict[str, Any]:
        if type(value) is not dict:
            raise _wrong(name, "an object", value)
        return {key: check(item, name) for key, item in value.items()}

    return checked_dict


def _member_of(kinds: type[StrEnum]) -> Check:
    def checked_member(value: Any, name: str) -> StrEnum:
        try:
            return kinds(_text(value, name))
        except ValueError:
            raise _wrong(name, f"one of {', '.join(kinds)}", value) from None

    return checked_member


def _one_of(checks: list[Check]) -> Check:
    def checked_one(value: Any, name: str) -> Any:
        problems = []
        for check in checks:
            try:
                return check(value, name)
            except BadFormat as error:
                problems.append(error)
        raise problems[0]

    return checked_one


def _wrong(name: str, wanted: str, value: Any) -> BadFormat:
    found = _kind(value) if value is None or isinstance(value, list | dict) else shown(_repr(value))
    return BadFormat(f"{name} must be {wanted}, not {found}")


def _repr(value: object) -> str:
    try:
        return repr(value)
    except (ValueError, RecursionError):
        return "a huge value"


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", NoneType: "null"}
    return kinds.get(type(value), "a number")
