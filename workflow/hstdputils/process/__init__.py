"""``hstdputils process``: calibrate datasets."""
