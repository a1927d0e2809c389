"""Facts about any repository, read and never run.

`read(folder)` returns one immutable Repository; `read_git(folder, commit)` returns the same of a
commit, without a work tree. Each fact names its file and line. Nothing is
executed, imported or unpickled, and no link is followed. A file that cannot be read costs only
itself: it is listed with the reason.
"""

from tdsp.reading.repository import Known, Repository, read, read_git, read_texts

__all__ = ["Known", "Repository", "read", "read_git", "read_texts"]
