"""Score rows in batches: valid ones get a prediction, the others a reason."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import pandas as pd
from pandera.pandas import DataFrameSchema

from . import problem
from .errors import ProjectError
from .features import features
from .schema import check
from .settings import Settings


def score(
    batches: Iterable[pd.DataFrame],
    model: Any,
    model_id: str,
    schema: DataFrameSchema,
    settings: Settings,
    at: datetime,
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield (scored rows, reasons against rejected rows) for each batch, in the order of the rows.

    Scored rows have `row` (from 1, the header not counted), the id columns, the prediction,
    `model_id` and `scored_at`. Raises ProjectError for a bad row when score.on_bad_rows is stop.
    """
    first = 1
    for batch in batches:
        numbered = batch.set_axis(range(first, first + len(batch)), axis="index")
        first += len(batch)
        valid, reasons = check(numbered, schema)
        if len(reasons) and settings.score.on_bad_rows == "stop":
            raise ProjectError(f"bad rows, nothing written:\n{reasons.head(10).to_string()}")
        if valid.empty:
            yield pd.DataFrame(), reasons
            continue
        predicted = problem.predict(model, features(valid, settings.data))
        ids = valid[[name for name in settings.data.id if name in valid]]
        stamp = {"model_id": model_id, "scored_at": at.isoformat(timespec="seconds")}
        scored = pd.concat([ids, predicted], axis="columns").assign(**stamp)
        scored.insert(0, "row", scored.index)
        yield scored.reset_index(drop=True), reasons
