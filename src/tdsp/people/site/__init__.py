"""A project's documents, reports and records as one static site."""
