"""The arguments with which a run's rules call the commands of hstdputils."""

import json
from dataclasses import dataclass
from pathlib import Path

from hstdputils.core.config import command_options
from hstdputils.core.id_lists import arguments_of
from hstdputils.core.text import without_passwords
from hstdputils.inputs.registry import source_class
from hstdputils.workflow_run.run_batch import RunBatch, errors_in_one_line


@dataclass(frozen=True, slots=True)
class Arguments:
    """Arguments of commands, as the configuration of a batch wants them."""

    batch: RunBatch
    """The batch."""

    @property
    @errors_in_one_line()
    def plan(self) -> list[str]:
        """Return the arguments of ``hstdputils plan``."""
        config = self.batch.config
        for source in config.inputs:
            source_class(source)  # an error of the plan's own would come too late for a dry run
        ids = arguments_of(config.ids)
        return [*self._options("plan"), f"--update={self.batch.plan}", config.store, self.batch.name, *ids]

    @property
    def process(self) -> list[str]:
        """Return the arguments of ``hstdputils process`` that are the same for all datasets."""
        return [*self._of_jobs(), *self._force, self.batch.config.store, self.batch.name]

    def retries(self, memory_mib: int) -> list[str]:
        """Return the options of ``process`` for further attempts in one job, of up to so much memory (MiB)."""
        config = self.batch.config
        limits = {"memory-mib": min(config.max_memory_mib, memory_mib), "seconds": config.max_seconds}
        options = [f"--retries={config.retries}", *(f"--retry-max-{name}={value}" for name, value in limits.items())]
        return options if config.retries else []

    @property
    def sync(self) -> list[str]:
        """Return the arguments of ``hstdputils sync``: datasets that have not succeeded, as their jobs find them."""
        references = f"--list={self.batch.result('references.json')}"
        return [*self._options("sync"), references, *(self._force or ["--unfinished"])]

    @property
    def report(self) -> list[str]:
        """Return the arguments of ``hstdputils report``."""
        # Snakemake shows commands that fail
        config = without_passwords(json.dumps(self.batch.config.model_dump(mode="json", exclude_defaults=True)))
        files = [f"--{kind}={self.batch.result(f'report.{kind}')}" for kind in ("html", "json", "csv")]
        return [*self._options("report"), *files, f"--config-json={config}", self.batch.address]

    @property
    def refine(self) -> list[str]:
        """Return the options of ``hstdputils plan refine``."""
        config = self.batch.config
        values = {"model": config.plan.model, "grid-mib": config.plan.grid_mib, "prices": config.prices}
        values |= {"region": config.region, "purchase": config.purchase}
        values["record"] = str(Path(self.batch.plan).with_suffix(".json"))
        return [f"--{name}={value}" for name, value in values.items() if value is not None]

    def submit(self, plan: str, wanted: str | None) -> list[str]:
        """Return the command that submits a plan, of these datasets where they are given, to the batch's engine."""
        config, engine = self.batch.config, self.batch.engine
        assert engine is not None
        options = [f"--engine={engine.name}", *([f"--wanted={wanted}"] if wanted else []), "--wait"]
        section = getattr(config, engine.name.replace("-", "_"), None)
        settings = section.model_dump(mode="json", exclude_none=True) if section else {}
        options += [f"--{engine.name}-{key.replace('_', '-')}={value}" for key, value in settings.items()]
        options += [f"--region={config.region}", f"--purchase={config.purchase}"] if engine.is_priced else []
        options += [*self._options("submit"), "--no-preflight"]
        jobs = self._of_jobs(is_local=engine.shares_folders)
        return ["hstdputils", "submit", *options, *self._force, plan, "--", *jobs]

    def watch(self, ended: str) -> list[str]:
        """Return the command that follows the jobs of the batch to their end."""
        return ["hstdputils", "watch", *self._options("watch"), f"--to={ended}", self.batch.address]

    def run(self, plan: str, wanted: str | None, ended: str, cores: int, memory_mib: int) -> list[str]:
        """Return the command that runs a plan here, on so many cores, in so much memory (MiB)."""
        options = [f"--cores={cores}", f"--memory-mib={memory_mib}", *self._options("run"), *self._force]
        options.append("--no-preflight")  # this run has made it, or leaves it out
        options += [f"--wanted={wanted}"] if wanted else []
        options += ["--wait", f"--logs=logs/{self.batch.name}", f"--to={ended}"]
        return ["hstdputils", "run", *options, plan, "--", *self._of_jobs()]

    def _options(self, command: str) -> list[str]:
        return command_options(self.batch.config, command)

    @property
    def _force(self) -> list[str]:
        return ["--force"] if self.batch.config.force else []

    def _of_jobs(self, *, is_local: bool = True) -> list[str]:
        """Return the options of ``process`` in each job, on this machine and its folders, or anywhere."""
        config = self.batch.config
        options = command_options(config, "process", is_local=is_local)
        if is_local and config.crds.sync:
            options.append(f"--references={self.batch.result('references.json')}")
        return options
