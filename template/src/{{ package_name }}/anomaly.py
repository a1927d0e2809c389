"""Anomaly detection: models of the usual rows, metrics, figures. No model looks at the target.

Of the two values of the target the second in order, such as 1 of 0 and 1, marks the anomalies.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.covariance import EllipticEnvelope
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

# The candidate that the tune stage searches, and from where to where.
TUNED = "forest"
SEARCH = {"trees": (50, 400), "columns": (0.1, 1.0)}
ALL_VARIANCE = 1 - 1e-6  # leaves out directions in which the rows do not differ


def models(inputs: pd.DataFrame, train: Train, seed: int) -> dict[str, Any]:
    """Unfitted models by name: the baselines, `trivial` and `linear`, and the candidates.

    `linear` is the distance from the mean in units of the joint spread (Mahalanobis), `forest` how
    few random cuts set a row apart. `train.alert_share` of the training rows are beyond 0.
    """
    directions = PCA(ALL_VARIANCE, svd_solver="covariance_eigh")
    spread = EllipticEnvelope(
        support_fraction=1.0, contamination=train.alert_share, random_state=seed
    )
    forest = IsolationForest(
        n_estimators=train.trees,
        max_features=train.columns,
        contamination=train.alert_share,
        random_state=seed,
    )
    filled = SimpleImputer(strategy="median", keep_empty_features=True)
    linear = make_pipeline(for_linear(inputs), directions, spread)
    named = {"linear": linear, "forest": make_pipeline(filled, forest)}
    trivial = {"trivial": DummyClassifier(strategy="prior")}
    return trivial | {name: with_codes(inputs, model) for name, model in named.items()}


def raw(model: Any, inputs: Any) -> np.ndarray:
    """Return how usual each row is, below 0 for an alert: rows x 1. To the trivial, all are."""
    if isinstance(model, DummyClassifier):
        return np.zeros((len(inputs), 1))
    values: np.ndarray = model.decision_function(inputs)
    return values.reshape(-1, 1)


def meaning(model: Any) -> dict[str, Any]:
    """Return nothing: the threshold is within the model."""
    return {}


def _anomalous(truth: pd.Series) -> np.ndarray:
    """Tell the anomalies. Raises ValueError, an undefined metric, when there is only one kind."""
    usual, anomaly = sorted(truth.unique())
    return truth.eq(anomaly).to_numpy()


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
    "missed": lambda truth, p: float(1 - p["prediction"][_anomalous(truth)].mean()),
    "false_alarms": lambda truth, p: float(p["prediction"][~_anomalous(truth)].mean()),
}


def figures(truth: pd.Series, predicted: pd.DataFrame) -> dict[str, "Figure"]:
    """Draw the scores of both kinds of rows, and precision against recall."""
    from matplotlib.figure import Figure

    anomalous = _anomalous(truth)
    scores, recall = Figure(figsize=(4.6, 4)), Figure(figsize=(4.6, 4))
    axes = scores.subplots()
    bins = np.histogram_bin_edges(predicted[SCORE], 30)
    for name, kind in {"usual": ~anomalous, "anomaly": anomalous}.items():
        axes.hist(predicted[SCORE][kind], bins, alpha=0.6, label=name)
    axes.axvline(0, color="black", lw=1, ls=":", label="alert beyond")
    axes.set(xlabel=SCORE, ylabel="rows", yscale="symlog")
    axes.legend()
    PrecisionRecallDisplay.from_predictions(
        anomalous, predicted[SCORE], ax=recall.subplots(), plot_chance_level=True, name="model"
    )
    return {"scores": scores, "precision_recall": recall}
