"""Plans: their rows, and how they are made, read, changed and shown."""
