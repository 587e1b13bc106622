"""The rows of a plan on this machine: as many at once as its cores and memory allow, each in a process of its own."""
