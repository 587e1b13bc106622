"""A Docker daemon of the tests' own, an image of the project and an image of Apptainer: made once for a test run."""
