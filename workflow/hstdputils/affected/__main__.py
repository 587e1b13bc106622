"""``python -m hstdputils.affected``."""

import sys

from hstdputils.affected.command import main
from hstdputils.core import command_line

sys.exit(command_line.run(main))
