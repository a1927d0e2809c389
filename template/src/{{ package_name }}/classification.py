"""Classification, binary or multiclass: models, predictions, metrics, figures."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
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

from .features import for_linear, for_trees
from .settings import Train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROBABILITY = "probability_"


def models(inputs: pd.DataFrame, train: Train, seed: int) -> dict[str, Any]:
    """Unfitted models by name: the two baselines `trivial` and `linear`, then the candidates."""
    linear = make_pipeline(for_linear(inputs), LogisticRegression(max_iter=1000))
    boosting = make_pipeline(
        for_trees(inputs),
        HistGradientBoostingClassifier(
            learning_rate=train.learning_rate,
            max_iter=train.max_iter,
            max_leaf_nodes=train.max_leaf_nodes,
            random_state=seed,
        ),
    )
    blend = VotingClassifier([("linear", linear), ("boosting", boosting)], voting="soft")
    trivial = DummyClassifier(strategy="prior")
    return {"trivial": trivial, "linear": linear, "boosting": boosting, "blend": blend}


def predict(model: Any, inputs: pd.DataFrame) -> pd.DataFrame:
    """Return `prediction` (a label) and one `probability_<label>` for each class, row by row."""
    probabilities = model.predict_proba(inputs)
    labels = model.classes_[probabilities.argmax(axis=1)]
    columns = {f"{PROBABILITY}{c}": p for c, p in zip(model.classes_, probabilities.T, strict=True)}
    return pd.DataFrame({"prediction": labels, **columns}, index=inputs.index)


def _probabilities(predicted: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    columns = [name for name in map(str, predicted) if name.startswith(PROBABILITY)]
    return [name.removeprefix(PROBABILITY) for name in columns], predicted[columns].to_numpy()


def roc_auc(truth: pd.Series, predicted: pd.DataFrame) -> float:
    """Area under the ROC curve; for several classes the mean of one against the rest."""
    labels, probabilities = _probabilities(predicted)
    if len(labels) == 2:
        return float(roc_auc_score(truth.astype(str) == labels[1], probabilities[:, 1]))
    score = roc_auc_score(truth.astype(str), probabilities, multi_class="ovr", labels=labels)
    return float(score)


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


def figures(truth: pd.Series, predicted: pd.DataFrame) -> dict[str, "Figure"]:
    """Draw the confusion matrix and the ROC curves, one a class unless there are only two."""
    from matplotlib.figure import Figure

    labels, probabilities = _probabilities(predicted)
    confusion, roc = Figure(figsize=(4.6, 4)), Figure(figsize=(4.6, 4))
    ConfusionMatrixDisplay.from_predictions(
        truth, predicted["prediction"], ax=confusion.subplots(), cmap="Blues", colorbar=False
    )
    axes = roc.subplots()
    for i in range(1 if len(labels) == 2 else 0, len(labels)):
        positive = truth.astype(str) == labels[i]
        RocCurveDisplay.from_predictions(positive, probabilities[:, i], ax=axes, name=labels[i])
    axes.set(xlabel="false positive rate", ylabel="true positive rate")
    return {"confusion": confusion, "roc": roc}
