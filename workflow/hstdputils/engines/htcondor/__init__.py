"""HTCondor as an engine, by its own command-line tools."""
