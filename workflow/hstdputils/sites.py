"""Places where datasets are processed by hand, and how CRDS is set up there."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Site:
    """A place, with a console command of its own."""

    command: str
    """The console command that processes datasets there."""
    description: str
    """How CRDS works there, for the command's help."""
    variables: dict[str, str]
    """CRDS's variables there; ``~`` stands for the home folder."""

    def set_variables(self) -> None:
        """Set CRDS's variables, but for those that the user has set."""
        for name, value in self.variables.items():
            os.environ.setdefault(name, str(Path(value).expanduser()) if value.startswith("~") else value)


ONSITE = Site(
    command="hstdputils-onsite-process",
    description="CRDS works without its server, from the cache /grp/crds/cache, which is read and never written.",
    variables={
        "CRDS_SERVER_URL": "https://hst-serverless-mode.stsci.edu",
        "CRDS_PATH": "/grp/crds/cache",
        "CRDS_READONLY_CACHE": "1",
    },
)
"""On the institute's network."""

REMOTE = Site(
    command="hstdputils-remote-process",
    description="CRDS asks its server, and keeps what it brings in ~/crds_cache, which grows as needed.",
    variables={
        "CRDS_SERVER_URL": "https://hst-crds.stsci.edu",
        "CRDS_PATH": "~/crds_cache",
        "CRDS_READONLY_CACHE": "0",
    },
)
"""Anywhere else."""
