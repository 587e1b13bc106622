"""The trigger's settings, from environment variables."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_args, get_type_hints

from hstdputils.core.errors import UserError
from hstdputils.core.text import nearest
from hstdputils.engines.base import Engine
from hstdputils.engines.registry import DEFAULT, engine_class
from hstdputils.engines.submissions import SubmissionSettings

PREFIX = "HSTDP_TRIGGER_"
"""How the variables' names begin."""


_OWN = ("ENGINE", "SKIP_BAD", "INPUTS", "PURCHASE", "REGION")
"""The variables that every engine's trigger has; the others are the settings of the engine."""


_YES, _NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class TriggerSettings:
    """How the batches that messages start are planned and submitted."""

    engine: type[Engine[Any]]
    """The class of the engine."""
    jobs: SubmissionSettings
    """Its settings, such as queue, image, and arguments of ``hstdp-process``."""
    skip_bad: bool = False
    """Whether the good ids of a list are submitted where others are bad."""
    inputs: tuple[str, ...] = ()
    """Sources whose raw headers sizes rest on; without any, sizes rest on the datasets' names."""
    purchase: str | None = None
    """How instances are bought, for the expected costs: ``on_demand`` or ``spot``."""
    region: str | None = None
    """The region whose prices count."""


def trigger_settings(variables: Mapping[str, str]) -> TriggerSettings:
    """Return the settings that variables make; those that are not set, or empty, have the defaults of `submit`.

    Raises
    ------
    UserError
        A value is not valid, or there is no such variable.
    """
    given = {name.removeprefix(PREFIX): value.strip() for name, value in variables.items() if name.startswith(PREFIX)}
    given = {name: value for name, value in given.items() if value}
    engine = engine_class(given.get("ENGINE", DEFAULT))
    kinds = _kinds(engine.settings_type)
    names = [*_OWN, *kinds]
    for name in given:
        if name not in names:
            raise UserError(f"{PREFIX}{name} is not a setting of the trigger{nearest(name, names)}: unset it")
    values = {name.lower(): _value(given, name, kind) for name, kind in kinds.items() if name in given}
    return TriggerSettings(
        engine=engine,
        jobs=engine.settings_type(**values),
        skip_bad=_is_set(given.get("SKIP_BAD", "")),
        inputs=_words(given, "INPUTS"),
        purchase=given.get("PURCHASE"),
        region=given.get("REGION"),
    )


def _kinds(settings: type[SubmissionSettings]) -> dict[str, type]:
    """Return what the settings are that a variable can hold, by the variables' names: str, float or tuple."""
    hints = get_type_hints(settings)
    kinds = {}
    for field in fields(settings):
        hint = hints[field.name]
        (kind,) = [one for one in get_args(hint) if one is not type(None)] if type(None) in get_args(hint) else [hint]
        kind = getattr(kind, "__origin__", kind)
        if kind in (str, float, tuple):
            kinds[field.name.upper()] = kind
    return kinds


def _value(given: Mapping[str, str], name: str, kind: type) -> Any:
    if kind is tuple:
        return _words(given, name) or None
    try:
        return kind(given[name])
    except ValueError:
        raise UserError(f"{PREFIX}{name} is {given[name]!r}: set it to a number") from None


def _words(given: Mapping[str, str], name: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(given.get(name, "")))
    except ValueError as error:
        raise UserError(f"{PREFIX}{name} cannot be cut into words ({error}): close its quotation marks") from error


def _is_set(text: str) -> bool:
    if text.lower() not in (*_YES, *_NO):
        raise UserError(f"{PREFIX}SKIP_BAD is {text!r}: set it to yes or no")
    return text.lower() in _YES
