"""The error that people are meant to read; the command line prints it without a traceback."""


class TdspError(Exception):
    """Something that the user can put right; the message says what, where and how."""


class OnboardError(TdspError):
    """Nothing was written; the message says what is wrong, where, and what to do."""
