"""The checks of versions, parameters, rare classes, cards, and shared features: their borders."""

import json

import pytest

import tdsp
from tdsp.check.all import CHECKS
from tdsp.check.run import check_repository
from tdsp.reading import read_texts

PARTS = {name: dict(CHECKS[name].bad) for name in ("LA09", "TR12", "EV12", "MO07", "SE07", "TP01")}
MLMODEL = "flavors: {sklearn: {}}\nrun_id: 0a1b2c3d\nutc_time_created: '2026-05-02 10:00:00.1'\n"
CARD = "# Model card\n\nDate: 2025-01-31\n"
METHODS = "def a():\n    from sklearn.metrics import f1_score\n    return f1_score([1], [1])\n"
# Name -> check, outcome, files beside those of the failing example; None takes a file away.
CASES: dict[str, tuple[str, str, dict[str, str | None]]] = {
    "a version that another file imports": (
        "LA09", "pass", {"b.py": "import model_v2\n"},
    ),
    "a version that a document names": (
        "LA09", "unknown", {"Makefile": "train:\n\tpython model_v2.py\n"},
    ),
    "a version of a file that nothing imports": (
        "LA09", "not applicable", {"train.py": None},
    ),
    "a copy by a file manager": (
        "LA09", "fail", {"model_v2.py": None, "model (1).py": "x = 1\n"},
    ),
    "a file of settings": ("TR12", "pass", {"conf/model.yaml": "a: 1\n"}),
    "the settings of a tool are none": ("TR12", "fail", {".streamlit/config.toml": "a = 1\n"}),
    "a command line": (
        "TR12", "unknown", {"train.py": "import argparse\n" + PARTS["TR12"]["train.py"]},
    ),
    "what TPOT has written": (
        "TR12", "not applicable",
        {"train.py": PARTS["TR12"]["train.py"].replace("model", "exported_pipeline")},
    ),
    "bounds and threads are no parameters": (
        "TR12", "not applicable",
        {
            "train.py": "from sklearn.isotonic import IsotonicRegression\n\nm = IsotonicRegression("
            "y_min=0, y_max=1)\nn = IsotonicRegression(y_min=0, y_max=2, n_jobs=4)\nm.fit([1], [1])"
        },
    ),
    "no class is rare": ("EV12", "not applicable", {"reports/data.json": '{"target_rate": 0.3}'}),
    "nobody says how rare": ("EV12", "not applicable", {"reports/data.json": None}),
    "a weight says how rare": (
        "EV12", "fail",
        {
            "reports/data.json": None,
            "train.py": "from xgboost import XGBClassifier\n\nXGBClassifier(scale_pos_weight=99)\n",
        },
    ),
    "a report of the table says how rare": (
        "EV12", "fail",
        {
            "reports/data.json": None,
            "docs/data/report.md": "| target | class 'yes' has 1,012 rows (2.4%) | kept |\n",
        },
    ),
    "another figure in a file": (
        "EV12", "pass", {"reports/metrics.json": json.dumps({"test": {"recall": 0.4}})},
    ),
    "another figure in code": ("EV12", "pass", {"more.py": METHODS}),
    "a card without a date": ("MO07", "unknown", {"model_card.md": "# Model card\n"}),
    "one card, two models, none named": (
        "MO07", "not applicable", {"other/MLmodel": MLMODEL},
    ),
    "a card that names one of two models": (
        "MO07", "fail",
        {
            "other/MLmodel": MLMODEL.replace("2026", "2020"),
            "model/MLmodel": MLMODEL.replace("0a1b", "ffff"),
            "model_card.md": CARD + "\nRun ffff2c3d\n",
        },
    ),
    "a window of time is no date of a card": (
        "MO07", "unknown", {"model_card.md": "# Model card\n\nRows from 2020-01-01 on\n"},
    ),
    "projects of their own": (
        "SE07", "not applicable",
        {
            "score.py": None,
            "batch/score.py": PARTS["SE07"]["score.py"],
            "batch/features.py": PARTS["SE07"]["features.py"],
            "batch/requirements.txt": "pandas\n",
        },
    ),
    "one prepares, the other may not": (
        "SE07", "unknown",
        {"score.py": PARTS["SE07"]["score.py"].replace("make_features(rows)", "rows")},
    ),
    "functions that share a file": (
        "SE07", "unknown", {"web.py": "from features import make_features as prepare_row\n"},
    ),
    "another template": (
        "TP01", "unknown",
        {".copier-answers.yml": "_commit: v0.0.1\n_src_path: gh:a/b\n", "a.py": "import sklearn\n"},
    ),
    "a commit that is no release": (
        "TP01", "unknown",
        {".copier-answers.yml": PARTS["TP01"][".copier-answers.yml"].replace("v0.0.1", "0a1b2c3")},
    ),
    "a commit behind this release": (
        "TP01", "pass",
        {
            ".copier-answers.yml": PARTS["TP01"][".copier-answers.yml"].replace(
                "v0.0.1", f"v{tdsp.__version__}-3-gabc1234"
            )
        },
    ),
    "a newer template than this command": (
        "TP01", "pass",
        {".copier-answers.yml": PARTS["TP01"][".copier-answers.yml"].replace("v0.0.1", "v99.0.0")},
    ),
    "no template": ("TP01", "not applicable", {".copier-answers.yml": None, "a.py": "x = 1\n"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_border_of_a_check(name: str) -> None:
    check, outcome, beside = CASES[name]
    texts = {path: text for path, text in {**PARTS[check], **beside}.items() if text is not None}
    result = check_repository(read_texts({**texts}), [CHECKS[check]]).results[0]
    assert result.outcome == outcome, (result.reason, result.marks)


@pytest.mark.parametrize(
    ("check", "texts", "outcome"),
    [
        ("MO09", {"model/MLmodel": MLMODEL}, "fail"),
        ("MO09", {"model/MLmodel": MLMODEL + "signature: {inputs: '[]'}\n"}, "pass"),
        ("MO09", {"integration-test/model/MLmodel": MLMODEL}, "not applicable"),
        ("MO09", {"model/MLmodel": MLMODEL.replace("sklearn", "langchain")}, "not applicable"),
        (
            "TR14",
            {"m/MLmodel": "flavors: {python_function: {env: conda.yaml}}\n", "m/conda.yaml": "a\n"},
            "pass",
        ),
        ("TR14", {"m/MLmodel": "flavors: {python_function: {env: conda.yaml}}\n"}, "fail"),
        (
            "TR14",
            {
                "m/MLmodel": "flavors: {python_function: {env: {virtualenv: python_env.yaml}}}\n",
                "m/python_env.yaml": "a\n",
            },
            "pass",
        ),
        ("TR14", {"m/MLmodel": "flavors: {sklearn: {}}\n"}, "not applicable"),
    ],
)
def test_a_model_that_mlflow_has_saved(check: str, texts: dict[str, str], outcome: str) -> None:
    result = check_repository(read_texts({**texts}), [CHECKS[check]]).results[0]
    assert result.outcome == outcome
