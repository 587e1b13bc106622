"""Reports: how the datasets of a batch ended, on the terminal and as a page."""
