"""The exit codes of every command, which agree with those HST operators know from CALDP."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit status of a command means."""

    SUCCESS = 0
    GENERAL = 1
    COMMAND_LINE = 2
    INPUTS = 21
    MAST = 22
    STAGE1 = 23
    STAGE2 = 24
    UPLOAD = 25
    S3_DOWNLOAD = 26
    REFERENCES = 27
    PREVIEWS = 28
    PRODUCTS = 29
    SUBPROCESS_MEMORY = 31
    OWN_MEMORY = 32
    CONTAINER_MEMORY = 33
    OS_MEMORY = 34
    TIME = 35
    SVM = 40
    MVM = 41
    INTERRUPTED = 130
    CANCELLED = 143

    @property
    def meaning(self) -> str:
        """Return what the code means, in words."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.SUCCESS: "all that was asked for is done",
    ExitCode.GENERAL: "an error without a code of its own, or datasets that failed with different codes",
    ExitCode.COMMAND_LINE: "wrong command line, id list, plan or configuration",
    ExitCode.INPUTS: "the inputs are missing or broken (folder, tarball, raw FITS file)",
    ExitCode.MAST: "download from MAST failed",
    ExitCode.STAGE1: "the calibration program failed",
    ExitCode.STAGE2: "the second calibration stage (drizzling) failed",
    ExitCode.UPLOAD: "the store cannot be reached or written, or the work disk is full",
    ExitCode.S3_DOWNLOAD: "inputs or references cannot be fetched from S3 or from CRDS's server",
    ExitCode.REFERENCES: "CRDS: no context, or a reference file is bad, unknown or missing",
    ExitCode.PREVIEWS: "previews failed",
    ExitCode.PRODUCTS: "a product that this kind of exposure must have is missing, empty or broken",
    ExitCode.SUBPROCESS_MEMORY: "a calibration program ran out of memory",
    ExitCode.OWN_MEMORY: "hstdputils itself ran out of memory",
    ExitCode.CONTAINER_MEMORY: "the container's memory limit was reached",
    ExitCode.OS_MEMORY: "the operating system had no more memory to give",
    ExitCode.TIME: "the time limit was reached",
    ExitCode.SVM: "the mosaics of a visit failed (runsinglehap)",
    ExitCode.MVM: "the mosaics of a sky cell failed (runmultihap)",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C",
    ExitCode.CANCELLED: "stopped by SIGTERM",
}


def table() -> str:
    """Return the codes with their meanings, one a line, for ``--help``."""
    return "\n".join(f"  {code.value:>3}  {code.meaning}" for code in ExitCode)
