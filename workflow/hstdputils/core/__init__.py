"""What everything rests on: datasets, instruments, outcomes, errors, configuration, text."""
