"""The fitted model as a text file, whose changes can be read, reviewed and committed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hstdputils.core.datasets import Dataset
from hstdputils.core.errors import UserError
from hstdputils.core.files import atomic_write
from hstdputils.core.formats import BadFormat, read_object, shipped, shown
from hstdputils.core.instruments import Resources
from hstdputils.model.features import Features, Measured

if TYPE_CHECKING:
    from hstdputils.model.pilots import Pilots
    from hstdputils.model.predict import Planner


FORMAT = 1
"""Format of the file; a file of a later one is refused."""


NAME = "resources.json"


_MOST_BYTES = 256 * 2**20
"""Bytes of the file; one with half a million programs has a tenth of that."""


_CHUNK = 100_000


_IPPPSSOOT = 9


_PARTS = ("fitted", "largest", "sizes", "trees", "kinds", "programs")


_MAY_LACK = "pilots"
"""A part that models of earlier versions do not have."""


def default_path() -> Path:
    """Return the model that is used unless another is named: that in ``./config``, else the shipped one."""
    here = Path("config") / NAME
    return here if here.exists() else shipped(NAME)


class Model:
    """What datasets need, as fitted from finished runs."""

    def __init__(self, data: Mapping[str, Any], path: Path | None = None) -> None:
        self.data = data
        self.path = path

    @classmethod
    def load(cls, path: Path | None = None) -> "Model":
        """Read a model.

        Parameters
        ----------
        path
            Its file; none for the one of `default_path`.

        Raises
        ------
        UserError
            The file is not there, is not a model, or is of a later format.
        """
        path = default_path() if path is None else path
        fix = "fit one with hstdputils resources fit, or name another with --model"
        try:
            with path.open("rb") as file:
                data = read_object(file.read(_MOST_BYTES + 1), _MOST_BYTES)
        except OSError as error:
            raise UserError(f"cannot read the model {path} ({error.strerror}): {fix}") from error
        except BadFormat as error:
            raise UserError(f"{path} is not a fitted model ({error}): {fix}") from error
        if type(data.get("format")) is not int:
            raise UserError(f"{path} is not a fitted model (it has no format): {fix}")
        if data["format"] > FORMAT:
            raise UserError(f"{path} is a model of format {data['format']}, made by a later hstdputils: {fix}")
        lost = [part for part in _PARTS if not isinstance(data.get(part), dict)]
        if lost:
            raise UserError(f"{path} is not a fitted model (it has no {lost[0]!r}): {fix}")
        model = cls(data, path)
        try:
            if model.pilots:
                from hstdputils.model.pilots import check_pilots

                check_pilots(model.pilots)
            _ = model.planner
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            reason = shown(f"{type(error).__name__}: {error}", 200)
            raise UserError(f"{path} is not a fitted model ({reason}): {fix}") from error
        return model

    @cached_property
    def planner(self) -> "Planner":
        """Return the model as arrays."""
        from hstdputils.model.predict import Planner

        return Planner(self.data)

    @property
    def pilots(self) -> "Pilots":
        """Return what the datasets of a group get after one of them ran, by the memory that it used."""
        found: Pilots = self.data.get(_MAY_LACK, {})
        return found

    def save(self, path: Path) -> None:
        """Write the model: whole, or not at all."""
        try:
            atomic_write(path, self.text())
        except OSError as error:
            raise UserError(
                f"cannot write the model {path} ({error.strerror}): name another file with --model"
            ) from error

    def text(self) -> str:
        """Return the text of the file: one line for each node of a tree and each program."""
        parts = {part: self.data[part] for part in (*_PARTS, _MAY_LACK) if part in self.data}
        return "\n".join(_lines({"format": FORMAT, **parts}, "")) + "\n"

    def needs(
        self,
        names: Sequence[str],
        features: Mapping[str, Features],
        history: Mapping[str, Measured],
        grid_mib: int | None = None,
    ) -> list[Resources]:
        """Return what datasets need, each from the best evidence there is of it.

        Parameters
        ----------
        names
            Their names, lower case: ipppssoots, visits and sky cells.
        features, history
            What is known of some of them, by name.
        grid_mib
            Memory is a multiple of this, MiB; none for the sizes that were fitted.
        """
        found: list[Resources] = []
        for first in range(0, len(names), _CHUNK):
            found += self._needs(names[first : first + _CHUNK], features, history, grid_mib)
        return found

    def _needs(
        self,
        names: Sequence[str],
        features: Mapping[str, Features],
        history: Mapping[str, Measured],
        grid_mib: int | None,
    ) -> list[Resources]:
        import numpy as np

        from hstdputils.model.features import characters, feature_array, history_array
        from hstdputils.model.predict import EVIDENCE

        planned = self.planner.plan(characters(names), feature_array(names, features), history_array(names, history))
        columns = (
            [1] * len(names),
            self.planner.rounded(planned.memory, grid_mib).astype(int).tolist(),
            planned.limit.astype(int).tolist(),
            np.array(EVIDENCE, object)[planned.evidence].tolist(),
            planned.n.tolist(),
            planned.seconds.tolist(),
        )
        # twice as fast as Resources(...), which counts with many names
        found = list(map(partial(tuple.__new__, Resources), zip(*columns, strict=True)))
        if set(map(len, names)) - {_IPPPSSOOT}:
            for place, name in enumerate(names):
                if len(name) != _IPPPSSOOT:
                    found[place] = Dataset(name).default_resources
        return found


def _lines(value: Any, indent: str) -> Iterator[str]:
    """Yield the lines of JSON; lists of numbers are on one."""
    deeper = indent + " "
    if isinstance(value, dict) and value:
        yield "{"
        for number, (key, item) in enumerate(value.items(), start=1):
            yield from _item(f"{deeper}{json.dumps(key)}: ", item, deeper, number < len(value))
        yield indent + "}"
    elif isinstance(value, list) and value and isinstance(value[0], list | dict):
        yield "["
        for number, item in enumerate(value, start=1):
            yield from _item(deeper, item, deeper, number < len(value))
        yield indent + "]"
    else:
        yield json.dumps(value)


def _item(start: str, item: Any, indent: str, more: bool) -> Iterator[str]:
    first, *rest = _lines(item, indent)
    lines = [start + first, *rest]
    lines[-1] += "," if more else ""
    yield from lines


def resources_for(dataset: Dataset) -> Resources:
    """Return what a dataset needs, of which no more than its name is known."""
    return _shipped().needs([dataset.ipppssoot], {}, {})[0]


@cache
def _shipped() -> Model:
    return Model.load()
