"""A Python file as facts: one parse, one walk in the order in which the code runs.

`facts` says what is known of a file, `values` reads expressions, `statements` walks over the rest.
Names are resolved through the file's own imports, so that `sk.StandardScaler` is known by what it
is and not by its letters. What cannot be told has no name.
"""

import ast
import re
import warnings

from tdsp.reading.python.facts import (
    NOTHING,
    Assign,
    Call,
    Condition,
    Function,
    Handler,
    Import,
    Module,
    Single,
    Text,
    Value,
)
from tdsp.reading.python.statements import Walker

__all__ = [
    "NOTHING",
    "Assign",
    "Call",
    "Condition",
    "Function",
    "Handler",
    "Import",
    "Module",
    "Single",
    "Text",
    "Value",
    "parse",
]


def parse(path: str, source: str) -> Module:
    """Return the facts of a file; of one that does not parse, the reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
        walker = Walker()
        walker.module(tree)
    except SyntaxError as error:
        old = bool(error.msg) and ("print" in error.msg or "except" in error.msg)
        old = old or any(_python2(line) for line in source.splitlines()[:2000])
        message = error.msg or "syntax error"
        return Module(path, source, problem=message, problem_line=error.lineno or 1, python2=old)
    except (ValueError, RecursionError, MemoryError) as error:
        kind = "nested too deeply" if isinstance(error, RecursionError) else "not readable"
        return Module(path, source, problem=kind)
    return walker.facts(path, source)


RAISES = re.compile(r"raise \w+, ")


def _python2(line: str) -> bool:
    bare = line.strip()
    return (
        bool(RAISES.match(bare))
        or bare.startswith(("print '", 'print "', "exec '"))
        or (bare.startswith("except ") and "," in bare and " as " not in bare and "(" not in bare)
    )
