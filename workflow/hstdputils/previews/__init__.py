"""Previews: pictures of products for people who look through an archive."""
