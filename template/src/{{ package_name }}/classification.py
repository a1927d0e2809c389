"""Classification, binary or multiclass: models, predictions, metrics, curves."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    log_loss,
    roc_auc_score,
    roc_curve,
)
from sklearn.pipeline import make_pipeline

from .features import for_linear, for_trees
from .settings import Train

STRATIFY = True
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
    columns = [name for name in predicted if str(name).startswith(PROBABILITY)]
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


def curves(truth: pd.Series, predicted: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Tables behind the plots: `confusion` (actual, predicted) and `roc` (one curve a class)."""
    labels, probabilities = _probabilities(predicted)
    shown = list(enumerate(labels))[1:] if len(labels) == 2 else list(enumerate(labels))
    roc = [_roc(truth.astype(str) == name, probabilities[:, i], name) for i, name in shown]
    confusion = pd.DataFrame({"actual": truth, "predicted": predicted["prediction"]})
    return {"confusion": confusion, "roc": pd.concat(roc)}


def _roc(positive: pd.Series, score: np.ndarray, label: str) -> pd.DataFrame:
    false, true, _ = roc_curve(positive, score)
    rows = {"false_positive_rate": false, "true_positive_rate": true, "class": label}
    return pd.DataFrame(rows)
