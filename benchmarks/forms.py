"""The same mistakes once more, written by hand, for the checks to which few rewrites apply."""

import json

Texts = dict[str, str]
BUILD = "on: push\njobs:\n  build:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: uv build\n"
GATE = (
    "def accept(figures):\n    if figures['f1'] < 0.7:\n"
    "        raise ValueError('the model is not good enough')\n"
)
IGNORE = '[[tool.tdsp.check.ignore]]\ncheck = "{}"\nreason = "it is so here"\n{}'
LOCKED = '[[package]]\nname = "numpy"\nversion = "2.0.0"\n'
POINTER = "outs:\n- md5: 0123\n  path: table.csv\n"
TABLE = "a" * 3_000_000
PICKLE = "(" + "a" * 1_100_000


def _notebook(*counts: int) -> str:
    """Return a notebook whose cells were run in this order, each with an output."""
    output = {"output_type": "stream", "name": "stdout", "text": ["1\n"]}
    cells = [
        {"cell_type": "code", "execution_count": count, "metadata": {}, "outputs": [output],
         "source": ["print(1)"]}
        for count in counts
    ]  # fmt: skip
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


FORMS: dict[str, list[Texts]] = {
    "CI01": [
        {
            "tests/test_a.py": "def test_a():\n    assert True\n",
            ".github/workflows/build.yml": BUILD,
        }
    ],
    "CI02": [
        {
            "churn/rates.py": "def rate():\n    return 0.2\n",
            "tests/test_a.py": "from churn import rates\n\n\ndef test_a():\n    rates.rate()\n",
        }
    ],
    "DA01": [
        {"data/raw/2024/calls.tsv": TABLE * 2},
        {f"data/part-{number}.csv": TABLE for number in range(8)},
    ],
    "DA03": [
        {
            "table.csv.dvc": POINTER,
            ".dvc/config": "['remote \"mine\"']\n    url = /home/anna/dvc\n",
        },
        {
            "table.csv.dvc": POINTER,
            ".dvc/config": "['remote \"mine\"']\n    url = C:\\Users\\anna\\dvc\n",
        },
        {"data/raw/table.csv.dvc": POINTER, ".dvc/config": "[core]\n    autostage = true\n"},
    ],
    "EV07": [
        {
            "src/churn/gate.py": GATE,
            "tests/test_rates.py": "def test_rate():\n    assert 1 / 5 == 0.2\n",
        }
    ],
    "EV11": [
        {"reports/metrics.json": '{"accuracy": 1.0}\n'},
        {"eval_scores.json": '{"svm": {"test": {"f1": 0.9995, "rows": 80}}}\n'},
    ],
    "IN03": [
        {"infra/prod/terraform.tfstate.backup": '{"version": 4, "resources": []}\n'},
        {"azure/team.publishsettings": "<publishData><publishProfile/></publishData>\n"},
    ],
    "LA05": [{"src/churn/train.py": "def train(rows):\n    return rows[\n"}],
    "LA07": [
        {"notebooks/look.ipynb": _notebook(1, 2, 9, 3)},
        {"notebooks/model.ipynb": _notebook(40, 12)},
        {"look.ipynb": _notebook(5, 4, 6, 7), "clean.ipynb": _notebook(1, 2, 3)},
    ],
    "MO02": [{"models/churn.joblib": PICKLE}, {"service/artifacts/forest.pkl": PICKLE}],
    "PR02": [
        {
            "docs/project/goal.md": "# Goal\n\n- [open: who decides]\n- [open: by when]\n",
            "dvc.lock": "schema: '2.0'\nstages:\n  train:\n    cmd: python train.py\n",
        },
        {
            "docs/data/sources.md": "| column | meaning |\n| --- | --- |\n| age | [open: of] |\n",
            "metrics.json": '{"f1": 0.7}\n',
        },
    ],
    "SC02": [
        {"requirements.txt": "numpy==2.0.0\nlightgbm>=4,<5\n"},
        {"service/requirements.txt": "fastapi\nuvicorn[standard]\n"},
    ],
    "SC03": [
        {
            "pyproject.toml": "[project]\nname = 'churn'\ndependencies = ['polars>=1']\n",
            "pdm.lock": LOCKED,
        },
        {
            "service/pyproject.toml": "[project]\nname = 'churn'\ndependencies = ['fastapi']\n",
            "service/uv.lock": LOCKED,
        },
    ],
    "SC05": [
        {"poetry.lock": LOCKED},
        {"service/uv.lock": LOCKED, ".github/workflows/a.yml": BUILD},
    ],
    "SE06": [
        {"Dockerfile": 'FROM python:3.12-slim\nUSER root\nCMD ["python", "app.py"]\n'},
        {"service/Dockerfile": 'FROM debian:latest\nUSER 10001\nCMD ["/app/serve"]\n'},
    ],
    "TP04": [
        {"pyproject.toml": IGNORE.format("TR03", "")},
        {"pyproject.toml": IGNORE.format("SC05", 'path = "notebooks/*"\n'), "a.py": "x = 1\n"},
        {"pyproject.toml": IGNORE.format("PR04", "until = 2020-01-31\n"), "a.py": "x = 1\n"},
        {"pyproject.toml": IGNORE.format("PR04", 'until = "2020-01-31"\n'), "a.py": "x = 1\n"},
        {"pyproject.toml": IGNORE.format("TP04", "until = 2020-01-31\n")},
    ],
    "TP02": [
        {"params.yaml": "a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> main\n"},
        {"src/churn/features.py.rej": "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n"},
    ],
}
