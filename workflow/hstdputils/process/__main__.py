"""``python -m hstdputils.process``."""

import sys

from hstdputils.core import command_line
from hstdputils.process.command import main

sys.exit(command_line.run(main))
