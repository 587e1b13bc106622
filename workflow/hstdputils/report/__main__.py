"""``python -m hstdputils.report``."""

import sys

from hstdputils.core import command_line
from hstdputils.report.command import main

sys.exit(command_line.run(main))
