"""What the machine and its kernel do to a process: limits, kills, notices; and what programs get to see."""
