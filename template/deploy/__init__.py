"""How a version gets into service, and out of it again."""
