"""One trial of the search that azureml/jobs/sweep.yml steers: parameters in, a score out."""

import os
import sys
from statistics import fmean

import pandas as pd

from . import paths, problem
from .features import features
from .settings import Settings, Train, load
from .tracking import client
from .train import cross_validate, folds


def trial(frame: pd.DataFrame, settings: Settings) -> float:
    """Judge the tuned candidate by cross-validation on the training rows, as `tune` does."""
    inputs, target = features(frame, settings.data), frame[settings.data.target]
    model = problem.models(inputs, settings.train, settings.split.seed)[problem.TUNED]
    pairs = list(folds(frame, settings))
    return fmean(cross_validate(model, inputs, target, pairs, settings.evaluate.metric))


def main(given: list[str]) -> None:
    """Try what is `given`, each as NAME=VALUE; the score goes to the run of the job, if any."""
    settings = load(paths.PARAMS)
    values = dict(text.split("=", 1) for text in given)
    train = Train.model_validate({**settings.train.model_dump(), **values})
    score = trial(pd.read_parquet(paths.TRAIN), settings.model_copy(update={"train": train}))
    if run := os.environ.get("MLFLOW_RUN_ID"):
        client().log_metric(run, "score", score)
    sys.stdout.write(f"{settings.evaluate.metric} {score:.6f}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
