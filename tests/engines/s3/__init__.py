"""S3 servers that are not Amazon's, and what stands before them."""
