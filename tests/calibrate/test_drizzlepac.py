import pytest

from hstdputils.calibrate.drizzlepac import VARIABLES, astrometry_variables, describe
from hstdputils.core.errors import UserError


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("wanted", "message"), [(None, "on"), (True, "on"), (False, "off")])
def test_both_are_switched_at_once(wanted, message):
    variables = astrometry_variables(wanted)
    # runsinglehap heeds no switch: without alignment, it gets no address to ask for catalogues
    assert variables == dict.fromkeys(VARIABLES, message) | (
        {} if message == "on" else {"ASTROMETRIC_CATALOG_URL": "off"}
    )
    assert describe(variables) == message


def test_drizzlepacs_own_variables_count_where_nothing_is_asked_for(monkeypatch):
    monkeypatch.setenv("ASTROMETRY_COMPUTE_APOSTERIORI", "No")
    variables = astrometry_variables(None)
    assert describe(variables) == "a posteriori off, a priori on"
    assert describe(astrometry_variables(True)) == "on"


def test_a_value_that_drizzlepac_does_not_know_is_one_line(monkeypatch):
    monkeypatch.setenv("ASTROMETRY_APPLY_APRIORI", "0")
    with pytest.raises(UserError, match="ASTROMETRY_APPLY_APRIORI is '0': set it to on or off"):
        astrometry_variables(None)
