"""How far a batch is: what the commands over batches share."""
