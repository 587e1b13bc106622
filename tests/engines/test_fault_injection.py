"""Fault injection: outcomes that an operator forces."""

import json

import pytest

from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import Outcome


def process(with_stand_in, made_up, fault, *names):
    arguments = ("process", "results", "b", f"--inputs={made_up.inputs}", "--crds-context=hst_9001.pmap", *names)
    return with_stand_in.hstdputils(*arguments, CRDS_PATH=str(made_up.crds), HSTDP_FAULT=fault)


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.SUCCEEDED])
def test_each_outcome_can_be_forced(with_stand_in, made_up, outcome):
    ran = process(with_stand_in, made_up, str(outcome), "ldem01acq")
    assert ran.status == outcome.exit_code != 0
    marker = json.loads((with_stand_in.folder / "results/b/markers/failed/ldem01acq.json").read_text())
    assert marker["outcome"] == outcome
    assert marker["reason"] == f"fault injection: HSTDP_FAULT={outcome}"


def test_one_dataset_alone(with_stand_in, made_up):
    ran = process(with_stand_in, made_up, "timeout:LDEM01ACQ", "ldem01acq", "ldem01tnq")
    assert ran.status == ExitCode.TIME
    assert "ldem01acq timeout" in ran.out
    assert "ldem01tnq succeeded" in ran.out
    again = process(with_stand_in, made_up, "", "ldem01acq")
    assert again.status == 0


def test_what_is_not_an_outcome(with_stand_in, made_up):
    ran = process(with_stand_in, made_up, "out_of_memry", "ldem01acq")
    assert ran.status == 2
    assert "'out_of_memry' is not a valid outcome; did you mean 'out_of_memory'?" in ran.err
