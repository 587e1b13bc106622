"""Write what is generated from the code: the schema, the table of keys in config/README.md, and docs/reference.md."""

import argparse
import ast
import importlib
import inspect
import json
from dataclasses import fields
from pathlib import Path

from hstdputils.__main__ import COMMANDS, command_module
from hstdputils.core.config import SECTIONS, Config
from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.decision_log import DecisionEntry
from hstdputils.progress.blackboard import COLUMNS
from hstdputils.records.batch import Pins
from hstdputils.records.families import known_issues
from hstdputils.records.known_issues import Issue
from hstdputils.records.manifest import ProductFile
from hstdputils.records.marker import Marker
from hstdputils.records.plan_rows import PlanRow

ROOT = Path(__file__).resolve().parents[1]
BEGIN = "<!-- keys: written by docs/write_reference.py -->\n"
END = "<!-- keys end -->"
PARSERS = {
    "process": "hstdputils.process.options",
    "plan show": "hstdputils.plan.show",
    "plan edit": "hstdputils.plan.edit",
    "plan pilots": "hstdputils.plan.pilots",
    "plan refine": "hstdputils.plan.refine",
}
"""Modules with the parsers of commands that do not have their own."""


def generated() -> dict[Path, str]:
    """Return the text of each generated file, by path."""
    readme = ROOT / "config" / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return {
        ROOT / "config" / "config.schema.json": _schema(),
        ROOT / "docs" / "reference.md": reference(),
        ROOT / "docs" / "troubleshooting.md": troubleshooting(),
        readme: f"{before}{BEGIN}\n{_keys()}\n{END}{after}",
    }


def _schema() -> str:
    """Return the JSON schema of the configuration, as it stands in ``config/config.schema.json``."""
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


def _keys() -> str:
    """Return the table of all keys, as it stands in ``config/README.md``."""
    lines = ["| key | default | meaning |", "| --- | --- | --- |"]
    fields = {name: item for name, item in Config.model_fields.items() if name not in SECTIONS}
    for section, kind in SECTIONS.items():
        fields |= {f"{section}.{name}": item for name, item in kind.model_fields.items()}
    for name, item in fields.items():
        default = "(must be given)" if item.is_required() else f"`{json.dumps(item.default)}`"
        lines.append(f"| `{name}` | {default} | {item.description} |")
    return "\n".join(lines) + "\n"


def reference() -> str:
    """Return the text of docs/reference.md."""
    parts = [
        "# Reference\n\nWritten by `docs/write_reference.py` from the code. The keys of the configuration are in "
        "[config/README.md](../config/README.md).",
        _fields("Rows of a plan", "`plan.out` has one line of JSON a dataset; its keys, in this order.", PlanRow),
        _fields("Markers", "`<batch>/markers/<succeeded or failed>/<ipppssoot>.json`.", Marker),
        _fields("Files of a manifest", "`<batch>/<ipppssoot>/manifest.json`, key `files`.", ProductFile),
        _fields("Pins of a batch", "`<batch>/batch.json`; the key `hstdputils` is the version that began it.", Pins),
        _fields(
            "Decisions", "`<batch>/decisions/*.jsonl`, one line a job that ended without success.", DecisionEntry
        ),
        f"## Blackboard\n\n`<batch>/blackboard.txt`, pipe-separated: {', '.join(f'`{name}`' for name in COLUMNS)}.",
        _outcomes(),
        _exit_codes(),
        *(_command(name) for command in COMMANDS for name in _with_verbs(command)),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


_TROUBLESHOOTING = """\
# Troubleshooting

Failures are grouped into families by their cause. The report, `hstdputils status` and the marker of each failed
dataset (`family`) name the family. `hstdputils rescue STORE/BATCH --family NAME` submits its datasets again once the
cause is gone; `--family 'reference_*'` takes all whose names begin so. A failure that fits none of these has a family
named after its outcome and its reason, without ids, paths, numbers, dates and hosts, such as
`calibration_error.keyerror-n`.

## Families

This table is written by `docs/write_reference.py` from `workflow/hstdputils/records/known_issues.yaml`.

{table}

## Adding your own

A site adds issues in a file of its own, named by `known_issues` in the configuration or `--known-issues FILE`. They
come before those above, and replace those of the same name. Failures of earlier runs are grouped by them, too.

```yaml
- name: scratch_away
  title: the scratch disk is not mounted
  outcomes: [storage_error, unknown]
  patterns: ["/scratch/* stale file handle"]
  log: ["kernel: nfs*not responding"]
  advice: Call the operators of the cluster.
```

{keys}

Patterns are not regular expressions: `*` stands for any text, everything else for itself; upper and lower case are
the same, and a pattern may be anywhere in the text. A file that is not valid is refused in one line, before anything
runs.
"""


def troubleshooting() -> str:
    """Return the text of docs/troubleshooting.md."""
    lines = ["| family | what is wrong | what to do |", "| --- | --- | --- |"]
    lines += [f"| `{issue.name}` | {issue.title} | {issue.advice} |" for issue in known_issues().issues]
    return _TROUBLESHOOTING.format(table="\n".join(lines), keys="\n".join(_field_rows(Issue)))


def _fields(title: str, where: str, kind: type) -> str:
    """Return a table of the fields of a dataclass, with the texts below them in its source."""
    return "\n".join([f"## {title}", "", where, "", *_field_rows(kind)])


def _field_rows(kind: type) -> list[str]:
    """Return the table's lines."""
    lines = ["| key | meaning |", "| --- | --- |"]
    (body,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(body, ast.ClassDef)
    names = {field.name for field in fields(kind)}
    for item, below in zip(body.body, body.body[1:], strict=False):
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.target.id in names:
            assert isinstance(below, ast.Expr)
            assert isinstance(below.value, ast.Constant)
            lines.append(f"| `{item.target.id}` | {_cell(str(below.value.value))} |")
    return lines


def _outcomes() -> str:
    lines = ["## Outcomes", "", "| outcome | meaning | exit code | retried |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{item}` | {item.meaning} | {item.exit_code:d} | {'yes' if item.is_retried else 'no'} |"
        for item in Outcome
    ]
    return "\n".join([*lines, "", "An attempt may end with another code, which says more: those below."])


def _exit_codes() -> str:
    lines = ["## Exit codes", "", "| code | meaning |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {code:d} | {code.meaning} |" for code in ExitCode)])


def _with_verbs(command: str) -> list[str]:
    """Return a command and those of its verbs that have parsers of their own."""
    return [command, *(name for name in PARSERS if name.startswith(f"{command} "))]


def _command(name: str) -> str:
    """Return what a command does, and its options."""
    module = importlib.import_module(PARSERS[name]) if name in PARSERS else command_module(name)
    parser: argparse.ArgumentParser = module._parser(None) if name == "process" else module._parser()
    lines = [f"## hstdputils {name}", "", _cell(parser.description or "").replace("\n", " ")]
    return "\n".join([*lines, "", *_options(parser)])


def _options(parser: argparse.ArgumentParser, before: str = "") -> list[str]:
    lines = ["| argument | meaning |", "| --- | --- |"]
    below = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                below += ["", f"`{before}{name}`", "", *_options(child, f"{before}{name} ")]
        elif action.dest not in ("help", "version") and action.help != argparse.SUPPRESS:
            lines.append(f"| {_words(action)} | {_cell((action.help or '') % _values(action))} |")
    return [*(lines if len(lines) > 2 else []), *below]


def _values(action: argparse.Action) -> dict[str, object]:
    return {"default": action.default, "dest": action.dest, "metavar": action.metavar, "prog": ""}


def _words(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else str(action.metavar or action.dest).upper() if action.option_strings else ""
    if action.choices and not action.metavar:
        value = "\\|".join(map(str, action.choices))
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    return ", ".join(f"`{option}{' ' + value if value else ''}`" for option in action.option_strings)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text)
        print(path.relative_to(ROOT))
