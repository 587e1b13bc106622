"""``python -m hstdputils.resources``: fit what datasets need from finished runs, score it, explain it."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from hstdputils.core import command_line
from hstdputils.core.datasets import BadDatasetName, parse_dataset
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.model.fitted import NAME, Model
from hstdputils.model.history import History

HISTORY = Path("history.sqlite")


_DESCRIPTION = """\
Fit memory and time of datasets to finished runs. The fitted model is a text file, from which plans are made;
`hstdputils plan --model FILE` uses another one than config/resources.json.

  fit      add finished runs to the history, a file that a site keeps adding to, and fit the model to all of it;
           config/resources.json is not replaced by a model that rests on fewer runs
  score    test the model on runs: memory cost, second attempts and runs ended by their time limit
  explain  say why a dataset gets its memory and time"""


_EXAMPLES = """\
  hstdputils resources fit results/mybatch s3://my-bucket/otherbatch --model my-model.json
  hstdputils resources fit runs.csv.gz --date 2021-05-13 --history runs.sqlite --model my-model.json
  hstdputils resources score runs.csv.gz
  hstdputils resources explain j8cb010b0 --features features.csv.gz"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)


def _fit(options: argparse.Namespace) -> int:
    from hstdputils.model import score

    path: Path = options.model or Path("config") / NAME
    with History(options.history, create=True) as history:
        last = history.last()
        for source in options.sources:
            added = score.add(history, source, options.date or "")
            print(f"{source}: {added} new run{'s' if added != 1 else ''}")
        history.commit()
        if unsound := history.n_unsound():
            print(f"note: {unsound} runs of {options.history} are passed over: they have no sound memory or time")
        if options.model is None and path.exists():
            score.check_not_poorer(history, path)
        model, table = score.refit(history, path, last)
        model.save(path)
    print(*table, sep="\n")
    print(f"model: {path}; history: {options.history}, {model.data['fitted']['runs']} datasets")
    return ExitCode.SUCCESS


def _score(options: argparse.Namespace) -> int:
    from hstdputils.model import score

    print(*score.score_tables(Model.load(options.model), options.tables, options.seeds), sep="\n")
    return ExitCode.SUCCESS


def _explain(options: argparse.Namespace) -> int:
    from hstdputils.model.explain import explain
    from hstdputils.model.tables import read_features_table

    try:
        dataset = parse_dataset(options.ipppssoot)
    except BadDatasetName as error:
        raise UserError(str(error)) from error
    name = dataset.ipppssoot
    features, own = None, None
    if options.features:
        features = read_features_table(options.features).get(name)
        if features is None:
            print(f"note: {options.features} has no row of {name}", file=sys.stderr)
    if options.history or HISTORY.exists():
        with History(options.history or HISTORY) as history:
            own = history.measured([name]).get(name)
            features = features or history.features([name]).get(name)
    print(*explain(Model.load(options.model), dataset, features, own, options.grid_mib), sep="\n")
    return ExitCode.SUCCESS


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("resources", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    verbs = parser.add_subparsers(required=True, metavar="fit | score | explain", dest="what")
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument(
        "--model", type=Path, metavar="FILE", help="the model (default: config/resources.json, else the shipped one)"
    )
    fit = verbs.add_parser("fit", parents=[model], help="refit the model from markers and tables")
    fit.add_argument(
        "sources",
        nargs="*",
        help="batches, as s3://bucket/batch or the batch's folder, and CSV tables of runs (columns ipst, memory in "
        "GB or memory_mib, wallclock, and features where known); none to fit the history anew",
    )
    fit.add_argument("--date", type=_date, metavar="DAY", help="when runs of tables without a column date were made")
    fit.add_argument(
        "--history", type=Path, default=HISTORY, metavar="FILE", help="the history (default: %(default)s)"
    )
    fit.set_defaults(run=_fit)
    score = verbs.add_parser("score", parents=[model], help="test the model on tables of runs")
    score.add_argument("tables", nargs="+", type=Path, help="CSV tables of runs")
    score.add_argument("--seeds", type=command_line.above_zero, default=1, help="how often to cross-validate")
    score.set_defaults(run=_score)
    explain = verbs.add_parser("explain", parents=[model], help="say why a dataset gets its memory and time")
    explain.add_argument("ipppssoot", help="the dataset")
    explain.add_argument("--features", type=Path, metavar="FILE", help="a CSV table of features")
    explain.add_argument("--history", type=Path, metavar="FILE", help=f"the history (default: {HISTORY}, if there)")
    grid = explain.add_argument(
        "--grid-mib",
        type=command_line.above_zero,
        metavar="MIB",
        help="memory is a multiple of this, as for plan --grid-mib",
    )
    command_line.add_old_name(explain, "--grid", grid)
    explain.set_defaults(run=_explain)
    return parser


def _date(text: str) -> str:
    from datetime import date

    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2021-05-13") from error


if __name__ == "__main__":
    sys.exit(command_line.run(main))
