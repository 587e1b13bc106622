"""Known issues: causes of failures that are known, with what to do, as data.

They are in ``known_issues.yaml`` beside this module, and in files of a site. Their patterns are not regular
expressions, but text in which ``*`` stands for anything, so that none takes long, whatever the text.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import MaxLen, MinLen

from hstdputils.core.errors import UserError
from hstdputils.core.outcomes import Outcome

PACKAGED = Path(__file__).with_name("known_issues.yaml")
"""The known issues that come with hstdputils."""


MOST_BYTES = 2**18
"""Largest size of a file of known issues."""


LONGEST_TEXT = 2000
"""Characters of a reason, or of a line of a log, that patterns are compared with."""


_DEEPEST = 5
"""Lists and mappings within one another in a file of known issues: YAML's parser is slow with more."""


_NAME = re.compile(r"[a-z][a-z0-9_]{1,47}")


Patterns = Annotated[tuple[Annotated[str, MinLen(4), MaxLen(200)], ...], MaxLen(20)]


@dataclass(frozen=True)
class Issue:
    """A known cause of failures, as a file of known issues has it."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: str
    """The family's name: lower-case letters, digits and underscores, beginning with a letter."""
    title: Annotated[str, MinLen(1), MaxLen(120)]
    """What is wrong, in a few words."""
    advice: Annotated[str, MinLen(1), MaxLen(500)]
    """What to do."""
    patterns: Patterns = ()
    """Texts, of which one is in the reason; `*` stands for anything, and upper and lower case are the same."""
    log: Patterns = ()
    """Such texts, of which one is in a line of the attempt's log, where no issue fits the reason."""
    outcomes: frozenset[Outcome] = frozenset()
    """Outcomes to which it applies; all where none are given."""

    def fits(self, outcome: Outcome, reason: str) -> bool:
        """Tell whether it is the cause of a failure with this reason, which is in lower case."""
        return self._applies(outcome) and any(_is_in(pattern, reason) for pattern in self.patterns)

    def fits_log(self, outcome: Outcome, line: str) -> bool:
        """Tell whether it is the cause of a failure with this line, in lower case, in its log."""
        return self._applies(outcome) and any(_is_in(pattern, line) for pattern in self.log)

    def _applies(self, outcome: Outcome) -> bool:
        return not self.outcomes or outcome in self.outcomes


def read_issues(path: Path) -> list[Issue]:
    """Read a file of known issues.

    Raises
    ------
    UserError
        It cannot be read, or is not a valid one; what is wrong is said.
    """
    import yaml
    from pydantic import TypeAdapter, ValidationError

    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise _bad(path, f"larger than {MOST_BYTES // 1024} KiB")
        text = data.decode()
        depth = 0
        for event in yaml.parse(text, yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > _DEEPEST:
                raise _bad(path, "it has aliases" if depth <= _DEEPEST else "too many brackets")
        found: list[Issue] = TypeAdapter(list[Issue]).validate_python(yaml.safe_load(text))
    except OSError as error:
        raise UserError(f"cannot read the known issues {path}: {error.strerror}: correct known_issues") from error
    except (UnicodeError, yaml.YAMLError, RecursionError) as error:
        raise _bad(path, " ".join(str(error).split())) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise _bad(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}".lstrip(": ")) from error
    names = [issue.name for issue in found]
    for number, issue in enumerate(found):
        if not _NAME.fullmatch(issue.name):
            raise _bad(path, f"{number}.name: {issue.name!a} is not lower-case letters, digits and underscores")
        if names.index(issue.name) != number:
            raise _bad(path, f"{number}.name: {issue.name} is there twice")
        if not (issue.patterns or issue.log):
            raise _bad(path, f"{issue.name} has neither patterns nor log")
        texts = (issue.title, issue.advice, *issue.patterns, *issue.log)
        if odd := next((text for text in texts if not text.isprintable()), ""):
            raise _bad(path, f"{issue.name} has a text that cannot be printed: {ascii(odd)[:60]}")
        if vague := next((one for one in (*issue.patterns, *issue.log) if len(one.replace("*", "").strip()) < 4), ""):
            raise _bad(path, f"{issue.name} has a pattern that fits almost everything: {vague}")
    return [
        replace(issue, patterns=tuple(map(plain, issue.patterns)), log=tuple(map(plain, issue.log)))
        for issue in found
    ]


def _bad(path: Path, what: str) -> UserError:
    return UserError(
        f"{path} is not a valid list of known issues ({what[:200]}): correct it as docs/troubleshooting.md says"
    )


def plain(text: str) -> str:
    """Return a text as patterns are compared with it: in lower case, with single blanks, and not too long."""
    return " ".join(text[: 2 * LONGEST_TEXT].lower().split())[:LONGEST_TEXT]


def _is_in(pattern: str, text: str) -> bool:
    """Tell whether the parts of a pattern are in a text, one after another; the time is linear in its length."""
    place = 0
    for part in pattern.split("*"):
        found = text.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return True
