"""``python -m hstdputils.run``."""

import sys

from hstdputils.core import command_line
from hstdputils.run.command import main

sys.exit(command_line.run(main))
