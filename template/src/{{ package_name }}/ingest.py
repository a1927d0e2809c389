"""Ingest, a stage of dvc.yaml: from the raw file to one table of rows to learn from."""

import pandas as pd

from . import paths
from .errors import ProjectError, run
from .io.files import write_json
from .io.tables import read_table, text_columns, write_table
from .settings import ROLES, Data, load


def ingest(raw: pd.DataFrame, data: Data) -> tuple[pd.DataFrame, dict[str, int]]:
    """Leave out rows without a target and, where asked for, exact duplicates; count both.

    Equal rows stay by default: they are often different people. The split keeps them on one side,
    else the model would be tested on rows that it has learned from.
    """
    if absent := data.absent({*raw}, *ROLES, "drop", "dates", "columns"):
        raise ProjectError(
            f"params.yaml names columns that {data.path} does not have: {', '.join(absent)}. It has"
            f" {', '.join(map(repr, raw.columns[:10]))}: are `delimiter` and `encoding` right?"
        )
    labelled = raw[raw[data.target].notna()]
    copies = labelled.duplicated()
    kept = part(labelled[~copies] if data.drop_duplicates else labelled, data)
    counts = {
        "rows_read": len(raw),
        "rows_without_target": len(raw) - len(labelled),
        "duplicate_rows": int(copies.sum()),
        "rows_kept": len(kept),
    }
    return kept.reset_index(drop=True), counts


def part(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Return data.fraction of the rows, always the same: the newest, or a random draw."""
    if data.fraction == 1:
        return frame
    rows = max(1, round(len(frame) * data.fraction))
    if data.time:
        return frame.sort_values(data.time, kind="stable").tail(rows)
    return frame.sample(rows, random_state=0)


def main() -> None:
    """Read the raw file; leave out rows without a target and, where asked for, duplicates."""
    settings = load(paths.PARAMS)
    raw = read_table(settings.data.path, settings.data, text_columns(paths.SCHEMA))
    frame, counts = ingest(raw, settings.data)
    write_table(frame, paths.INGESTED)
    write_json(counts, paths.INGESTION)


if __name__ == "__main__":
    run(main)
