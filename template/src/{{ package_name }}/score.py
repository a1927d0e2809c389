"""Score rows in batches: valid ones get a prediction, the others a reason."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import pandas as pd
import pyarrow as pa

from .errors import ProjectError
from .served import Served
from .settings import Settings
from .tables import cleaned

Checked = tuple[pd.DataFrame, pd.DataFrame]


def score(
    batches: Iterable[pd.DataFrame | pa.RecordBatch],
    served: Served,
    accepts: Callable[[pa.RecordBatch], bool],
    check: Callable[[pd.DataFrame], Checked],
    settings: Settings,
    at: datetime,
) -> Iterator[tuple[pa.Table | None, pd.DataFrame | None]]:
    """Yield (scored rows, reasons against rejected rows) for each batch, in the order of the rows.

    What `accepts` is scored at once, the rest after `check`, cell by cell. Scored rows have `row`
    (from 1, the header not counted), the id columns, the prediction, `model_id` and `scored_at`;
    None stands for no rows. Raises ProjectError for a bad row when score.on_bad_rows is stop.
    """
    first = 1
    for batch in batches:
        numbers = pa.array(range(first, first + len(batch)), pa.int64())
        first += len(batch)
        if isinstance(batch, pa.RecordBatch) and accepts(batch):
            yield _scored(batch, numbers, served, settings, at), None
            continue
        if isinstance(batch, pa.RecordBatch):
            batch = cleaned(batch, settings.data)
        valid, reasons = check(batch.set_axis(numbers.to_numpy(), axis="index"))
        if len(reasons) and settings.score.on_bad_rows == "stop":
            raise ProjectError(f"bad rows, nothing written:\n{reasons.head(10).to_string()}")
        if valid.empty:
            yield None, reasons
            continue
        rows = pa.Table.from_pandas(valid, preserve_index=False)
        yield _scored(rows, pa.array(valid.index, pa.int64()), served, settings, at), reasons


def _scored(
    rows: pa.RecordBatch | pa.Table,
    numbers: pa.Array,
    served: Served,
    settings: Settings,
    at: datetime,
) -> pa.Table:
    ids = {name: rows.column(name) for name in settings.data.id if name in rows.schema.names}
    stamp = {"model_id": served.model_id, "scored_at": at.isoformat(timespec="seconds")}
    stamps = {name: pa.repeat(value, len(numbers)) for name, value in stamp.items()}
    predicted = {name: pa.array(values) for name, values in served.predict_batch(rows).items()}
    return pa.table({"row": numbers, **ids, **predicted, **stamps})
