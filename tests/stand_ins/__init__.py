"""Stand-ins for what the package talks to: services on loopback, engines of the tests, calibration programs."""
