"""``hstdputils affected``: which datasets another CRDS context changes."""
