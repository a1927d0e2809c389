"""From new rows or an alarm to a challenger: the same pipeline, the same gate."""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from .. import paths
from ..errors import ProjectError, readable
from ..ingest import ingest
from ..io.cells import COUNTED
from ..io.files import read_json, replacing
from ..io.tables import form_of, read_table, row_hashes, text_columns
from ..model.identity import model_id
from ..settings import Data, Settings
from ..steps.validate import check, load_schema, valid
from . import notify, registry
from .tracking import NAME, client

# What a kill may leave without its end: files that DVC writes in place, and folders of its cache.
IN_PLACE, RUNS = (Path(".dvc/tmp/rwlock"), Path("dvc.lock")), Path(".dvc/cache/runs")
TORN = 2.0  # seconds after which nobody is about to finish the file


def retrain(
    settings: Settings, source: Path | None, if_drift: bool, if_new_data: bool, reason: str
) -> str:
    """Return what was done. Each step can be repeated, so an interrupted run is just run again.

    Raises ProjectError when new rows or the model are refused, or another run is at work.
    """
    try:
        alone = FileLock(paths.PACKAGE.parent / "retrain.lock", timeout=0).acquire()
    except Timeout:
        raise ProjectError("another `retrain` is at work") from None
    with alone:
        working = registry.champion()
        drift = if_drift and drifted(working.model_id if working else model_id(paths.PACKAGE))
        if if_drift and not (drift or if_new_data):
            return "nothing to do: the last `monitor` of this model found no drift"
        added = add_rows(source, settings) if source else 0
        if if_new_data and not (drift or added) and settled():
            return "nothing to do: the pipeline has run on all there is"
        if dvc("repro"):
            notify.send(f"{paths.PROJECT}: retraining failed", f"The champion stays. Why: {reason}")
            raise ProjectError("the pipeline stopped, see above: the champion stays what it is")
        made = registry.register()
        if working and made.model_id == working.model_id:
            return "nothing learnt: the pipeline gives the champion again; pass new rows as --data"
        client().set_model_version_tag(NAME, made.number, "retrained", reason)
        return f"{added} rows added; version {made.number} ({made.model_id}) is the challenger"


def drifted(model: str) -> bool:
    """Tell whether the last `monitor` raised an alarm on this very model."""
    with readable(paths.MONITORED, "a verdict", f"{paths.MONITORED} is not here: run `monitor`"):
        found = json.loads(paths.MONITORED.read_text(encoding="utf-8"))
        return bool(found["alarm"]) and found["model_id"] == model


def settled() -> bool:
    """Tell whether the pipeline has run to its end, and its model is registered."""
    known = {version.model_id for version in registry.versions()}
    return not dvc("status", "--quiet") and model_id(paths.PACKAGE) in known


def dvc(*words: str) -> int:
    """Run DVC, and the stages, with this very Python; return the exit code."""
    unlock()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    env = {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1", "ENVIRONMENT": ""}
    command = [sys.executable, "-m", "dvc", *words]
    return subprocess.run(command, env=env, check=False).returncode  # noqa: S603


def unlock() -> None:
    """Remove what a killed run has left incomplete of DVC's files: DVC would not start again.

    If one was written a moment ago, another process may still be at work on it: wait for that one.
    """
    for path in (*IN_PLACE, *RUNS.glob("*/*")):
        with suppress(OSError):  # no run has been here, or the other one has ended
            while torn(path):
                # Also where the clock went back: what the file says is no moment ago then.
                if abs(time.time() - path.stat().st_mtime) > TORN:
                    (path.rmdir if path.is_dir() else path.unlink)()
                time.sleep(0.1)


def torn(path: Path) -> bool:
    """Tell whether a folder is empty, or JSON, or YAML, whose last line has a value, is cut off."""
    if path.is_dir():
        return not any(path.iterdir())
    content = path.read_bytes()
    if path.suffix == ".lock":
        return not content.endswith(b"\n") or content.endswith(b":\n")
    return content != b"{}" and not read_json(path)


def add_rows(source: Path, settings: Settings) -> int:
    """Add the rows of a file to the raw table, all or none; return how many were new.

    Raises ProjectError when one does not fit the schema, or the table cannot grow.
    """
    data, schema, text = settings.data, load_schema(paths.SCHEMA), text_columns(paths.SCHEMA)
    if not Path(f"{data.path}.dvc").exists():
        told = "has no .dvc file, so a stage makes it: put your own table there with `tdsp onboard`"
        raise ProjectError(f"{data.path} cannot grow: it {told}")
    if form_of(data.path, data) == "excel":
        raise ProjectError(f"{data.path} cannot grow: save it as CSV or Parquet, then onboard that")
    old, new = (read_table(path, data, text) for path in (data.path, source))
    new.index += 1  # as people count
    refused = f"{source}: no row was added"
    known, typed = check(ingest(old, data)[0], schema)[0], valid(new, schema, refused)
    both = pd.concat([known.set_axis(range(-len(known), 0)), typed])
    again = both.duplicated() & (both.index > 0)
    if not (data.drop_duplicates or data.id):  # equal rows may be others; a whole file is not
        again &= np.array_equal(row_hashes(known.tail(len(typed))), row_hashes(typed))
    valid(both[~again], schema, refused)  # an id may come twice
    added = new[~again.loc[new.index]].reindex(columns=old.columns)
    if len(added):
        append(added, data)
    if dvc("add", "--quiet", data.path.as_posix()):
        raise ProjectError(f"`dvc add {data.path}` failed, see above")
    return len(added)


def spelled(column: pd.Series, data: Data) -> pd.Series:
    """Return a column as texts that `tables` reads as these values."""
    reads, form = data.reads(str(column.name)), data.dates.get(str(column.name))
    if form and column.dtype.kind == "M":
        if form in COUNTED:
            raise ProjectError(f"{column.name!r} cannot grow: its dates are counted ({form})")
        return pd.Series(column.dt.strftime("%FT%T.%f" if form == "ISO8601" else form))
    if column.dtype.kind in "iuf":
        texts = column.map("{!r}".format, na_action="ignore").astype("str")
        return texts.str.replace(".", reads.decimal, regex=False).add(reads.unit)
    return column


def append(rows: pd.DataFrame, data: Data) -> None:
    """Add rows at the end of the raw table in its format; what stands there stays as it is."""
    path, form = data.path, form_of(data.path, data)
    with replacing(path) as temporary:
        if form == "parquet":
            old = pq.read_table(path)
            table = pa.Table.from_pandas(rows, old.schema, preserve_index=False)
            pq.write_table(pa.concat_tables([old, table]), temporary)
            return
        names = rows.columns if form == "csv" else data.dates.keys() & {*rows}
        rows = rows.assign(**{name: spelled(rows[name], data) for name in names})
        if form == "csv":
            lines = rows.to_csv(index=False, header=False, sep=data.delimiter)
        else:
            lines = rows.to_json(orient="records", lines=True, force_ascii=False, date_format="iso")
        # As a whole: the order of bytes stands at the beginning, and an appender does not see it.
        known = path.read_bytes().decode(data.encoding)
        between = "" if known.endswith("\n") else "\n"
        temporary.write_bytes(f"{known}{between}{lines}".encode(data.encoding))
