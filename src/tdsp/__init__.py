"""Start, standardise and upgrade machine-learning projects in the TDSP layout."""

__version__ = "0.1.0"
