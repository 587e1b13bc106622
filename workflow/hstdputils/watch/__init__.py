"""``hstdputils watch``: follow the jobs of a batch to their end."""
