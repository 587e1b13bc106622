"""``python -m hstdputils.sync``."""

import sys

from hstdputils.core import command_line
from hstdputils.sync.command import main

sys.exit(command_line.run(main))
