"""Runs of notebooks, the book, frozen records, and the command line."""
