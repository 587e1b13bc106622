"""``hstdputils sync``: download the references of a plan into the CRDS cache."""
