"""False alarms that two readers found in public repositories: each by its general form.

Each example differs from one that fails in the one thing that makes the alarm false.
"""

import pytest

from tdsp.check.all import CHECKS
from tdsp.check.run import check_repository
from tdsp.reading import read_texts

Texts = dict[str, str]
STEPS = "on: push\njobs:\n  check:\n    runs-on: ubuntu-24.04\n    steps:\n"
CI = ".github/workflows/ci.yml"
TPOT = "# tpot_data = pd.read_csv('PATH/TO/DATA/FILE')\n"


def bad(check: str, path: str = "") -> str:
    """Return the text of a check's bad example: its only file, or the one that is named."""
    texts = CHECKS[check].bad
    return texts[path] if path else next(iter(texts.values()))


def moved(check: str, folder: str) -> Texts:
    """Return the bad example below a folder."""
    return {f"{folder}/{path}": text for path, text in CHECKS[check].bad.items()}


APP = bad("MN01", "app.py")
STUB = "import random\n\nfrom flask import Flask\n\napp = Flask(__name__)\n\n\n"
STUB += "@app.route('/predict')\ndef predict():\n    return str(random.random())\n"
GUARDED = "from flask import Flask\n\napp = Flask(__name__)\nif __name__ == '__main__':\n"
GUARDED += "    app.run(debug=True)\n"
ASKED = {"requirements.txt": "pandas==2.2.0\n", "app.py": "import tfx\n"}
TESTED = {"tests/test_a.py": "def test_a():\n    assert 1\n"}
BOOST = bad("TR10", "train.py")

QUIET: dict[str, tuple[str, Texts]] = {
    # Lessons: a chapter, an exercise, a course of many folders.
    "advice on monitoring for a chapter": ("MN02", moved("MN02", "chapter-05-deployment")),
    "outcomes in an exercise": ("MN04", moved("MN04", "week_5/exercises")),
    "age of a model of a lesson": ("MN06", moved("MN06", "solutions")),
    "health of a service of a lesson": ("SE04", moved("SE04", "ch09")),
    "what a lesson's service is asked": ("MN01", moved("MN01", "02-lectures")),
    "a page of drift in a lesson": (
        "MN03",
        {
            "s8/exercise_files/a.py": "from evidently.report import Report\n\nr = Report([])\n"
            "r.save_html('a.html')\n"
        },
    ),
    "a schema for a book's rows": ("DA05", moved("DA05", "ch03")),
    "a search in a book": ("TR13", moved("TR13", "ch06")),
    "scored rows of homework": ("SE08", moved("SE08", "04-deployment/homework")),
    "a course that says so": (
        "DA05",
        {
            "README.md": "# A course on learning machines\n",
            **{f"{name}/a.py": bad("DA05") for name in ("01-intro", "02-trees", "03-nets")},
        },
    ),
    # No model answers.
    "a route that answers by chance": ("MN02", {"app.py": STUB}),
    "no model to grow old": ("MN06", {"app.py": STUB}),
    "no model that needs an outcome": ("MN04", {"app.py": STUB}),
    "no model that is asked": ("MN01", {"app.py": STUB}),
    "no model to be well": ("SE04", {"app.py": STUB}),
    "scikit-learn refuses what is no number": ("MN07", {"app.py": APP}),
    "the route prints what it is asked": (
        "MN01",
        {"app.py": APP.replace("    return", "    row = [1]\n    print(row)\n    return")},
    ),
    "a DAG that looks for drift": (
        "MN02",
        {"app.py": APP, "dags/weekly.py": "def check_accuracy_drift(rows):\n    return rows\n"},
    ),
    "trained again each day by Prefect": (
        "MN06",
        {
            "app.py": APP,
            "prefect.yaml": "deployments:\n- name: train\n  schedules:\n  - cron: '0 7 * * *'\n",
        },
    ),
    "trained again by a DAG": (
        "MN06",
        {
            "app.py": APP,
            "dags/training.py": (
                "from airflow import DAG\n\nDAG('train', schedule_interval='@weekly')\n"
            ),
        },
    ),
    "a job measures the model in use": (
        "MN04",
        {
            "app.py": APP,
            "jobs/evaluations.py": (
                "from sklearn.metrics import f1_score\n\n\ndef run(a, b):\n"
                "    return f1_score(a, b)\n"
            ),
        },
    ),
    "alerts as Python": ("MN08", {**CHECKS["MN08"].bad, "watch/alerts.py": "LIMIT = 3\n"}),
    # Services.
    "gunicorn serves, the guard is for one's own machine": (
        "SE05",
        {"app.py": GUARDED, "Procfile": "web: gunicorn app:app\n"},
    ),
    "a stage for development": (
        "SE05",
        {
            "Dockerfile": "FROM a:1 AS dev\nCMD uvicorn a:app --reload\n"
            "FROM a:1\nCMD uvicorn a:app\n"
        },
    ),
    "an old container file": ("SE06", {"Dockerfile.bak": bad("SE06")}),
    "a route named after health": (
        "SE04",
        {"app.py": APP + "\n\n@app.route('/')\ndef health_check():\n    return 'ok'\n"},
    ),
    "a heartbeat": (
        "SE04",
        {"app.py": APP + "\n\n@app.route('/heartbeat')\ndef beat():\n    return 'ok'\n"},
    ),
    "a route that says it is running": (
        "SE04",
        {"app.py": APP + "\n\n@app.route('/')\ndef a():\n    return 'The API is running!'\n"},
    ),
    "numbers are made of the request, and the error is answered": (
        "SE01",
        {
            "app.py": bad("SE01").replace(
                "    return str(model.predict([data['rows']]))\n",
                "    try:\n        rows = [float(each) for each in data['rows']]\n"
                "    except ValueError:\n        return 'no number'\n"
                "    return str(model.predict([rows]))\n",
            )
        },
    ),
    "figures are no scored rows": ("SE08", {"evaluate.py": bad("SE08")}),
    # Training.
    "TPOT's export has no seed": ("TR02", {"a.py": TPOT + bad("TR02")}),
    "TPOT's export splits": ("TR01", {"train.py": TPOT + bad("TR01")}),
    "a thousand splits in a loop": (
        "TR01",
        {"train.py": bad("TR01").replace("X_train, X_test =", "for n in range(9):\n    a, b =")},
    ),
    "centres that are given": (
        "TR02",
        {"a.py": "from sklearn.cluster import KMeans\n\nm = KMeans(2, init=start, n_init=1)\n"},
    ),
    "one script trains": ("TR15", {"model.py": bad("TR15", "model.py")}),
    "the README runs both steps": (
        "TR15",
        {**CHECKS["TR15"].bad, "README.md": "Run `python clean.py`, then `python model.py`.\n"},
    ),
    "a script runs both steps": (
        "TR15",
        {**CHECKS["TR15"].bad, "all.sh": "python clean.py && python model.py\n"},
    ),
    "the part of validation is reported": (
        "TR10",
        {"train.py": BOOST.replace("X_test", "X_val").replace("y_test", "y_val")},
    ),
    "the saved pickle holds features": (
        "TR14",
        {
            **CHECKS["TR14"].bad,
            "train.py": bad("TR14", "train.py").replace(
                "joblib.dump(SVC().fit([[1]], [1]), 'm.joblib')",
                "SVC().fit([[1]], [1])\njoblib.dump(feature_matrix, 'm.joblib')",
            ),
        },
    ),
    # Evaluation.
    "figures are written as a text": (
        "EV03",
        {
            "train.py": bad("EV03") + "report = 'a'\nwith open('r.txt', 'w') as file:\n"
            "    file.write(report)\n"
        },
    ),
    "a report of figures is in git": (
        "EV03",
        {**CHECKS["EV03"].bad, "reports/classification_report.txt": "f1 0.9\n"},
    ),
    "accuracy is part of the model's name": (
        "EV03",
        {
            **CHECKS["EV03"].bad,
            "b.py": "def keep(model, accuracy):\n    model.save('m', accuracy)\n",
        },
    ),
    "figures go to a log": (
        "EV03",
        {
            **CHECKS["EV03"].bad,
            "b.py": "import logging\n\n\ndef f(score):\n    logging.info('best score %s', score)\n",
        },
    ),
    "groups that were found have no baseline": (
        "EV02",
        {"a.py": "from sklearn.metrics import silhouette_score\n\nsilhouette_score([[1]], [1])\n"},
    ),
    "a tree of one question": (
        "EV02",
        {
            **CHECKS["EV02"].bad,
            "b.py": "from sklearn.tree import DecisionTreeClassifier\n\n"
            "m = DecisionTreeClassifier(max_depth=1)\n",
        },
    ),
    "a formula of a figure measures no model": (
        "EV08",
        {
            "metrics.py": "from sklearn.metrics import f1_score\n\n\ndef score(y, p):\n"
            "    return f1_score(y, p)\n",
            "prepare.py": "from sklearn.preprocessing import OneHotEncoder\n\nOneHotEncoder()\n",
        },
    ),
    "groups are compared in tests": (
        "EV08",
        {
            **CHECKS["EV08"].bad,
            "tests/test_fair.py": "def test_fairness_by_group():\n    assert 1\n",
        },
    ),
    "what is masked in a log is no group": (
        "EV09",
        {**CHECKS["EV09"].bad, "params.yaml": "sensitive: [customer_id, api_key]\n"},
    ),
    "a function says which model is better": (
        "EV04",
        {**CHECKS["EV04"].bad, "judge.py": "def is_new_model_better(a, b):\n    return a > b\n"},
    ),
    "a gate of a competition's kernel": (
        "EV07",
        {**{f"k/{p}": t for p, t in CHECKS["EV07"].bad.items()}, "k/kernel-metadata.json": "{}\n"},
    ),
    # Data.
    "columns are checked by hand": (
        "DA05",
        {**CHECKS["DA05"].bad, "b.py": "def validate_schema(rows):\n    return rows\n"},
    ),
    "rows to score, not to train": (
        "DA05",
        {
            "train.py": "from sklearn.svm import SVC\n\nSVC().fit([[1]], [1])\n",
            "locustfile.py": "import pandas as pd\n\npd.read_csv('a.csv')\n",
        },
    ),
    "a library's own rows": (
        "DA05",
        {"train.py": "from sklearn.datasets import load_iris\n\nload_iris()\n" + bad("DA05")},
    ),
    "a file that it wrote itself": (
        "DA08",
        {
            "a.py": "import pandas as pd\n\ndf.to_csv('raw/a.csv')\ndf = pd.read_csv('raw/a.csv')\n"
            "df.to_csv('raw/a.csv')\n"
        },
    ),
    "an address with a month": (
        "DA02",
        {"train.py": bad("DA02").replace("s3://b/a.csv", "https://b/a_2021-01.csv")},
    ),
    "what a build has made": ("DA12", {"build/lib/features.py": bad("DA12", "features.py")}),
    "steps without features": (
        "DA12",
        {"features.py": "import sklearn\n\n\ndef features(path):\n    return open(path)\n"},
    ),
    "a test of a test's own folder": (
        "DA12",
        {
            "features.py": bad("DA12", "features.py"),
            "Testing/unit.py": "from features import ratio\n",
        },
    ),
    # Models and documents.
    "a model that nobody keeps": (
        "MO06",
        {"train.py": "from sklearn.svm import SVC\n\nSVC().fit([[1]], [1])\n"},
    ),
    "a README about data, model and results": (
        "MO06",
        {**CHECKS["MO06"].bad, "README.md": "# A\n\n## Data\n\n## Model\n\n## Results\n"},
    ),
    "a document named after the model": (
        "MO06",
        {**CHECKS["MO06"].bad, "docs/model_overview.txt": "What it is for.\n"},
    ),
    "rows as a pickle": ("MO02", {"data/processed/tfidf_matrix.pkl": bad("MO02")}),
    "a model is only taken out of use": (
        "MO04",
        {
            "a.py": "from mlflow import MlflowClient\n\nc = MlflowClient()\n"
            "c.transition_model_version_stage('m', 1, 'Archived')\n"
        },
    ),
    "rows that are named those of training": (
        "MO08",
        {"score.py": bad("MO08").replace("rows", "train_rows")},
    ),
    "an author with an address": (
        "PR01",
        {"README.md": "# A\n\nQuestions to ann@example.org\n"},
    ),
    "a section about the authors": ("PR01", {"README.md": "# A\n\n## Authors\n\nAnn\n"}),
    "a package's author": ("PR01", {"setup.py": "setup(\n    author='Ann',\n)\n"}),
    "a maintainer of a package of R": ("PR01", {"DESCRIPTION": "Maintainer: Ann\n"}),
    "trouble has a section": (
        "PR03",
        {**CHECKS["PR03"].bad, "DEPLOY.md": "# Deploy\n\n## Troubleshooting\n\nRestart.\n"},
    ),
    "a licence under another name": ("PR04", {"site/MIT_license.qmd": "MIT\n", "a.py": "x = 1\n"}),
    "a licence in a word": ("PR04", {"setup.py": "setup(\n    license='MIT',\n)\n"}),
    # Dependencies.
    "only a tool is loose": ("SC02", {"requirements.txt": "pandas==2.2.0\njupyterlab\n"}),
    "an extra of what is pinned": (
        "SC02",
        {"requirements.txt": "mkdocs==1.5\nmkdocs[python]>=1\npandas==2\n"},
    ),
    "a published library that also fits": (
        "SC02",
        {"setup.py": "setup(name='a')\n", "MANIFEST.in": "include a\n", "requirements.txt": "a\n"},
    ),
    "Colab brings it": ("SC04", {**ASKED, "app.py": "import google.colab\nimport tfx\n"}),
    "a project's own module that is not here": (
        "SC04",
        {**ASKED, "app.py": "import my_project\nimport dataset\n"},
    ),
    "a script installs it": (
        "SC04",
        {**ASKED, "app.py": "import os\n\nos.system('pip install tfx')\nimport tfx\n"},
    ),
    "a document lists it": ("SC04", {**ASKED, "README.md": "# A\n\n* tfx, for the pipeline\n"}),
    "a lock that MLflow wrote": ("SC05", {"mlruns/1/artifacts/requirements.txt": "a==1\nb==2\n"}),
    # Layout.
    "a kernel's own path": (
        "LA02",
        {"a.py": "import pandas as pd\n\npd.read_csv('/kaggle/input/a/a.csv')\n"},
    ),
    "a path that the caller gives": (
        "LA03",
        {"a.py": "import sys\n\nsys.path.insert(0, args.app_dir)\nimport b\n", "b.py": "x = 1\n"},
    ),
    "the folder of Airflow": ("LA01", moved("LA01", "dags")),
    "a package in a folder below": (
        "LA01",
        {**moved("LA01", "backend"), "backend/pyproject.toml": "[project]\nname = 'a'\n"},
    ),
    "generated copies": (
        "LA08",
        {
            path.replace("prep", "prep_pb2"): text.replace("prep", "prep_pb2")
            for path, text in CHECKS["LA08"].bad.items()
        },
    ),
    "code of the notebook beside it": (
        "LA03",
        {**CHECKS["LA03"].bad, "a.ipynb": '{"cells": [], "metadata": {}, "nbformat": 4}'},
    ),
    "a notebook that is out of use": (
        "LA07",
        {f"deprecated/{path}": text for path, text in CHECKS["LA07"].bad.items()},
    ),
    "a table that is not raw": (
        "DA08",
        {"a.py": bad("DA08").replace("data/raw/", "data/interim/")},
    ),
    "a list names what comes with another": (
        "SC04",
        {
            "requirements.txt": "scikit-learn==1.5.0\n",
            "app.py": "import scipy\n",
            "ci_dependencies.yml": "dependencies:\n- pip:\n  - scipy=1.2.*\n",
        },
    ),
    "Kaggle's image brings what comes with another": (
        "SC04",
        {
            "requirements.txt": "scikit-learn==1.5.0\n",
            "app.py": "import scipy\n",
            "a/kernel-metadata.json": "{}\n",
        },
    ),
    "examples of programs that ask": ("GA03", {**CHECKS["GA03"].bad, "README.md": "# Examples\n"}),
    # CI.
    "an action of the same owner": (
        "CI04",
        {
            CI: STEPS + "      - uses: Acme/setup@v2\n",
            "README.md": "# A\n\n    git clone https://github.com/acme/a\n",
        },
    ),
    "the tests of a page run": ("CI01", {**TESTED, CI: STEPS + "      - run: npm run test\n"}),
    "a test under another name": (
        "CI02",
        {"app.py": "def f():\n    return 1\n", "__test__app.py": "def test_f():\n    assert 1\n"},
    ),
    "only a tool's settings": ("CI02", {"jupyter_server_config.py": "def f():\n    return 1\n"}),
    "a test that trains": (
        "CI07",
        {
            **CHECKS["CI07"].bad,
            "tests/test_a.py": "from a import Trainer\n\n\ndef test_a():\n    Trainer().fit(1)\n",
        },
    ),
    "training is left out on purpose": (
        "CI07",
        {
            **CHECKS["CI07"].bad,
            CI: STEPS + "      # training takes a day\n      - run: ruff check\n",
        },
    ),
    "a canary before all": (
        "IN01",
        {CI: STEPS + "      - run: helm upgrade canary a\n      - run: kubectl apply -f k8s\n"},
    ),
    "the workflow makes what it deploys to": (
        "IN02",
        {CI: STEPS + "      - run: az webapp create -n a\n      - run: az webapp deploy\n"},
    ),
    "a limit around the call": (
        "GA05",
        {"app.py": bad("GA05") + "\n\nTIMEOUT_SECONDS = 10\n"},
    ),
}


@pytest.mark.parametrize("name", QUIET)
def test_a_false_alarm_does_not_come_back(name: str) -> None:
    check, texts = QUIET[name]
    result = check_repository(read_texts({**texts}), [CHECKS[check]]).results[0]
    assert result.outcome != "fail", [mark.message for mark in result.marks]


@pytest.mark.parametrize("check", sorted({check for check, _ in QUIET.values()}))
def test_the_alarm_itself_is_still_there(check: str) -> None:
    result = check_repository(read_texts({**CHECKS[check].bad}), [CHECKS[check]]).results[0]
    assert result.outcome == "fail"


@pytest.mark.parametrize("check", ["MN01", "MN02", "MN04", "MN06", "SE04", "DA05", "TR13"])
def test_a_product_that_a_course_is_about_is_no_lesson(check: str) -> None:
    texts = {**CHECKS[check].bad, "README.md": "# A course on machines\n"}
    result = check_repository(read_texts({**texts}), [CHECKS[check]]).results[0]
    assert result.outcome == "fail"
