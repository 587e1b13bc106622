"""``hstdputils run``: process the rows of a plan on this machine."""
