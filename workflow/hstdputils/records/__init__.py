"""Records: plan rows, batches, markers, manifests, logs and metrics."""
