"""What the verbs of operators share: the batch, a choice of its datasets, its engine."""
