"""Starting containers on this machine, with all that processing needs of it."""

from hstdputils.containers.engine import find_engine
from hstdputils.containers.environment import Environment, environment
from hstdputils.containers.mounts import Mount, aws_mounts, certificate_mounts, crds_mounts, mounts_of

__all__ = [
    "Environment",
    "Mount",
    "aws_mounts",
    "certificate_mounts",
    "crds_mounts",
    "environment",
    "find_engine",
    "mounts_of",
]
