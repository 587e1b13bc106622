"""``hstdputils doctor``: check a set-up before anything runs."""
