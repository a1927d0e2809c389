"""The command line: each step reads files, calls a pure function, writes files.

Imports are inside the commands, so that a step pays only for the libraries that it needs.
"""

import json
import sys
import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import paths
from .errors import ProjectError
from .settings import load

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def main() -> None:
    """Run a command; an error that people can put right is printed without a traceback."""
    try:
        app()
    except ProjectError as error:
        sys.exit(f"error: {error}")


@app.callback()
def project() -> None:
    """Run a step of dvc.yaml, or score a file. Run from the project's root folder."""


def _write_text(text: str, path: Path) -> None:
    from .tables import replacing

    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _write_json(value: Any, path: Path) -> None:
    _write_text(json.dumps(value, indent=2) + "\n", path)


def _write_table(frame: "pd.DataFrame", path: Path) -> None:
    from .tables import writer

    with writer(path) as append:
        append(frame)


def _read_table(path: Path) -> "pd.DataFrame":
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise ProjectError(f"{path} cannot be read ({error}): run `dvc repro`") from error


@app.command()
def ingest() -> None:
    """Read the raw file; leave out duplicates and rows without a target."""
    import pandas as pd

    from .ingest import ingest
    from .tables import read_batches, text_columns

    settings = load(paths.PARAMS)
    data, rows = settings.data, settings.score.batch_rows
    raw = pd.concat(read_batches(data.path, data, text_columns(paths.SCHEMA), rows))
    frame, counts = ingest(raw, data)
    _write_table(frame, paths.INGESTED)
    _write_json(counts, paths.INGESTION)


@app.command()
def validate() -> None:
    """Check the ingested rows against schema.yaml; stop at the first table that does not fit."""
    from .schema import check, load_schema

    frame, reasons = check(_read_table(paths.INGESTED), load_schema(paths.SCHEMA))
    if len(reasons):
        raise ProjectError(
            f"{reasons['row'].nunique()} rows do not fit schema.yaml, the first of them:\n"
            f"{reasons.head(10).to_string(index=False)}"
        )
    _write_table(frame, paths.VALIDATED)


@app.command()
def split() -> None:
    """Hold out the test set."""
    from .problem import STRATIFY
    from .split import holdout

    settings = load(paths.PARAMS)
    frame = _read_table(paths.VALIDATED)
    train_rows, test_rows = holdout(frame, settings.data, settings.split, STRATIFY)
    _write_table(train_rows, paths.TRAIN)
    _write_table(test_rows, paths.TEST)


@app.command()
def train() -> None:
    """Choose a candidate by cross-validation and fit it, beside the baselines."""
    from .store import save
    from .train import train

    trained = train(_read_table(paths.TRAIN), load(paths.PARAMS))
    save(trained.model, paths.MODEL)
    save(trained.baselines, paths.BASELINES)
    _write_json({"chosen": trained.chosen, "candidates": trained.scores}, paths.SELECTION)


@app.command()
def evaluate() -> None:
    """Measure model and baselines on the test set."""
    from . import problem
    from .evaluate import evaluate
    from .features import features
    from .split import group_codes
    from .store import load as load_model
    from .store import model_id

    settings = load(paths.PARAMS)
    frame = _read_table(paths.TEST)
    inputs, truth = features(frame, settings.data), frame[settings.data.target]
    models = {"model": load_model(paths.MODEL), **load_model(paths.BASELINES)}
    predicted = {name: problem.predict(model, inputs) for name, model in models.items()}
    groups = group_codes(frame, settings.data)
    metrics = evaluate(predicted, truth, groups, settings.evaluate, settings.split.seed)
    for name, table in problem.curves(truth, predicted["model"]).items():
        _write_table(table, paths.PLOTS / f"{name}.csv")
    _write_json({"model_id": model_id(paths.MODEL), **metrics}, paths.METRICS)


@app.command()
def gate() -> None:
    """Let the model pass, or stop the pipeline with the reasons."""
    from .gate import verdict
    from .store import model_id

    result = verdict(paths.METRICS, model_id(paths.MODEL), load(paths.PARAMS))
    for check in result["checks"]:
        mark = "pass" if check["passed"] else "FAIL"
        typer.echo(f"{mark}  {check['rule']} ({check['figures']})")
    _write_json(result, paths.GATE)
    if not result["passed"]:
        raise ProjectError("the gate rejected the model; `poe report` shows the figures")


@app.command()
def score(
    source: Annotated[Path, typer.Option("--input", help="CSV, Parquet, Excel or JSON lines.")],
    output: Annotated[Path, typer.Option(help="Ends in .csv, .parquet or .jsonl.")],
    rejects: Annotated[
        Path | None, typer.Option(help="Bad rows and reasons. [OUTPUT's name + _rejects.csv]")
    ] = None,
) -> None:
    """Score a file with the model that passed the gate. Row order and ids are kept."""
    from .gate import require_passed
    from .schema import for_scoring, load_schema
    from .score import score
    from .store import load as load_model
    from .store import model_id
    from .tables import read_batches, text_columns, writer

    settings, identity = load(paths.PARAMS), model_id(paths.MODEL)
    require_passed(paths.GATE, identity)
    rejects = rejects or output.with_name(f"{output.stem}_rejects.csv")
    if len({source.resolve(), output.resolve(), rejects.resolve()}) < 3:
        raise ProjectError("input, output and rejects must be three different files")
    schema = for_scoring(load_schema(paths.SCHEMA), settings.data)
    text = text_columns(paths.SCHEMA)
    batches = read_batches(source, settings.data, text, settings.score.batch_rows)
    model, now = load_model(paths.MODEL), datetime.now(UTC)
    good, bad = 0, 0
    with writer(output) as append, writer(rejects) as reject:
        results = score(batches, model, identity, schema, settings, now)
        with typer.progressbar(results, label=f"Scoring {source}") as shown:
            for scored, reasons in shown:
                good, bad = good + len(scored), bad + reasons["row"].nunique()
                reject(reasons)
                if len(scored):
                    append(scored)
    if not good:
        raise ProjectError(f"no row of {source} could be scored: see {rejects}")
    typer.echo(f"{good} rows scored to {output}, {bad} rejected to {rejects}, model {identity}")


@app.command()
def report(
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the HTML report of the last run, also of a rejected one."""
    from .report import render

    page = render(load(paths.PARAMS), paths.REPORTS)
    _write_text(page, paths.REPORT)
    typer.echo(f"Report: {paths.REPORT.resolve()}")
    if show:
        webbrowser.open(paths.REPORT.resolve().as_uri())


if __name__ == "__main__":
    main()
