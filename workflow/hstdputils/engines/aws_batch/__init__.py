"""AWS Batch as an engine: array jobs and single jobs, submitted exactly once."""
