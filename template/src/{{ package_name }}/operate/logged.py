"""From the requests that an Azure ML endpoint has logged to a table of rows, for monitors."""

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from ..errors import ProjectError
from ..io.tables import write_table


def rows(folder: Path, start: datetime, end: datetime) -> Iterator[dict[str, Any]]:
    """Yield the rows of requests from `start` until before `end`, which have a time zone.

    The folder is an endpoint's, with one for each deployment, or that of one's requests.
    """
    for path in sorted(folder.rglob("*.jsonl")):
        if "response" in path.relative_to(folder).parts:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if start <= datetime.fromisoformat(record["time"]) < end:
                data = record["data"] if isinstance(record["data"], list) else [record["data"]]
                yield from (row for row in data if isinstance(row, dict))


def main(
    start: Annotated[str, typer.Option(help="ISO 8601 with a time zone; included.")],
    end: Annotated[str, typer.Option(help="ISO 8601 with a time zone; not included.")],
    source: Annotated[Path, typer.Option("--input", help="The folder of the logged requests.")],
    output: Annotated[Path, typer.Option(help="Ends in .parquet.")],
) -> None:
    """Write the rows of the logged requests of a window of time."""
    found = list(rows(source, datetime.fromisoformat(start), datetime.fromisoformat(end)))
    if not found:
        raise ProjectError(f"no request was logged from {start} until {end}")
    write_table(pd.DataFrame(found), output)


if __name__ == "__main__":
    try:
        typer.run(main)
    except ProjectError as error:
        sys.exit(f"error: {error}")
