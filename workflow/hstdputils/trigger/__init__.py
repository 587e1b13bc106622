"""The trigger: an id list put into a bucket starts a batch."""
