"""AWS beside Batch and S3: an account with its rights, Lambda's side of a function, and the metadata of instances."""
