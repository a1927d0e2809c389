"""Write a Parquet file of synthetic contracts without their outcome, part by part."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tdsp.generate import messy

PART = 100_000
DIFFERENT = 10


def parts(rows: int) -> Iterator[pa.Table]:
    """Yield tables of at most PART rows; after DIFFERENT of them they come again."""
    drawn: list[pa.Table] = []
    for number, start in enumerate(range(0, rows, PART)):
        if number < DIFFERENT:
            frame = messy(PART, seed=1000 + number).drop(columns="churned")
            # As the table that was learned on has it: text.
            frame["autopay"] = frame["autopay"].astype("str")
            drawn.append(pa.Table.from_pandas(frame, preserve_index=False))
        yield drawn[number % DIFFERENT].slice(0, min(PART, rows - start))


def main(rows: int, path: Path) -> None:
    """Write `rows` rows to `path`."""
    writer = None
    for part in parts(rows):
        writer = writer or pq.ParquetWriter(path, part.schema)
        writer.write_table(part)
    if writer:
        writer.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
