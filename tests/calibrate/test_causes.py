"""The line that tells why a program failed, chosen from what real programs printed.

The recordings are the last lines of calacs.e 10.5.0, calwf3.e 3.7.3, cs0.e 3.5.0, calcos 3.6.1, and runastrodriz and
runsinglehap of drizzlepac 3.11, called on faulty inputs and references; their last line is the exit status.
"""

from pathlib import Path

import pytest

from hstdputils.calibrate.causes import LONGEST_REASON, cause, failure, signal_of
from hstdputils.calibrate.recipe import Command, Program
from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import Outcome

RECORDED = Path(__file__).parent / "recorded"

REASONS = {
    "calacs_cut_input": "HSTIO error 114: Filename jdem01s6q_raw.fits EXTNAME SCI EXTVER 1",
    "calacs_no_ccdtab_row": "Matching row not found in CCDTAB `jref$mad_ccdtab.fits'. CCDAMP C, CCDGAIN 8.0, CC",
    "calacs_no_imphttab_row": "Matching row not found in IMPHTTAB `acs,hrc,f606w,mjd#'. ==>ERROR: OBSMODE acs,hrc",
    "calacs_no_input": "File jdem01s7q_raw.fits not found for processing",
    "calacs_no_member": "Can't open file jdem01s7q_raw.fits",
    "calacs_no_reference": "BIASFILE `jref$mad_biasfile.fits' not found or can't open.",
    "calacs_no_satu": "SATUFILE `jref$nowhere_sat.fits' not found or can't open.",
    "calacs_output_exists": "Output file `jdem01s6q_blv_tmp.fits' already exists.",
    "calacs_reference_na": "DARKFILE `N/A' not found or can't open.",
    "calacs_signal": "by SIGSEGV: *** ERROR in HST I/O functions: Filename jref$mad_dfltfile.fits EXT",
    "calcos_exception": "OSError: File ldem01f1q_corrtag.fits already exists.",
    "calcos_no_row": "Missing row in XTRACTAB; filter = {'segment': 'NUVA',",
    "calwf3_no_input": "File idem0109q_raw.fits not found for processing",
    "calwf3_no_reference": "CCDTAB `iref$nowhere_ccd.fits' not found or can't open.",
    "calwf3_no_reference_named": "CCDTAB `' not found or can't open.",
    "cs0_cut_input": "was ended by SIGSEGV: Imset 1 Begin",
    "cs0_no_reference": "DARKFILE `oref$mad_darkfile.fits' not found or can't open.",
    "cs0_no_row": "Matching row not found in CCDTAB `oref$mad_ccdtab.fits'. ERROR: CCDAMP D, CCDGAIN 8, CCDOFF",
    "cs0_no_wavecal": "was ended by SIGSEGV: Wavecal odem01010_wav.fits",
    "cs0_output_exists": "Output file `odem01010_crj.fits' already exists.",
    "runastrodriz_cut_input": "Exception: buffer is too small for requested array",
    "runastrodriz_no_reference": "Exception: IDCTAB file /references/nowhere_idc.fits not found",
    "runastrodriz_no_row": "Problem finding row in IDCTAB! Could not find row matching: CHIP: 1 FILTERS: F435W",
    "runsinglehap_no_input": "FileNotFoundError: [Errno 2] No such file or directory: np.str_('jdem01d1q_flt.fits')",
    "runsinglehap_no_keyword": "KeyError: \"Keyword 'MTFLAG' not found.\"",
}


def why(name: str, status: int, lines: list[str]) -> tuple[Outcome, str]:
    found = failure(Command(Program(name, name, "get it"), (), ExitCode.STAGE1), status, lines)
    return found.outcome, found.reason


@pytest.mark.parametrize("recording", sorted(path.stem for path in RECORDED.glob("*.txt")))
def test_reason_is_the_cause(recording):
    *lines, last = (RECORDED / f"{recording}.txt").read_text().splitlines()
    outcome, reason = why(recording.partition("_")[0], int(last.removeprefix("exit status ")), lines)
    assert outcome is Outcome.CALIBRATION_ERROR
    assert REASONS[recording] in " ".join(reason.split())
    assert not reason.endswith(
        ("status = 1021", "Open failed.", "missing.", "Table error.", "(most recent call last):")
    )


def test_every_recording_has_its_reason():
    assert sorted(REASONS) == sorted(path.stem for path in RECORDED.glob("*.txt"))


TRACE = ["Traceback (most recent call last):", '  File "x.py", line 1, in <module>', "    f()"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["==>ERROR: Matching row not found in IMPHTTAB `jref$x_imp.fits'.", "ERROR:   status = 11"],
            "IMPHTTAB `jref$x",
        ),
        (['ERROR:    Member "jdem01s7q" is not present', "ERROR:             status = 2"], 'Member "jdem01s7q"'),
        (['Warning    Member "jdem01s7q" is not present', "ERROR:    Open failed."], 'Member "jdem01s7q"'),
        ([*TRACE, "calcos.cosutil.BadRow: no such row", "late output"], "calcos.cosutil.BadRow: no such row"),
        ([*TRACE, "StopIteration", "late output"], "StopIteration"),
        ([*TRACE, "ValueError: first", "", "During handling …", *TRACE, "KeyError: 'last'"], "KeyError: 'last'"),
        (["ValueError: known", "Exception ignored in: <f>", *TRACE, "OSError: at exit"], "ValueError: known"),
        ([*TRACE, "ValueError: known", "Exception ignored in: <f>", *TRACE, "OSError: at exit"], "ValueError: known"),
        (["ERROR:  Wrong FILETYPE", *TRACE, "RuntimeError"], "ERROR:  Wrong FILETYPE"),
        ([*TRACE, "RuntimeError", "ERROR:  Wrong FILETYPE"], "ERROR:  Wrong FILETYPE"),
        (["RuntimeError: bad", TRACE[0]], "RuntimeError: bad"),
        (["ERROR: the only one", TRACE[0]], "ERROR: the only one"),
        (["Imset 1", "/opt/bin/cs0.e:", ""], "Imset 1"),
        (["2026 ERROR src=drizzlepac- no overlap", "2026 INFO src=drizzlepac- done"], "no overlap"),
        ([], ""),
    ],
)
def test_what_was_not_recorded(lines, message):
    assert message in cause(lines)
    assert (message == "") is (cause(lines) == "")


def test_reason_has_an_end():
    assert len(why("calxyz", 1, ["ERROR: " + "x" * 8000])[1]) < LONGEST_REASON + 50


@pytest.mark.parametrize(
    ("status", "name"),
    [(-11, "SIGSEGV"), (139, "SIGSEGV"), (-6, "SIGABRT"), (134, "SIGABRT"), (137, "SIGKILL"), (143, "SIGTERM")],
)
def test_signals_are_named_from_wrappers_too(status, name):
    assert signal_of(status).name == name


@pytest.mark.parametrize("status", [0, 1, 2, 16, 115, 128, 128 + 17, 128 + 64, 200, 255, -200])
def test_what_is_not_a_signal(status):
    assert signal_of(status) is None


def test_memory_and_disk_name_the_line_that_says_so():
    lines = [
        "No memory left to allocate data.",
        "ERROR:    CALACS processing NOT completed",
        "ERROR:    Open failed.",
    ]
    assert why("calacs.e", 2, lines) == (Outcome.OUT_OF_MEMORY, "calacs.e: No memory left to allocate data.")
    lines = ["OSError: [Errno 122] Disk quota exceeded", "late"]
    outcome, reason = why("calcos", 1, lines)
    assert (outcome, reason.endswith("exceeded: free some space")) == (Outcome.STORAGE_ERROR, True)
