"""Run with a folder of git: what a check costs inside a process, as one line of JSON.

`cold` parses all, `content` finds the report of the same content again, `changed` has one file of
Python with other content, and `nothing` has no change at all.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tdsp.check import memory
from tdsp.check.report import as_json
from tdsp.check.run import Report, check_folder
from tdsp.reading.cache import Cache


def main() -> None:
    """Time each state once; the report has to be the one of a run without a cache."""
    folder = Path(sys.argv[1])
    file = next(iter(sorted(folder.glob("src/*/*.py"))))
    text = file.read_text(encoding="utf-8")
    time.sleep(memory.RACY + 0.1)  # files as new as the reading are not trusted
    costs: dict[str, float] = {}
    with Cache() as cache:

        def timed(name: str) -> Report:
            return measured(costs, name, lambda: check_folder(folder, cache=cache))

        timed("cold")
        timed("nothing")
        file.touch()
        timed("content")
        file.write_text(f"{text}\n# changed\n", encoding="utf-8")
        again = timed("changed")
    if as_json(again, None) != as_json(check_folder(folder), None):
        sys.exit("error: the report out of the cache is another one")
    file.write_text(text, encoding="utf-8")
    print(json.dumps(costs))


def measured(costs: dict[str, float], name: str, action: Callable[[], Report]) -> Report:
    """Keep the CPU milliseconds of an action under a name."""
    started = time.process_time()
    result = action()
    costs[name] = (time.process_time() - started) * 1000
    return result


if __name__ == "__main__":
    main()
