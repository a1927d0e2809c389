"""The command line: each step reads files, calls a pure function, writes files.

Imports are inside the commands, so that a step pays only for the libraries that it needs.
"""

import json
import sys
import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from . import paths
from .errors import ProjectError
from .settings import load

app = typer.Typer(
    help="Run a step of dvc.yaml, or score a file, from the project's root folder.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run a command; an error that people can put right is printed without a traceback."""
    try:
        app()
    except ProjectError as error:
        sys.exit(f"error: {error}")
    except FileNotFoundError as error:
        sys.exit(f"error: {error.filename} is missing: run the pipeline (`poe pipeline`)")


def _write_json(value: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


@app.command()
def ingest() -> None:
    """Read the raw file; leave out duplicates and rows without a target."""
    from .ingest import ingest
    from .tables import read_table, text_columns, write_table

    settings = load(paths.PARAMS)
    raw = read_table(settings.data.path, settings.data, text_columns(paths.SCHEMA))
    frame, counts = ingest(raw, settings.data)
    write_table(frame, paths.INGESTED)
    _write_json(counts, paths.INGESTION)


@app.command()
def validate() -> None:
    """Check every cell against schema.yaml; stop when one does not fit."""
    import pandas as pd

    from .schema import check, load_schema
    from .tables import write_table

    frame, reasons = check(pd.read_parquet(paths.INGESTED), load_schema(paths.SCHEMA))
    if len(reasons):
        raise ProjectError(f"rows that do not fit schema.yaml:\n{reasons.head(10).to_string()}")
    write_table(frame, paths.VALIDATED)


@app.command()
def split() -> None:
    """Hold out the test set."""
    import pandas as pd

    from .split import holdout
    from .tables import write_table

    settings = load(paths.PARAMS)
    train, test = holdout(pd.read_parquet(paths.VALIDATED), settings.data, settings.split)
    write_table(train, paths.TRAIN)
    write_table(test, paths.TEST)


@app.command()
def tune() -> None:
    """Search for better training parameters, as long as params.yaml allows."""
    settings = load(paths.PARAMS)
    found: dict[str, Any] = {"best": {}, "value": None, "trials": []}
    if settings.tune.trials:
        import pandas as pd

        from .tune import tune

        paths.TRIALS.parent.mkdir(exist_ok=True)
        found = tune(pd.read_parquet(paths.TRAIN), settings, paths.TRIALS)
    _write_json(found, paths.TUNING)


@app.command()
def train() -> None:
    """Choose a candidate by cross-validation and fit it, beside the baselines."""
    import pandas as pd

    from . import package, store
    from .train import train
    from .tune import tuned

    frame, settings = pd.read_parquet(paths.TRAIN), tuned(load(paths.PARAMS), paths.TUNING)
    trained = train(frame, settings)
    store.save(trained.baselines, paths.BASELINES)
    package.write(trained.model, frame, settings.data, paths.PACKAGE)
    _write_json({"chosen": trained.chosen, "candidates": trained.scores}, paths.SELECTION)


@app.command()
def evaluate() -> None:
    """Measure model and baselines on the test set."""
    import pandas as pd

    from . import figures, problem, store
    from .evaluate import evaluate
    from .features import features
    from .served import load as load_package
    from .split import together

    settings, frame = load(paths.PARAMS), pd.read_parquet(paths.TEST)
    inputs, truth = features(frame, settings.data), frame[settings.data.target]
    served = load_package(paths.PACKAGE)
    baselines = store.load(paths.BASELINES).items()
    predicted = {"model": served.predict(frame)}
    predicted |= {name: problem.predict(model, inputs) for name, model in baselines}
    groups = together(frame, settings.data)
    metrics = evaluate(predicted, truth, groups, settings.evaluate, settings.split.seed)
    _write_json({"model_id": served.model_id, **metrics}, paths.METRICS)
    shown = {name: metrics[name] for name in ("model", "linear", "trivial")}
    scores = figures.intervals(shown, settings.evaluate.metric)
    over_time = truth.set_axis(frame[settings.data.time]) if settings.data.time else truth
    drawn = problem.figures(over_time, predicted["model"])
    figures.save({"intervals": scores, **drawn}, paths.PLOTS)


@app.command()
def gate() -> None:
    """Let the model pass, or stop the pipeline with the reasons."""
    from .gate import verdict

    result = verdict(paths.REPORTS, paths.PACKAGE, load(paths.PARAMS))
    for check in result["checks"]:
        mark = "pass" if check["passed"] else "FAIL"
        typer.echo(f"{mark}  {check['rule']} ({check['figures']})")
    _write_json(result, paths.GATE)
    if not result["passed"]:
        raise ProjectError("the gate rejected the model; `poe report` shows the figures")


@app.command()
def score(
    source: Annotated[Path, typer.Option("--input", help="CSV, Parquet, Excel or JSON lines.")],
    output: Annotated[Path, typer.Option(help="Ends in .csv or .parquet.")],
    rejects: Annotated[
        Path | None, typer.Option(help="Bad rows and why. [default: OUTPUT_rejects.csv]")
    ] = None,
) -> None:
    """Score a file with the model that passed the gate. Row order and ids are kept."""
    from .gate import model_id, require_passed

    settings, identity = load(paths.PARAMS), model_id(paths.MODEL)
    require_passed(paths.GATE, identity)
    rejects = rejects or output.with_name(f"{output.stem}_rejects.csv")
    if len({source.resolve(), output.resolve(), rejects.resolve()}) < 3:
        raise ProjectError("input, output and rejects must be three different files")

    from .accept import Acceptance
    from .score import checker, score
    from .served import load as load_package
    from .tables import read_batches, text_columns, writer

    text, rows = text_columns(paths.SCHEMA), settings.score.batch_rows
    results = score(
        read_batches(source, settings.data, text, rows),
        load_package(paths.PACKAGE),
        Acceptance(paths.SCHEMA, settings.data),
        checker(paths.SCHEMA, settings.data),
        settings,
        datetime.now(UTC),
    )
    good, bad = 0, 0
    with (
        writer(output) as append,
        writer(rejects) as reject,
        typer.progressbar(results, label=f"Scoring {source}") as shown,
    ):
        for scored, reasons in shown:
            bad += reasons["row"].nunique()
            reject(reasons)
            if scored is not None:
                good += len(scored)
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
    paths.REPORT.write_text(page, encoding="utf-8")
    typer.echo(f"Report: {paths.REPORT.resolve()}")
    if show:
        webbrowser.open(paths.REPORT.resolve().as_uri())


if __name__ == "__main__":
    main()
