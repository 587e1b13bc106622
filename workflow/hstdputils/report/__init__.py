"""``hstdputils report``: show how the datasets of a batch ended."""
