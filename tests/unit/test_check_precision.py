"""False alarms that were found in public repositories: each by its general form."""

import pytest

from tdsp.check.all import CHECKS
from tdsp.check.run import check_repository
from tdsp.reading import read_texts

STEPS = "on: push\njobs:\n  check:\n    runs-on: ubuntu-24.04\n    steps:\n"
CI = ".github/workflows/ci.yml"
TESTED = {"tests/test_a.py": "def test_a():\n    assert 1\n"}
ASKED = {"requirements.txt": "pandas==2.2.0\n", "app.py": "import tfx\n"}
BOOST = CHECKS["TR10"].bad["train.py"]
FIT = "from sklearn.svm import SVC\n\nSVC().fit([[1]], [1])\n"
CONVERSATION = CHECKS["GA08"].bad["app.py"].replace("    logging.info(m)\n", "")

QUIET: dict[str, tuple[str, dict[str, str]]] = {
    "another library's loader in a variable of that name": (
        "SC07",
        {"a.py": "from ruamel.yaml import YAML\n\nyaml = YAML()\nyaml.load(open('a.yaml'))\n"},
    ),
    "an editor's history": (
        "LA05",
        {".history/a_20260119045046.py": "def f(:\n", "b.py": "x = 1\n"},
    ),
    "a history under another name": ("LA05", {"history/a_20260119045046.py": "def f(:\n"}),
    "a copy that Jupyter keeps": (
        "TR01",
        {".ipynb_checkpoints/a.py": CHECKS["TR01"].bad["train.py"], "b.py": "x = 1\n"},
    ),
    "a schema in the tests of data": (
        "DA05",
        {
            **CHECKS["DA05"].bad,
            "tests/test_data.py": "import great_expectations as ge\n\nge.f()\n",
        },
    ),
    "a job that pushes its verdict": (
        "MN08",
        {"m.py": "from prometheus_client import push_to_gateway\n\npush_to_gateway('a', 'b', 1)\n"},
    ),
    "a library of plots": ("TR15", {"plot_utilities.py": FIT}),
    "Hydra's own configuration": (
        "SC04",
        {"requirements.txt": "hydra-core==1\npandas==2\n", "app.py": "import omegaconf\n"},
    ),
    "a function of AWS Lambda": (
        "SC04",
        {
            "requirements.txt": "pandas==2\nsagemaker==2\n",
            "app.py": "import boto3\n\n\ndef lambda_handler(event, context):\n    return boto3\n",
        },
    ),
    "another model is measured": (
        "TR10",
        {
            "train.py": BOOST.replace(
                "print(f1", "m = XGBClassifier().fit(X_train, y_train)\nprint(f1"
            )
        },
    ),
    "compose runs the tests": (
        "CI01",
        {**TESTED, CI: STEPS + "      - run: docker-compose -f docker-compose.test.yaml up\n"},
    ),
    "mise runs the tests": ("CI01", {**TESTED, CI: STEPS + "      - run: mise run test\n"}),
    "an action runs the tests": (
        "CI01",
        {**TESTED, CI: STEPS + "      - uses: streamlit/streamlit-app-action@v0.0.3\n"},
    ),
    "Cloud Build under any name": (
        "CI01",
        {**TESTED, "build/deploy.yaml": "steps:\n- name: gcr.io/p/i\n  entrypoint: pytest\n"},
    ),
    "an image is only looked at": (
        "CI08",
        {CI: STEPS + "      - run: aws ecs describe-task-definition --query image\n"},
    ),
    "a web app is only shown": ("CI08", {CI: STEPS + "      - run: az webapp show --name a\n"}),
    "the image brings it": (
        "SC04",
        {**ASKED, "Dockerfile": "FROM gcr.io/tfx-oss-public/tfx:1.2\n"},
    ),
    "a command installs it": ("SC04", {**ASKED, "buildspec.yml": "run:\n- pip install tfx -t .\n"}),
    "an address names it": (
        "SC04",
        {**ASKED, "requirements.txt": "pandas==2\ngit+https://github.com/tensorflow/tfx.git@v1\n"},
    ),
    "a list of another name asks for it": (
        "SC04",
        {**ASKED, "ci_dependencies.yml": "dependencies:\n- pip:\n  - tfx==1.2.*\n"},
    ),
    "Kaggle's image brings it": ("SC04", {**ASKED, "a/kernel-metadata.json": "{}\n"}),
    "the standard library of Python 2": ("SC04", {**ASKED, "app.py": "import cPickle\n"}),
    "a cell that is indented as a whole": (
        "LA05",
        {"a.py": "# Databricks notebook source\n x = 1\n"},
    ),
    "a cluster's notebook": (
        "SC04",
        {**ASKED, "app.py": "# Databricks notebook source\nimport tfx\n"},
    ),
    "the build's own tool": (
        "SC04",
        {"requirements.txt": "pandas==2\n", "a/setup.py": "from setuptools import setup\n"},
    ),
    "an image of another kind brings all": (
        "SC04",
        {**ASKED, "app.py": "import apache_beam\n", "Dockerfile": "FROM gcr.io/x/tfx:1.2\n"},
    ),
    "a licence in the README": (
        "PR04",
        {"a.py": "x = 1\n", "README.md": "# A\n\n## License\n\nMIT\n"},
    ),
    "another file is the entry": (
        "LA10",
        {"trainer.py": FIT, "runner.py": "import trainer\n", "README.md": "# Plots\n"},
    ),
    "a library that fits": (
        "LA10",
        {"plots.py": FIT, "README.md": "# Plots\n"},
    ),
    "a commented switch": ("GA08", {"app.py": CONVERSATION, ".env": "# LANGSMITH_TRACING=true\n"}),
    "a competition's file": (
        "SE08",
        {
            "score.py": CHECKS["SE08"]
            .bad["score.py"]
            .replace("rows.to_csv('b.csv')", "rows.to_csv('submission.csv')")
        },
    ),
    "bounds given to a library": (
        "EV04",
        {
            **CHECKS["EV04"].bad,
            "judge.py": "from mlflow.models import MetricThreshold\n\nb = MetricThreshold(0.5)\n",
        },
    ),
    "transforms without a table": (
        "DA12",
        {"transforms.py": "def shrink(image):\n    return image\n", **TESTED},
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


def test_a_split_that_is_only_returned_is_followed() -> None:
    text = (
        "import pandas as pd\nfrom sklearn.model_selection import train_test_split\n"
        "from sklearn.preprocessing import StandardScaler\n\n\ndef split(path):\n"
        "    X = StandardScaler().fit_transform(pd.read_csv(path))\n"
        "    return train_test_split(X, random_state=0)\n"
    )
    result = check_repository(read_texts({"a.py": text}), [CHECKS["TR03"]]).results[0]
    assert result.outcome == "fail"


def test_an_or_hides_a_failure_although_a_later_step_reads_an_output() -> None:
    step = "      - id: watch\n        run: python check_drift.py || true\n"
    later = "      - run: echo ${{ steps.watch.outputs.drift }}\n"
    texts: dict[str, str | bytes] = {CI: STEPS + step + later}
    result = check_repository(read_texts(texts), [CHECKS["MN03"]]).results[0]
    assert result.outcome == "fail"


def test_an_undeclared_import_is_still_found() -> None:
    result = check_repository(read_texts({**ASKED}), [CHECKS["SC04"]]).results[0]
    assert result.outcome == "fail"
