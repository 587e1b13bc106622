"""``python -m hstdputils.doctor``."""

import sys

from hstdputils.core import command_line
from hstdputils.doctor.command import main

sys.exit(command_line.run(main))
