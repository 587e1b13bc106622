"""Best reference files: CRDS names them, and this downloads them and checks that each can be used."""
