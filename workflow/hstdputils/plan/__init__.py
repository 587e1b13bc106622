"""``hstdputils plan``: turn a list of datasets into a plan, show a plan, or change its rows."""
