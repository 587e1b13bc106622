"""Telling topics and buses how datasets and batches ended."""
