"""Tests on S3 servers that are not Amazon's, and on what stands before them."""
