"""The base of all other rooms: datasets, instruments, id lists, outcomes, errors, configuration, text."""
