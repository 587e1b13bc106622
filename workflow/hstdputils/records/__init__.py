"""What is written down: plan rows, batches, markers, manifests, logs and metrics."""
