"""The plan of a batch that a message starts, which is kept in the store."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hstdputils.core.errors import UserError
from hstdputils.core.id_lists import IdList, read_id_list
from hstdputils.model.fitted import Model
from hstdputils.model.prices import Prices
from hstdputils.plan.evidence import gather
from hstdputils.records.batch import Batch
from hstdputils.records.plan_files import read_plan_strictly
from hstdputils.records.plan_rows import PlanRow, row_lines
from hstdputils.trigger.environment import TriggerSettings

MOST_BYTES = 32 * 2**20
"""Bytes of an id list; half a million ids have 5 MB."""


_SHOWN = 5
"""Ids that cannot be processed whose reasons are given."""


def read_list(data: bytes, address: str, *, skip_bad: bool) -> IdList:
    """Read an id list.

    Parameters
    ----------
    data
        Its bytes.
    address
        What it is called.
    skip_bad
        Leave bad ids out.

    Raises
    ------
    UserError
        It is not an id list, or has bad ids that are not to be left out; each is named with its line.
    """
    if len(data) > MOST_BYTES:
        raise UserError(
            f"{address} has more than {MOST_BYTES:,} bytes, which no id list has: cut it into several batches"
        )
    ids = read_id_list(address, data)
    if ids.problems and not (skip_bad and ids.names):
        raise UserError(f"{problems_text(ids)}; nothing is submitted: correct the list and put it there again")
    return ids


def problems_text(ids: IdList) -> str:
    """Return which ids of a list cannot be processed, and why; the first of them."""
    more = f"; and {len(ids.problems) - _SHOWN} more" if len(ids.problems) > _SHOWN else ""
    return f"{len(ids.problems)} of the ids cannot be processed: {'; '.join(ids.problems[:_SHOWN])}{more}"


def plan_of(batch: Batch, names: Sequence[str], settings: TriggerSettings) -> list[PlanRow]:
    """Return the rows of datasets, in their order, and keep the batch's plan in the store.

    Rows that the plan has stay as they are, so that it says what was submitted however often a message comes.

    Raises
    ------
    UserError
        The plan in the store is none, or would have too many rows.
    """
    store, key = batch.store, batch.plan_key
    known = _rows_of(store.get_bytes(key), store.address(key))
    new = [name for name in names if name not in known]
    if new:
        earlier = "".join(f"{row.to_json()}\n" for row in known.values())
        text = (earlier + "".join(_lines(store.uri, batch.name, new, settings))).encode()
        known = _rows_of(text, store.address(key))
        store.put_bytes(text, key)
    return [known[name] for name in names]


def _lines(output: str, batch: str, names: Sequence[str], settings: TriggerSettings) -> list[str]:
    evidence = gather(names, None, settings.inputs, None)
    needs = Model.load(None).needs(names, evidence.features, evidence.measured)
    prices = Prices.load(region=settings.region, purchase=settings.purchase)
    return row_lines(output, batch, names, needs, prices.rates)[0]


def _rows_of(text: bytes | None, address: str) -> dict[str, PlanRow]:
    if text is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.out"
        path.write_bytes(text)
        try:
            return {row.ipppssoot: row for row in read_plan_strictly(path)}
        except UserError as error:
            raise UserError(str(error).replace(str(path), address), error.exit_code) from None
