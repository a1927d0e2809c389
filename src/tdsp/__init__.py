"""Start, standardise and upgrade machine-learning projects in the TDSP layout."""

__version__ = "0.1.0"
# The first command of a project. It adds nothing, since pytest is asked for already: uv.lock begins
# with the versions of the template.
INSTALL = "uv add --dev --constraints requirements.lock pytest"
