"""Checks of any machine-learning repository, over the facts of tdsp.reading: `tdsp check`."""
