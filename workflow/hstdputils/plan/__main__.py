"""``python -m hstdputils.plan``."""

import sys

from hstdputils.core import command_line
from hstdputils.plan.command import main

sys.exit(command_line.run(main))
