"""Pre-flight: what would fail every dataset of a run is found before the first job, in a second or two.

These are the checks of ``hstdputils doctor`` that can fail, for what the run will use: with an engine what its jobs
need there, else the programs, CRDS and the work folder of this machine.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from hstdputils.core.config import PROCESS, Config
from hstdputils.core.datasets import Dataset
from hstdputils.core.findings import Finding, require_no_failure
from hstdputils.doctor.checked_setup import CheckedSetup, kind_of
from hstdputils.doctor.checks import REQUEST_SECONDS, Check, run_checks
from hstdputils.doctor.references import check_references
from hstdputils.doctor.software import find_programs
from hstdputils.doctor.space import check_work
from hstdputils.doctor.storage import check_local_sources
from hstdputils.engines.base import Engine
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.registry import is_none, open_store

PREFLIGHT_SECONDS = 15.0
"""Time limit of a check, s."""


def preflight(
    config: Config,
    datasets: Iterable[Dataset],
    engine: Engine[Any] | None = None,
    rows: Sequence[PlanRow] = (),
    *,
    in_container: bool = False,
    has_references: bool = False,
) -> None:
    """Check a set-up before a run.

    Parameters
    ----------
    config
        The configuration of the run.
    datasets
        The datasets that are left to do.
    engine
        Where they run; none for this machine.
    rows
        Their rows of the plan, where they are known.
    in_container
        Whether jobs run in containers, which have programs of their own.
    has_references
        Whether ``hstdputils sync`` has fetched the references, so that jobs need no server.

    Raises
    ------
    UserError
        The run would fail; a line for each check that has failed.
    """
    # one dataset of each kind stands for all of them
    setup = CheckedSetup(config, datasets=list({kind_of(dataset): dataset for dataset in datasets}.values()))

    def check_store(setup: CheckedSetup) -> list[Finding]:
        if not is_none(setup.config.store):
            open_store(setup.config.store, seconds=REQUEST_SECONDS).check()
        return []

    def check_engine(setup: CheckedSetup) -> list[Finding]:
        return engine.check(rows) if engine else []

    def check_crds(setup: CheckedSetup) -> list[Finding]:
        return check_references(setup, asks_for_context=False)

    checks: list[Check] = [check_store, check_engine]
    if engine is None and setup.config.process_command == PROCESS:
        checks += [] if in_container else [find_programs]
        checks += [] if has_references else [check_crds]
        checks += [check_local_sources, check_work]
    require_no_failure(run_checks(checks, setup, PREFLIGHT_SECONDS))
