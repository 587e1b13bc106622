"""Previews: small pictures of products."""
