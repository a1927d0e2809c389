"""Jinja compiles each text of a template once in a process, not once in each render.

A render of the whole template compiles 3,400 texts, the same ones each time: names of files, parts
of names, contents. That is most of its time. Code does not depend on the answers.
"""

import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MOST = 20_000  # texts that are kept
SYNTAX = (
    "block_start_string", "block_end_string", "variable_start_string", "variable_end_string",
    "comment_start_string", "comment_end_string", "line_statement_prefix", "line_comment_prefix",
    "trim_blocks", "lstrip_blocks", "newline_sequence", "keep_trailing_newline", "optimized",
    "sandboxed", "is_async", "autoescape", "undefined",
)  # fmt: skip
_KNOWN: dict[tuple[Any, ...], Any] = {}


@contextmanager
def compiled_once() -> Iterator[None]:
    """Keep what Jinja compiles, by the text and by all settings that change its code."""
    from jinja2 import Environment

    real = Environment.compile

    def kept(
        self: Environment,
        source: Any,
        name: Any = None,
        filename: Any = None,
        *more: Any,
        **named: Any,
    ) -> Any:
        if not isinstance(source, str) or more or named.get("raw"):
            return real(self, source, name, filename, *more, **named)
        settings = tuple(getattr(self, each) for each in SYNTAX)
        key = (type(self), settings, tuple(self.extensions), source, name, *sorted(named.items()))
        if key not in _KNOWN:
            if len(_KNOWN) >= MOST:
                _KNOWN.clear()
            _KNOWN[key] = real(self, source, name, filename, **named)
        else:
            self.preprocess(source, name, filename)  # where extensions forget the text before
        return _KNOWN[key]

    Environment.compile = kept  # type: ignore[method-assign]
    try:
        yield
    finally:
        Environment.compile = real  # type: ignore[method-assign]


if __name__ == "__main__":  # copier's own command: an update renders three times
    with compiled_once():
        runpy.run_module("copier", run_name="__main__")
