"""Classification, binary or multiclass: models, predictions, metrics, figures."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.calibration import CalibrationDisplay
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    RocCurveDisplay,
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    log_loss,
    roc_auc_score,
)
from sklearn.pipeline import make_pipeline

from .features import for_linear, for_trees, with_codes
from .results import PROBABILITY
from .settings import Train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The candidate whose parameters the stage `tune` searches, and from where to where.
TUNED = "boosting"
SEARCH = {"learning_rate": (0.01, 0.3), "max_iter": (30, 300), "max_leaf_nodes": (4, 64)}
# The candidate for tables with more to learn than `boosting` can hold.
LARGE = {"learning_rate": 0.05, "max_iter": 300, "max_leaf_nodes": 31}


def models(inputs: pd.DataFrame, train: Train, seed: int) -> dict[str, Any]:
    """Unfitted models by name: the two baselines `dummy` and `linear`, then the candidates."""
    linear = make_pipeline(for_linear(inputs), LogisticRegression(max_iter=1000))
    own = train.model_dump(include=set(SEARCH))
    # As large as they are said to be: scikit-learn stops early from 10,000 rows on.
    boosting, large = (
        make_pipeline(
            for_trees(inputs, seed),
            HistGradientBoostingClassifier(**size, early_stopping=False, random_state=seed),
        )
        for size in (own, LARGE)
    )
    blend = VotingClassifier(
        [("linear", linear), ("boosting", boosting)], voting="soft", flatten_transform=False
    )
    named = {"linear": linear, "boosting": boosting, "blend": blend, "large": large}
    dummy = {"dummy": DummyClassifier(strategy="prior")}
    return dummy | {name: with_codes(inputs, model) for name, model in named.items()}


def raw(model: Any, inputs: Any) -> np.ndarray:
    """Return the probability of each class: rows x classes."""
    probabilities: np.ndarray = model.predict_proba(inputs)
    return probabilities


def meaning(model: Any) -> dict[str, Any]:
    """Return what the columns of `raw` stand for, as `results.columns` needs it."""
    return {"labels": model.classes_.tolist()}


def _probabilities(predicted: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    columns = [name for name in map(str, predicted) if name.startswith(PROBABILITY)]
    return [name.removeprefix(PROBABILITY) for name in columns], predicted[columns].to_numpy()


def roc_auc(truth: pd.Series, predicted: pd.DataFrame) -> float:
    """Area under the ROC curve; for several classes the mean of one against the rest."""
    labels, probabilities = _probabilities(predicted)
    if len(labels) == 2:
        return _area((truth.astype(str) == labels[1]).to_numpy(), probabilities[:, 1])
    score = roc_auc_score(truth.astype(str), probabilities, multi_class="ovr", labels=labels)
    return float(score)


def _area(positive: np.ndarray, score: np.ndarray) -> float:
    """Return the area under the ROC curve, as `roc_auc_score` does, in a hundredth of its time.

    Raises ValueError when there is one class only. Source: the area is the statistic of Mann and
    Whitney (1947), divided by the number of pairs.
    """
    count = int(positive.sum())
    if pairs := count * (len(positive) - count):
        return float((rankdata(score)[positive].sum() - count * (count + 1) / 2) / pairs)
    raise ValueError("only one class occurs")


def _log_loss(truth: pd.Series, predicted: pd.DataFrame) -> float:
    labels, probabilities = _probabilities(predicted)
    return float(log_loss(truth.astype(str), probabilities, labels=labels))


Metric = Callable[[pd.Series, pd.DataFrame], float]

# More is better; one of these decides in the gate.
METRICS: dict[str, Metric] = {
    "roc_auc": roc_auc,
    "balanced_accuracy": lambda truth, p: float(balanced_accuracy_score(truth, p["prediction"])),
    "accuracy": lambda truth, p: float(accuracy_score(truth, p["prediction"])),
    "f1_macro": lambda truth, p: float(f1_score(truth, p["prediction"], average="macro")),
}
# Less is better; for people to read.
ERRORS: dict[str, Metric] = {"log_loss": _log_loss}
# What groups of rows may be judged by, and whether more of it is better.
FAIRNESS = {
    "accuracy": True,
    "selection_rate": True,
    "false_positive_rate": False,
    "false_negative_rate": False,
}


def outcomes(truth: pd.Series, predicted: pd.DataFrame) -> pd.DataFrame:
    """Return per row what groups are compared by, as means; NaN where a question does not arise.

    Rates are those of the second label, and there are none with more than two.
    """
    labels, _ = _probabilities(predicted)
    actual, answer = truth.astype(str), predicted["prediction"].astype(str)
    found = {"accuracy": (actual == answer).astype("float64")}
    if len(labels) == 2:
        positive, selected = actual == labels[1], (answer == labels[1]).astype("float64")
        found["selection_rate"] = selected
        found["false_positive_rate"] = selected.mask(positive)
        found["false_negative_rate"] = (1 - selected).where(positive)
    return pd.DataFrame(found)


def figures(truth: pd.Series, predicted: pd.DataFrame) -> dict[str, "Figure"]:
    """Draw the confusion matrix, and ROC and calibration, a curve a class unless there are two."""
    from matplotlib.figure import Figure

    labels, probabilities = _probabilities(predicted)
    confusion, roc, calibration = (Figure(figsize=(4.6, 4)) for _ in range(3))
    ConfusionMatrixDisplay.from_predictions(
        truth, predicted["prediction"], ax=confusion.subplots(), cmap="Blues", colorbar=False
    )
    curves, lines = roc.subplots(), calibration.subplots()
    for i in range(1 if len(labels) == 2 else 0, len(labels)):
        positive, probability = truth.astype(str) == labels[i], probabilities[:, i]
        RocCurveDisplay.from_predictions(positive, probability, ax=curves, name=labels[i])
        CalibrationDisplay.from_predictions(
            positive, probability, n_bins=10, strategy="quantile", ax=lines, name=labels[i]
        )
    curves.set(xlabel="false positive rate", ylabel="true positive rate")
    lines.set(xlabel="mean predicted probability", ylabel="share that is of the class")
    return {"calibration": calibration, "confusion": confusion, "roc": roc}
