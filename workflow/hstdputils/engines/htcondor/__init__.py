"""HTCondor: the rows of a plan as one cluster of jobs, by HTCondor's own command-line tools."""
