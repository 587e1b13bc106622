"""The arguments with which a run's rules call the commands of hstdputils."""

import json
from dataclasses import dataclass

from hstdputils.core.text import without_passwords
from hstdputils.inputs.registry import source_class
from hstdputils.inputs.unpacking import MAX_UNPACKED_MIB
from hstdputils.model.prices import PURCHASE, REGION
from hstdputils.workflow_run.batch import RunBatch, errors_in_one_line

PROCESS = "hstdputils process"
"""What processes a dataset."""


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
        options = ["--skip-bad"] if config.skip_bad else []
        files = {"features": config.plan.features, "history": config.plan.history, "model": config.plan.model}
        options += [f"--{name}={path}" for name, path in files.items() if path]
        options += [f"--inputs={source}" for source in self._sources_of_headers]
        options += [f"--grid-mib={config.plan.grid_mib}"] if config.plan.grid_mib else []
        options += [*self._prices, f"--update={self.batch.plan}"]
        return [*options, config.store, self.batch.name, *[f"@{path}" for path in config.ids]]

    @property
    def process(self) -> list[str]:
        """Return the arguments of ``hstdputils process`` that are the same for all datasets."""
        config = self.batch.config
        return [*self._here, *(["--force"] if config.force else []), config.store, self.batch.name]

    @property
    def sync(self) -> list[str]:
        """Return the arguments of ``hstdputils sync``: datasets that have not succeeded, as their jobs find them."""
        config = self.batch.config
        options = [f"--inputs={source}" for source in config.inputs]
        if config.keep_inputs:
            options.append(f"--keep-inputs={config.keep_inputs}")
        options += self._unpacking
        if config.crds.context:
            options.append(f"--crds-context={config.crds.context}")
        options.append(f"--list={self.batch.result('references.json')}")
        return [*options, "--force" if config.force else "--unfinished"]

    @property
    def report(self) -> list[str]:
        """Return the arguments of ``hstdputils report``."""
        # Snakemake shows commands that fail
        config = without_passwords(json.dumps(self.batch.config.model_dump(mode="json", exclude_defaults=True)))
        files = [f"--{kind}={self.batch.result(f'report.{kind}')}" for kind in ("html", "json", "csv")]
        return [*self._prices, *files, f"--config-json={config}", self.batch.address]

    def submit(self, plan: str, wanted: str) -> list[str]:
        """Return the command that submits a plan of these datasets to the batch's engine."""
        config, engine = self.batch.config, self.batch.engine
        assert engine is not None
        options = [f"--engine={engine.name}", f"--wanted={wanted}", "--wait"]
        section = getattr(config, engine.name.replace("-", "_"), None)
        settings = section.model_dump(mode="json", exclude_none=True) if section else {}
        options += [f"--{engine.name}-{key.replace('_', '-')}={value}" for key, value in settings.items()]
        options += [f"--region={config.region}", f"--purchase={config.purchase}"] if engine.is_priced else []
        options += [f"--image={config.image}"] if config.image else []
        options += ["--force"] if config.force else []
        further = self._here if engine.shares_folders else self._anywhere
        return ["hstdputils", "submit", *options, plan, "--", *further]

    def watch(self, ended: str) -> list[str]:
        """Return the command that follows the jobs of the batch to their end."""
        return ["hstdputils", "watch", *self._limits, f"--to={ended}", self.batch.address]

    def run(self, plan: str, wanted: str, ended: str, cores: int, memory_mib: int) -> list[str]:
        """Return the command that runs a plan of these datasets here, on so many cores, in so much memory (MiB)."""
        config = self.batch.config
        options = [f"--cores={cores}", f"--memory-mib={memory_mib}", f"--retries={config.retries}", *self._limits]
        options += [f"--process-command={config.process_command}"] if config.process_command != PROCESS else []
        options += ["--force"] if config.force else []
        options += [f"--wanted={wanted}", "--wait", f"--logs=logs/{self.batch.name}", f"--to={ended}"]
        return ["hstdputils", "run", *options, plan, "--", *self._here]

    @property
    def _limits(self) -> list[str]:
        """Return the options of ``run`` and ``watch`` that say how far later tries may go."""
        config = self.batch.config
        return [f"--max-memory-mib={config.max_memory_mib}", f"--max-seconds={config.max_seconds}"]

    @property
    def _sources_of_headers(self) -> list[str]:
        """Return the inputs into whose headers the plan may look."""
        config = self.batch.config
        if config.plan.read_headers == "folders":
            return [source for source in config.inputs if source_class(source).is_local]
        return config.inputs if config.plan.read_headers == "always" else []

    @property
    def _prices(self) -> list[str]:
        """Return the options of ``plan`` and ``report`` that say which prices count."""
        config = self.batch.config
        options = [f"--prices={config.prices}"] if config.prices else []
        options += [f"--region={config.region}"] if config.region != REGION else []
        return [*options, *([f"--purchase={config.purchase}"] if config.purchase != PURCHASE else [])]

    @property
    def _unpacking(self) -> list[str]:
        """Return the option of ``process`` and ``sync`` that limits what packed inputs unpack to."""
        limit = self.batch.config.max_unpacked_mib
        return [f"--max-unpacked-mib={limit}"] if limit != MAX_UNPACKED_MIB else []

    @property
    def _anywhere(self) -> list[str]:
        """Return the options of ``process`` that hold wherever a dataset is processed."""
        config = self.batch.config
        options = [f"--inputs={source}" for source in config.inputs]
        options += self._unpacking
        options += [f"--programs={name}={command}" for name, command in config.programs.items()]
        options += [f"--program-variables={name}" for name in config.program_variables]
        options += [f"--dataset-variables={name}" for name in config.dataset_variables]
        if config.astrometry is not None:
            options.append(f"--astrometry={'on' if config.astrometry else 'off'}")
        if config.crds.context:
            options.append(f"--crds-context={config.crds.context}")
        return options

    @property
    def _here(self) -> list[str]:
        """Return the options of ``process`` on this machine or a cluster."""
        config = self.batch.config
        options = [f"--work={config.work}", f"--keep-work={config.keep_work}"]
        if config.keep_inputs:
            options.append(f"--keep-inputs={config.keep_inputs}")
        if config.crds.sync:
            options.append(f"--references={self.batch.result('references.json')}")
        return [*self._anywhere, *options]
