"""S3 servers that are not Amazon's, what stands before them, and stores that lie."""
