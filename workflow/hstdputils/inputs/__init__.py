"""Inputs: a dataset's raw files, from the first source that has them."""
