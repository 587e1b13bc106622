"""What is recorded of an attempt while it runs: its log, and what it uses."""
