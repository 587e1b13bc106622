"""Why a dataset gets what it gets, in words: numbers that nobody can follow are numbers that nobody trusts."""

from math import inf, isnan

import numpy as np

from hstdputils.core.datasets import Dataset
from hstdputils.model.features import (
    QUESTIONS,
    SIZE,
    Features,
    Measured,
    characters,
    feature_array,
    is_sized,
    questions,
)
from hstdputils.model.fitted import Model
from hstdputils.model.predict import (
    KIND_FACTOR,
    LIMITS,
    LOST_MIB,
    MANY_RUNS,
    OWN_RANGE,
    TIME_FACTOR,
    VISIT_LENGTH,
)


def explain(
    model: Model, dataset: Dataset, features: Features | None, own: Measured | None, grid_mib: int | None = None
) -> list[str]:
    """Return lines that say what a dataset gets, on what evidence, and how the numbers come about."""
    name = dataset.ipppssoot
    known, measured = {name: features} if features else {}, {name: own} if own else {}
    needs = model.needs([name], known, measured, grid_mib)[0]
    lines = [
        f"{name}: {needs.memory_mib} MiB, {needs.vcpus} core{'s' if needs.vcpus > 1 else ''}, "
        f"at most {needs.max_seconds} s, expected {needs.expected_seconds:.0f} s",
        f"evidence: {needs.evidence}, {needs.evidence_n} finished run{'s' if needs.evidence_n != 1 else ''}",
    ]
    if dataset.is_mosaic:
        return [*lines, "no run of a mosaic is on record: all of them get the same, generously"]
    names, values = characters([name]), feature_array([name], known)
    sized = bool(is_sized(values)[0]) and dataset.instrument in model.planner.trees
    lines += _by_features(model, dataset, values) if sized else _by_name(model, dataset, features)
    lines += _by_program(model, names, sized)
    if own and own.memory_mib > LOST_MIB:
        lines += _by_history(own, sized)
    steps = f"multiples of {grid_mib} MiB" if grid_mib else f"the {len(model.planner.sizes)} sizes of the model"
    hours = ", ".join(f"{seconds / 3600:g}" for seconds in LIMITS)
    return [*lines, f"memory is rounded up to {steps}, the time limit to the next of {hours} hours"]


def _by_features(model: Model, dataset: Dataset, values: np.ndarray) -> list[str]:
    tree = model.planner.trees[dataset.instrument]
    asked = questions(values)
    path, end = _path(tree.nodes, asked[0])
    size, node = float(values[0, SIZE]), tree.nodes[end]
    factor, _, slowest, runs, programs = node[4:]
    unknown = [name for name, value in zip(Features._fields, values[0], strict=True) if isnan(value)]
    known_values = ", ".join(
        f"{name} {value:g}" for name, value in zip(QUESTIONS, asked[0], strict=True) if not isnan(value)
    )
    lines = [
        f"features: {known_values}",
        f"it is like {runs:.0f} runs of {programs:.0f} programs of {dataset.instrument}"
        + (f" with {', '.join(path)}" if path else ""),
        f"they need {factor:.4g} MiB for each MB of input + {tree.offset:g}: "
        f"{factor:.4g} x ({size:g} + {tree.offset:g}) = {factor * (size + tree.offset):.0f} MiB",
        f"the slowest of them took {slowest:.4g} s for each of these MB; the limit is {TIME_FACTOR:g} times that: "
        f"{TIME_FACTOR * slowest * (size + tree.offset):.0f} s",
    ]
    return lines + ([f"not known: {', '.join(unknown)}"] if unknown else [])


def _path(nodes: np.ndarray, asked: np.ndarray) -> tuple[list[str], int]:
    """Return what is asked on the way to the node where a dataset ends, as one range a feature, and the node."""
    ranges: dict[str, list[float]] = {}
    number = 0
    while nodes[number, 0] >= 0:
        question, threshold, left, right = nodes[number, :4]
        value = asked[int(question)]
        if isnan(value):
            break
        span = ranges.setdefault(QUESTIONS[int(question)], [-inf, inf])
        span[0 if value > threshold else 1] = threshold
        number = int(right if value > threshold else left)
    return [_range(name, low, high) for name, (low, high) in ranges.items()], number


def _range(name: str, low: float, high: float) -> str:
    if low == -inf:
        return f"{name} up to {high:g}"
    return f"{name} over {low:g}" if high == inf else f"{name} from {low:g} to {high:g}"


def _by_name(model: Model, dataset: Dataset, features: Features | None) -> list[str]:
    kind = "associations" if dataset.is_association else "single exposures"
    why = "number and size of its files are not known" if features else "no features are known"
    found = model.planner.kinds.get(dataset.instrument, {}).get("+" if dataset.is_association else "-")
    if found is None:
        return [f"{why}, and the model has no runs of {dataset.instrument}'s {kind}: it gets the usual"]
    return [
        f"{why}: what {dataset.instrument}'s {kind} get counts, {found[0]:.0f} MiB by {found[3]:.0f} runs, "
        f"of which the slowest took {found[2]:.0f} s; the limit is "
        f"{KIND_FACTOR if found[3] >= MANY_RUNS else TIME_FACTOR:g} times that"
    ]


def _by_program(model: Model, names: np.ndarray, sized: bool) -> list[str]:
    factors = model.planner.by_size if sized else model.planner.by_name
    entry = int(factors.find(names)[0])
    if entry < 0:
        return ["no run of its program is on record"]
    memory, time, longest, runs = factors.values[entry]
    whose = factors.name(entry).rstrip("+-")
    what = "visit" if len(whose) == VISIT_LENGTH else "program"
    return [
        f"its {what} {whose} has {runs:.0f} run{'s' if runs != 1 else ''} on record: "
        f"memory x {memory:.3g}, expected time x {time:.3g}, time limit x {longest:.3g}"
    ]


def _by_history(own: Measured, sized: bool) -> list[str]:
    runs = f"its own {own.runs} runs" if own.runs != 1 else "its own run"
    most = "" if sized and own.runs == 1 else f", and no more than {OWN_RANGE:g} times that"
    return [
        f"{runs} used up to {own.memory_mib:.0f} MiB and {own.wall_seconds:.0f} s: it gets no less memory{most}, "
        f"and no less time than {TIME_FACTOR:g} times that"
    ]
