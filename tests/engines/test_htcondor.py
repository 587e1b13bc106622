"""Plans on a real HTCondor pool: submitted, watched, rescued, cancelled."""

import os
from collections import Counter

import pytest

from tests.engines.condor_sites import CondorSite

pytestmark = pytest.mark.engine("HTCondor")

KILLS = int(os.environ.get("TEST_KILLS", "10"))
"""How often the submitter is killed."""


@pytest.fixture
def site(commands, condor):
    """Return a store and the pool, whose queue is empty before and after."""
    condor.empty()
    yield CondorSite(commands, condor)
    condor.empty()


def test_a_batch_is_watched_to_its_end(site):
    names = site.write(4)
    site.tell(names[1], "exit", 24, "calibration_error")
    ran = site.submit("--", "--context", "it's $HOME")
    assert ran.status == 0, ran.said
    assert "b: 4 rows submitted in 1 jobs\n" in ran.out
    ran = site.watch()
    assert ran.status == 24, ran.said
    assert "3 succeeded" in ran.out
    assert site.started() == Counter(names)
    log = (site.folder / f"logs/b/{names[0]}.log").read_text()
    assert log == f"stand-in at work on {names[0]} --context it's $HOME\n"
    assert "nothing to submit" in site.submit().out or site.submit().status == 0
    assert site.started() == Counter(names)
