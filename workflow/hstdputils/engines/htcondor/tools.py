"""HTCondor's command-line tools: whatever pool they reach, they are all that is needed to use it."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.text import one_line

Ad = Mapping[str, Any]
"""What HTCondor says of a job or a cluster, by attribute."""


TOKEN = "HstdpToken"
"""The attribute with the token of the submission that a job belongs to."""


DATASET = "HstdpDataset"
"""The attribute of a job with its dataset."""


NEEDED = ("condor_submit", "condor_q", "condor_history", "condor_rm", "condor_qedit")
"""The tools that are used."""


LONGEST_SECONDS = 600
"""After how long a tool is given up, s."""


A_CALL = 1000
"""Jobs that are named in one call."""


_HEADER = re.compile(r"^-- Schedd: (\S+) :", re.MULTILINE)


_SUBMITTED = re.compile(r"^(\d+)\.\d+ - \d+\.\d+$", re.MULTILINE)


class Tools:
    """The tools, for one scheduler.

    Every method raises `UserError` where the tool is not there or fails.

    Parameters
    ----------
    schedd
        Name of the scheduler; empty for this machine's.
    seconds
        After how long a tool is given up, s.
    """

    def __init__(self, schedd: str = "", seconds: float = LONGEST_SECONDS) -> None:
        self.schedd, self._seconds = schedd, seconds

    def name(self) -> str:
        """Return the scheduler's own name."""
        found = _HEADER.search(self._run("condor_q", "-totals"))
        if not found:
            raise UserError(f"condor_q names no scheduler{self._where}: is it running?", ExitCode.GENERAL)
        return found[1]

    def submit(self, description: str, items: Iterable[str]) -> int:
        """Submit a description that queues jobs ``from items``, and return the cluster's id."""
        output = self._run_submit(description, items, "-terse")
        found = _SUBMITTED.search(output)
        if not found:
            raise UserError(f"condor_submit names no cluster: {one_line(output)}", ExitCode.GENERAL)
        return int(found[1])

    def validate(self, description: str, items: Iterable[str]) -> None:
        """Let HTCondor read a description as if it were submitted, and submit nothing."""
        self._run_submit(description, items, "-dry-run", os.devnull)

    def _run_submit(self, description: str, items: Iterable[str], *options: str) -> str:
        with tempfile.TemporaryDirectory(prefix="hstdp-") as name:
            with (Path(name) / "items").open("w") as lines:
                lines.writelines(f"{item}\n" for item in items)
            (Path(name) / "submit").write_text(description.replace("from items\n", f"from {name}/items\n"))
            return self._run("condor_submit", *options, f"{name}/submit")

    def clusters(self, tokens: Collection[str], attributes: Sequence[str]) -> list[Ad]:
        """Return the clusters of submissions that are in the queue, also those none of whose jobs has been made."""
        return self._ads("condor_q", "-factory", "-allusers", *_of(tokens), *_only(attributes)) if tokens else []

    def jobs(self, tokens: Collection[str], attributes: Sequence[str]) -> list[Ad]:
        """Return the jobs of submissions that are in the queue."""
        return self._ads("condor_q", "-allusers", *_of(tokens), *_only(attributes)) if tokens else []

    def history(self, constraint: str, attributes: Sequence[str], most: int | None = None) -> list[Ad]:
        """Return jobs that have left the queue, the latest first; at most ``most`` of them."""
        limit = [] if most is None else ["-limit", str(most)]
        return self._ads("condor_history", "-constraint", constraint, *limit, *_only(attributes))

    def remove(self, jobs: Sequence[str], reason: str) -> None:
        """Remove clusters (``12``) and jobs (``12.3``); those that have left the queue are no error."""
        for start in range(0, len(jobs), A_CALL):
            self._run("condor_rm", "-reason", reason, *jobs[start : start + A_CALL], may_fail=" not found")

    def edit(self, cluster: str, attribute: str, value: str) -> None:
        """Set an attribute of a cluster, for its jobs and those that are still to be made."""
        self._run("condor_qedit", cluster, attribute, value)

    @property
    def _where(self) -> str:
        return f" ({self.schedd})" if self.schedd else ""

    def _ads(self, tool: str, *arguments: str) -> list[Ad]:
        output = self._run(tool, *arguments, "-json")
        try:
            ads: list[Ad] = json.loads(output) if output.strip() else []
        except ValueError as error:
            raise UserError(f"{tool}{self._where} does not answer in JSON ({error})", ExitCode.GENERAL) from error
        return ads

    def _run(self, tool: str, *arguments: str, may_fail: str = "") -> str:
        """Run a tool and return what it prints; words in its errors may make a failure one that does not count."""
        program = shutil.which(tool)
        if program is None:
            raise UserError(f"{tool} is not on PATH: run this on a machine that submits to HTCondor")
        name = ["-name", self.schedd] if self.schedd else []
        try:
            done = subprocess.run(
                [program, *name, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self._seconds,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UserError(f"{tool}{self._where} cannot be run: {one_line(error)}", ExitCode.GENERAL) from error
        output = f"{done.stderr}\n{done.stdout}"
        if done.returncode and not (may_fail and may_fail in output):
            raise UserError(
                f"{tool}{self._where} failed: {_reason(output)}: does condor_q work here?", ExitCode.GENERAL
            )
        return done.stdout


def quoted(text: str) -> str:
    """Return a text as a string of HTCondor's expressions."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _of(tokens: Collection[str]) -> list[str]:
    return ["-constraint", f"stringListMember({TOKEN}, {quoted(' '.join(sorted(tokens)))}, {quoted(' ')})"]


def _only(attributes: Sequence[str]) -> list[str]:
    return ["-attributes", ",".join(attributes)]


def _reason(output: str) -> str:
    """Return the line of a tool's output that says what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if line.lower().startswith(("error", "failed"))]
    return one_line(" ".join((telling or lines or ["it does not say why"])[:2]))[:500].rstrip(".")
