"""The one error that people are meant to read; the command line prints it without a traceback."""


class ProjectError(Exception):
    """Something that the user can put right: a file, a parameter, the data, the gate."""
