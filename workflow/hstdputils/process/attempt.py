"""One attempt at one dataset: its steps, and the marker that tells how it ended, however it ended."""

import contextlib
import errno
import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.outcomes import AttemptFailed, Outcome, outcome_of_exit
from hstdputils.core.text import without_passwords
from hstdputils.inputs.source import Source
from hstdputils.process.steps import Job, Steps
from hstdputils.records.marker import Marker
from hstdputils.records.plan_files import JOB_VARIABLE
from hstdputils.supervision.memory import MemoryKills
from hstdputils.supervision.spot import spot_notice
from hstdputils.supervision.stopping import Halt, Stopped, TimeLimit

JOB_VARIABLES = (JOB_VARIABLE, "AWS_BATCH_JOB_ID")
"""Environment variables with the id of the engine's job: our own, and what AWS Batch sets."""


class Attempt:
    """Runs one attempt in a work folder, where its log, metrics and manifest are written, too.

    The folder holds ``data/`` (inputs and products) and, at the end, ``process.log``, ``metrics.json`` and
    ``manifest.json``.
    """

    def __init__(
        self, job: Job, folder: Path, report: Callable[[str, str, float], None], limit: TimeLimit | None = None
    ) -> None:
        self.job = job
        self.folder = folder
        self.steps = Steps(job, folder, report, limit)
        self.unwritten: dict[str, str] = {}
        self._limit = limit
        self._kills = MemoryKills()
        self._start = datetime.now(UTC)
        self._clock = time.perf_counter()

    def run(self, save: Callable[[Steps], None]) -> Marker:
        """Process the dataset; ``save`` puts products and manifest into the store.

        Returns
        -------
        marker
            How the attempt ended. It is not written anywhere yet.
        """
        try:
            self.steps.run()
            with self.steps.step("save"):
                save(self.steps)
            end = Outcome.SUCCEEDED, ExitCode.SUCCESS, self.steps.note
        except AttemptFailed as failure:
            explained = self._kills.explained(failure)
            end = explained.outcome, explained.exit_code, explained.reason
        except Halt as halt:
            return self.halted(halt)
        except StoreError as failure:
            end = Outcome.STORAGE_ERROR, ExitCode.UPLOAD, str(failure)
        except UserError as failure:
            end = outcome_of_exit(failure.exit_code), failure.exit_code, str(failure)
        except MemoryError:
            end = Outcome.OUT_OF_MEMORY, ExitCode.OWN_MEMORY, "hstdputils ran out of memory"
        except OSError as error:
            code, fix = ExitCode.GENERAL, "check the permissions there"
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                code, fix = ExitCode.UPLOAD, "free some space there, or name another --work"
            end = Outcome.STORAGE_ERROR, code, f"{error.filename or self.folder}: {error.strerror or error}: {fix}"
        except Exception as error:
            import traceback

            self.steps.log.write("process", traceback.format_exc())
            reason = f"{type(error).__name__}: {' '.join(str(error).split())} (a defect: process.log has the trace)"
            end = Outcome.UNKNOWN, ExitCode.GENERAL, reason
        return self._ended(*end)

    def halted(self, halt: Halt) -> Marker:
        """Return the marker of the attempt that was cut off: at its limit, by a person, or with its host."""
        return self._stopped(halt) if isinstance(halt, Stopped) else self._overdue()

    def _overdue(self) -> Marker:
        """Return the marker of the attempt whose limit is reached.

        Where others are slow, more time for calibration would not help, but another attempt later may: that is
        ``storage_error``. What this process itself does not get done is a ``timeout``.
        """
        step, seconds = self.steps.current, self.job.overhead_seconds
        others = {
            "inputs": (_code_of(self.job.sources), "the source of the inputs is slow"),
            "references": (ExitCode.TIME, "the source of the references is slow"),
            "save": (ExitCode.UPLOAD, "the store is slow"),
        }
        code, why = others.get(step, (ExitCode.TIME, ""))
        outcome = Outcome.STORAGE_ERROR if why else Outcome.TIMEOUT
        reason = f"stopped in the step {step}, after {seconds:.0f} s besides calibration{'; ' if why else ''}{why}"
        return self._ended(outcome, code, f"{reason}: see --overhead-seconds")

    def _stopped(self, stopped: Stopped) -> Marker:
        if stopped.exit_code is ExitCode.CANCELLED and (notice := spot_notice()):
            reason = f"{stopped.reason}, since AWS takes back the spot instance ({notice})"
            return self._ended(Outcome.HOST_LOST, stopped.exit_code, reason)
        return self._ended(stopped.outcome, stopped.exit_code, stopped.reason)

    def _ended(self, outcome: Outcome, exit_code: ExitCode, reason: str) -> Marker:
        """Close log and metrics, and return the marker."""
        job, steps = self.job, self.steps
        reason = without_passwords(reason)
        if self._limit:
            self._limit.end()
        end = datetime.now(UTC)
        last = [f"warning: {warning}" for warning in steps.warnings]
        steps.log.end("process", [*last, f"{outcome}{': ' if reason else ''}{reason}"])
        succeeded = outcome is Outcome.SUCCEEDED
        marker = Marker.new(
            *(job.batch, job.dataset.ipppssoot, outcome, exit_code, reason),
            earlier=job.earlier,
            plan_row=job.plan_row,
            start=self._start,
            end=end,
            wall_seconds=time.perf_counter() - self._clock,
            cpu_seconds=steps.meter.cpu_seconds,
            peak_memory_mib=steps.meter.peak_memory_mib,
            crds_context=job.context,
            versions=job.versions,
            host=os.uname().nodename,
            job=job_id(),
            bytes_in=steps.bytes_in,
            bytes_out=sum(file.size for file in steps.files) if succeeded else 0,
            n_products=len(steps.files) if succeeded else 0,
            manifest_sha256=hashlib.sha256(steps.manifest).hexdigest() if succeeded else "",
            warnings=steps.warnings,
            references=steps.references.used,
            reference_keywords=steps.references.keywords,
        )
        metrics = {"ipppssoot": marker.ipppssoot, "steps": [asdict(step) for step in steps.meter.steps]}
        self._write_metrics(json.dumps(metrics, indent=1) + "\n")
        return marker

    def _write_metrics(self, text: str) -> None:
        """Write the metrics; where the disk is full, what it does not take goes to the store from memory."""
        self.unwritten = {"process.log": self.steps.log.unwritten}
        path = self.folder / "metrics.json"
        try:
            path.write_text(text)
        except OSError:
            with contextlib.suppress(OSError):
                path.write_text("")
            self.unwritten[path.name] = text


def _code_of(sources: Sequence[Source]) -> ExitCode:
    """Return the exit code for a transfer from the first of the sources that is not on this machine."""
    return next((one.exit_code for one in sources if one.exit_code is not ExitCode.INPUTS), ExitCode.INPUTS)


def job_id() -> str:
    """Return the id of the engine's job that this process is; empty where nobody gave it one."""
    return next((os.environ[name] for name in JOB_VARIABLES if os.environ.get(name)), "")
