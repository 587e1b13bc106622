"""What instances cost, and what jobs on them do."""
