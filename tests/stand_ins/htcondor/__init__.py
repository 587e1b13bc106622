"""An HTCondor pool of the tests' own, what runs on it, and Snakemake's executor for it."""
