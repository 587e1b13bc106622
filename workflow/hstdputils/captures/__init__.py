"""What of AWS Batch is captured, and how it is written down."""
