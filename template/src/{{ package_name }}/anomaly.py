"""Anomaly detection: models of the usual rows, metrics, figures. No model looks at the target.

Of the two values of the target the second in order, such as 1 of 0 and 1, marks the anomalies.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.metrics import PrecisionRecallDisplay, average_precision_score, roc_auc_score
from sklearn.pipeline import make_pipeline

from .features import for_linear, with_codes
from .results import SCORE
from .settings import Train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The candidate whose parameters the stage `tune` searches, and from where to where.
TUNED = "forest"
SEARCH = {"trees": (50, 400), "columns": (0.1, 1.0)}
ALL_VARIANCE = 1 - 1e-6  # leaves out directions in which the rows do not differ


class Distance(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Distance from the mean of whitened rows; below 0 beyond all but a share of those fitted."""

    def __init__(self, alert_share: float = 0.05) -> None:
        self.alert_share = alert_share

    def fit(self, inputs: np.ndarray, target: object = None) -> Self:
        """Remember the distance beyond which a row is an alert."""
        self.limit_ = float(np.quantile(np.linalg.norm(inputs, axis=1), 1 - self.alert_share))
        return self

    def decision_function(self, inputs: np.ndarray) -> np.ndarray:
        """Return what is left to that distance."""
        left: np.ndarray = self.limit_ - np.linalg.norm(inputs, axis=1)
        return left

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Return -1 for an alert and else 1, as scikit-learn's detectors do."""
        return np.where(self.decision_function(inputs) < 0, -1, 1)


def models(inputs: pd.DataFrame, train: Train, seed: int) -> dict[str, Any]:
    """Unfitted models by name: the baselines, `dummy` and `linear`, and the candidates.

    `linear` is the distance from the mean in units of the joint spread (Mahalanobis), `forest` how
    few random cuts set a row apart. `train.alert_share` of the training rows are beyond 0.
    """
    white = PCA(ALL_VARIANCE, whiten=True, svd_solver="covariance_eigh")
    forest = IsolationForest(
        n_estimators=train.trees,
        max_features=train.columns,
        contamination=train.alert_share,
        random_state=seed,
    )
    filled = SimpleImputer(strategy="median", keep_empty_features=True)
    linear = make_pipeline(for_linear(inputs), white, Distance(train.alert_share))
    named = {"linear": linear, "forest": make_pipeline(filled, forest)}
    dummy = {"dummy": DummyClassifier(strategy="prior")}
    return dummy | {name: with_codes(inputs, model) for name, model in named.items()}


def raw(model: Any, inputs: Any) -> np.ndarray:
    """Return how usual each row is, below 0 for an alert: rows x 1. To the dummy all are."""
    if isinstance(model, DummyClassifier):
        return np.zeros((len(inputs), 1))
    values: np.ndarray = model.decision_function(inputs)
    return values.reshape(-1, 1)


def meaning(model: Any) -> dict[str, Any]:
    """Return nothing: the threshold is within the model."""
    return {}


def _anomalous(truth: pd.Series) -> np.ndarray:
    kinds = sorted(truth.unique())
    if len(kinds) != 2:
        raise ValueError(f"rows of two kinds are needed, not of {kinds}")
    return truth.eq(kinds[1]).to_numpy()


Metric = Callable[[pd.Series, pd.DataFrame], float]

# More is better; one of these decides in the gate.
METRICS: dict[str, Metric] = {
    "average_precision": lambda truth, p: float(
        average_precision_score(_anomalous(truth), p[SCORE])
    ),
    "roc_auc": lambda truth, p: float(roc_auc_score(_anomalous(truth), p[SCORE])),
}
# Less is better; for people to read: anomalies without an alert, and usual rows with one.
ERRORS: dict[str, Metric] = {
    "missed": lambda truth, p: float(outcomes(truth, p)["missed"].mean()),
    "false_alarms": lambda truth, p: float(outcomes(truth, p)["false_alarms"].mean()),
}
# What groups may be held to, and whether more of it is better.
FAIRNESS = {"missed": False, "false_alarms": False}


def outcomes(truth: pd.Series, predicted: pd.DataFrame) -> pd.DataFrame:
    """Return per row what groups are compared by, as means; NaN where a question does not arise."""
    alert, anomalous = predicted["prediction"].astype("float64"), _anomalous(truth)
    missed, false_alarms = (1 - alert).where(anomalous), alert.mask(anomalous)
    return pd.DataFrame({"missed": missed, "false_alarms": false_alarms, "alerts": alert})


def figures(truth: pd.Series, predicted: pd.DataFrame) -> dict[str, "Figure"]:
    """Draw the scores of both kinds of rows, and precision against recall."""
    from matplotlib.figure import Figure

    anomalous = _anomalous(truth)
    scores, recall = Figure(figsize=(4.6, 4)), Figure(figsize=(4.6, 4))
    axes = scores.subplots()
    bins = np.histogram_bin_edges(predicted[SCORE], 30).tolist()
    for name, kind in {"usual": ~anomalous, "anomaly": anomalous}.items():
        axes.hist(predicted[SCORE][kind], bins, alpha=0.6, label=name)
    axes.axvline(0, color="black", lw=1, ls=":", label="alert beyond")
    axes.set(xlabel=SCORE, ylabel="rows", yscale="symlog")
    axes.legend()
    PrecisionRecallDisplay.from_predictions(
        anomalous, predicted[SCORE], ax=recall.subplots(), plot_chance_level=True, name="model"
    )
    return {"scores": scores, "precision_recall": recall}
