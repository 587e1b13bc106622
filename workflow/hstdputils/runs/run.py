"""One run of the workflow over a batch: what its rules ask for."""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hstdputils.config import Config, load_config
from hstdputils.containers import apptainer
from hstdputils.runs.arguments import Arguments
from hstdputils.runs.batch import RunBatch
from hstdputils.runs.jobs import Jobs
from hstdputils.runs.remaining import Remaining
from hstdputils.runs.saying import said_in_one_line


class Run:
    """Answers the questions of the rules.

    Parameters
    ----------
    settings
        The configuration, as Snakemake read it.

    Raises
    ------
    SystemExit
        Something in it will not do.
    """

    @said_in_one_line()
    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.config = load_config(settings)
        self.batch = self.config.batch
        self._batch = RunBatch(self.config)
        self.arguments = Arguments(self._batch)
        self.remaining = Remaining(self._batch)
        self.jobs = Jobs(self._batch)
        self.report = self._batch.result("report.html")
        self.report_json = self._batch.result("report.json")
        self.report_csv = self._batch.result("report.csv")
        self.ended = self._batch.result("ended.txt")
        self.references = self._batch.result("references.json")
        self.started = time.time_ns()
        self._cores, self._memory = 1, None
        _set_variables(self.config)

    @property
    @said_in_one_line()
    def marker(self) -> str:
        """Return the local path of a dataset's ``succeeded`` marker, with the wildcard ``ipppssoot``."""
        return self._batch.marker

    @property
    def synced_references(self) -> list[str]:
        """Return the list of references that the jobs wait for; none where each job brings its own."""
        return [self.references] if self.config.sync_references else []

    def use(self, cores: int, memory: Any, *, is_local: bool) -> None:
        """Take what Snakemake may use: cores, and memory (MiB) where it is limited; and whether jobs run here."""
        self._cores, self._memory = cores, memory
        self.remaining.is_local = is_local

    def all_at_once(self, wildcards: object, input: Any, output: Any) -> str:
        """Return the shell commands that run all datasets of the plan but for those that have succeeded."""
        if self._batch.engine:
            return self.arguments.send(input.plan, output.ended)
        memory_mib = getattr(self._memory, "value", self._memory)
        return self.arguments.run(input.plan, output.ended, self._cores, memory_mib)


def _set_variables(config: Config) -> None:
    """Give the jobs what they use: CRDS's variables, the programs beside this Python, this host's files."""
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{Path(sys.executable).parent}"
    if config.crds_path:
        os.environ.setdefault("CRDS_PATH", str(Path(config.crds_path).expanduser().absolute()))
    if config.crds_server_url:
        os.environ.setdefault("CRDS_SERVER_URL", config.crds_server_url)
    files = [config.features, config.history, config.model, config.prices, config.keep_inputs]
    crds = os.environ.get("CRDS_PATH", "/grp/crds/cache")
    apptainer.bind([config.store, *config.inputs, config.work, *config.ids, crds, *filter(None, files)])
