"""``python -m hstdputils.watch``."""

import sys

from hstdputils.core import command_line
from hstdputils.watch.command import main

sys.exit(command_line.run(main))
