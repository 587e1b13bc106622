"""Whether a marker speaks for the last attempt at a job: an earlier one's, or another job's, must not."""

from dataclasses import replace

import pytest

from hstdputils.core.outcomes import Outcome
from hstdputils.engines.aws_batch import causes as of_batch
from hstdputils.engines.htcondor import causes as of_condor
from tests.engines.test_batch_causes import marker

END = "2023-11-14T22:30:00.000+00:00"
ENDED = 1_700_001_000
"""The same, in seconds since 1970."""

OWN = replace(marker(Outcome.BAD_INPUT, end=END), job="1")


def detail(*started, job="1"):
    """Return a job of AWS Batch with attempts that started so many seconds after the marker's end."""
    return {"jobId": job, "attempts": [{"startedAt": 1000 * (ENDED + seconds)} for seconds in started]}


@pytest.mark.parametrize(
    ("job", "is_own"),
    [
        (detail(-60), True),
        (detail(7200), True),  # however wrong the clock of its machine is
        (detail(-600, -60), True),
        (detail(-60, 7200), False),
        (detail(-60, job="2"), False),
        (detail(), True),
    ],
    ids=["its own", "another clock", "the second", "before the second", "of another job", "no attempt is known"],
)
def test_of_aws_batch(job, is_own):
    assert of_batch.is_of(job, OWN) is is_own


@pytest.mark.parametrize("later", [-60, 7200])
def test_of_aws_batch_where_the_marker_knows_no_job(later):
    assert of_batch.is_of(detail(later), replace(OWN, job="")) is (later < 0)


@pytest.mark.parametrize(("starts", "is_own"), [(0, True), (1, True), (2, False)])
def test_of_htcondor(starts, is_own):
    ad = {"JobCurrentStartDate": ENDED + 7200, "NumJobStarts": starts}
    assert of_condor.is_of("1", ad, OWN) is is_own
    assert of_condor.is_of("1", ad | {"JobCurrentStartDate": ENDED - 60}, OWN)


def test_of_htcondor_with_an_end_that_is_no_date():
    ad = {"JobCurrentStartDate": ENDED, "NumJobStarts": 2}
    assert not of_condor.is_of("1", ad, replace(OWN, end="yesterday"))
