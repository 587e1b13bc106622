"""Real ids with measured times: a batch whose longest datasets start first ends almost as soon as it can."""

import numpy as np
from benchmarks.longest_first import bound, expected_seconds, makespan, measured_runs

SLOTS = 100


def test_the_longest_first_end_sooner_than_those_in_the_order_of_ids(real_data):
    runs = measured_runs(real_data / "ids/mvp-10000.ids", real_data / "history/measured_train.csv.gz")
    least = bound(runs.wall.tolist(), SLOTS)
    by_id = np.argsort(runs.names.view("S9").ravel(), kind="stable")
    longest = np.argsort(-expected_seconds(runs), kind="stable")
    assert makespan(runs.wall[by_id].tolist(), SLOTS) > 1.1 * least
    assert makespan(runs.wall[longest].tolist(), SLOTS) < 1.01 * least


def test_makespan_and_bound():
    assert makespan([1, 1, 4], 2) == 5
    assert makespan([4, 1, 1], 2) == bound([4, 1, 1], 2) == 4
    assert bound([1.0] * 6, 4) == 1.5
