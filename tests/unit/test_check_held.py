"""What one reader said of findings in repositories that no check had been corrected with.

The false alarms among them stand here by their general form, as in test_check_seen.py.
"""

from pathlib import Path

import pytest
from scripts import held
from scripts.readings import HELD, Reading

from tdsp.check.all import CHECKS
from tdsp.check.run import check_folder, check_repository
from tdsp.reading import read_texts

FOUND = held.readings("held out")
STEPS = "on: push\njobs:\n  check:\n    runs-on: ubuntu-24.04\n    steps:\n"
CI = ".github/workflows/ci.yml"
ASKED = {"requirements.txt": "pandas==2.2.0\n", "app.py": "import tfx\n"}
JOB = STEPS.removeprefix("on: push\n") + "      - run: ruff check\n"
TOY = "from sklearn.datasets import load_iris\n\nload_iris()\n"
OWN_REGISTER = "import mlflow\n\n\ndef register_model(name):\n    print(name)\n\n\n"
OWN_REGISTER += "register_model('a')\n"
NOTEBOOK = '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", '
NOTEBOOK += '"source": ["import pandas as pd\\n", "pd.get_dummies(1)"], "outputs": []}]}'


TARGET = STEPS.replace("push", "pull_request_target") + "      - uses: actions/checkout@v4\n"
TARGET += "        with:\n          ref: ${{ github.event.pull_request.head.sha }}\n"
SEARCHED = (
    "from sklearn.metrics import f1_score\nfrom sklearn.model_selection import train_test_split\n"
    "from xgboost import XGBClassifier\n\n\ndef ask(X, y):\n"
    "    X_train, X_test, y_train, y_test = train_test_split(X, y)\n"
    "    m = XGBClassifier(early_stopping_rounds=5)\n"
    "    m.fit(X_train, y_train, eval_set=[(X_test, y_test)])\n"
    "    return f1_score(y_test, m.predict(X_test))\n"
)
EVALUATED = CHECKS["EV01"].bad["train.py"].replace("print(acc", "print(1, acc")


def bad(check: str, path: str = "") -> str:
    """Return the text of a check's bad example: its only file, or the one that is named."""
    texts = CHECKS[check].bad
    return texts[path] if path else next(iter(texts.values()))


REMOTE = "from transformers import AutoModel\n\n"
# What the eighth reading found wrong.
EIGHTH: dict[str, tuple[str, dict[str, str]]] = {
    "the model is a folder": (
        "SC06",
        {"m.py": REMOTE + "AutoModel.from_pretrained('/models/a', trust_remote_code=True)\n"},
    ),
    "a name says that the model is a folder": (
        "SC06",
        {"m.py": REMOTE + "a = './a'\nAutoModel.from_pretrained(a, trust_remote_code=True)\n"},
    ),
    "a field of the settings may be a folder": (
        "SC06",
        {
            "m.py": REMOTE + "place = '/models/a'\nc = Settings(model=place)\n"
            "d = Settings(model='a/b')\n"
            "AutoModel.from_pretrained(c.model, trust_remote_code=True)\n"
        },
    ),
    "what Jupyter of Azure ML keeps": (
        "MO10",
        {f".ipynb_aml_checkpoints/{path}": text for path, text in CHECKS["MO10"].bad.items()},
    ),
    "documents of others that were collected": (
        "LA07",
        {f"collected_docs/a/{path}": text for path, text in CHECKS["LA07"].bad.items()},
    ),
    "an installed package beside the code": (
        "GA01",
        {
            "app/main.py": "import lib\n",
            "app/lib-1.0.dist-info/METADATA": "Name: lib\n",
            **{f"app/lib/{path}": text for path, text in CHECKS["GA01"].bad.items()},
        },
    ),
    "the person who starts it names the folder": (
        "LA03",
        {
            "a.py": "import os\nimport sys\n\nplace = input('Where? ')\n"
            "sys.path.append(os.path.dirname(place))\nimport b\n",
            "b.py": "x = 1\n",
        },
    ),
    "Hugging Face starts the container": (
        "SE06",
        {
            "Dockerfile": CHECKS["SE06"].good["Dockerfile"].replace("USER 10001\n", ""),
            "README.md": "---\ntitle: A\nsdk: docker\n---\n# A\n",
        },
    ),
    "the losses of the training are no model": (
        "TR14",
        {
            "requirements.txt": "scikit-learn\njoblib\n",
            "train.py": "import joblib\nfrom keras import Sequential\n\n"
            "log = Sequential().fit([[1]])\njoblib.dump(log.history, 'losses')\n",
        },
    ),
}
PUBLISHED = "steps:\n- bash: pytest --junitxml=junit/a.xml || true\n- task: PublishTestResults@2\n"
PUBLISHED += "  inputs:\n    testResultsFiles: junit/*.xml\n    failTaskOnFailedTests: true\n"
UNTESTED = {"app.py": CHECKS["CI02"].bad["app.py"]}
FORMATTED = JOB + "      - run: uvx pre-commit run --files CHANGELOG.md || true\n"
BOOSTED = "def judge(guess, data):\n    return f1_score(data.get_label(), guess)\n"
# What the ninth reading found wrong.
NINTH: dict[str, tuple[str, dict[str, str]]] = {
    "a test that ends the process": (
        "CI02",
        {
            **UNTESTED,
            "test_a.py": "import sys\n\n\ndef test_a():\n    try:\n        import app\n"
            "    except ImportError:\n        sys.exit(1)\n",
        },
    ),
    "a script of tests that ends with an exit code": (
        "CI02",
        {
            **UNTESTED,
            "test_a.py": "import sys\n\n\ndef test_a():\n    return 0\n\n\nsys.exit(test_a())\n",
        },
    ),
    "a tool says which notebook it exported": (
        "CI02",
        {"app.py": "# Generated from: app.ipynb\n" + UNTESTED["app.py"]},
    ),
    "Colab exported it": (
        "CI02",
        {"app.py": '"""Automatically generated by Colab."""\n' + UNTESTED["app.py"]},
    ),
    "a test in the language of the shell": (
        "CI02",
        {**UNTESTED, "tests/test_container.sh": "curl localhost\n"},
    ),
    "a later task fails by the results of the tests": (
        "CI03",
        {"azure-pipelines.yml": PUBLISHED},
    ),
    "a hook that formats a generated file": ("CI03", {CI: FORMATTED}),
    "a script sets the remote": (
        "DA03",
        {**CHECKS["DA03"].bad, "setup.py": "import os\n\nos.system('dvc remote add a s3://b')\n"},
    ),
    "a figure of the training rows": (
        "EV10",
        {
            "judge.py": "from sklearn.metrics import f1_score\n\n\n"
            "def judge(y_train, guess):\n    return f1_score(y_train, guess)\n"
        },
    ),
    "what boosting asks after each round": (
        "EV10",
        {"judge.py": "from sklearn.metrics import f1_score\n\n\n" + BOOSTED},
    ),
    "the figure of one class": (
        "EV11",
        {"metrics.json": '{"class_metrics": {"a": {"f1": 1.0}}, "accuracy": 0.83}\n'},
    ),
    "exercises of a school, numbered": (
        "CI02",
        {f"a/0x0{n}-sums/{n}-add.py": UNTESTED["app.py"] for n in range(3)},
    ),
    "a title that counts its projects": (
        "CI02",
        {
            "README.md": "# 100+ Machine Learning Projects\n",
            **{f"{name}/app.py": UNTESTED["app.py"] for name in ("mail", "sea", "sky")},
        },
    ),
    "an image that runs what it is given": (
        "SE06",
        {"a/Dockerfile": 'FROM python:3.11\nENTRYPOINT ["python"]\nCMD ["train.py"]\n'},
    ),
    "an image for a trial": (
        "SE06",
        {"a/Dockerfile": 'FROM python:3.11\nCMD ["python3", "/a/volume-test.py"]\n'},
    ),
    "what prepares rows is logged beside the model": (
        "MO09",
        {"t.py": "import mlflow\n\nmlflow.sklearn.log_model(sk_model=preprocessor, name='a')\n"},
    ),
    "a configuration in the form of a model": (
        "MO09",
        {"t.py": "import mlflow\n\nmlflow.pyfunc.log_model(name='a', python_model=RagConfig(1))\n"},
    ),
    "a package in a folder, for others": (
        "SC02",
        {
            "lib/pyproject.toml": "[project]\nname = 'a'\ndependencies = ['numpy']\n"
            "classifiers = ['Topic :: Software Development :: Libraries']\n"
        },
    ),
    "a wheel of a library": (
        "SC02",
        {
            "requirements.txt": "pandas\n",
            "train.py": CHECKS["TR03"].bad["train.py"],
            "setup.py": '"""Build the wheel for the library a."""\nfrom setuptools import setup\n\n'
            "setup(name='a', classifiers=[])\n",
        },
    ),
    "a workflow in a folder audits": (
        "SC05",
        {
            "requirements.txt": "pandas==2.2.0\n",
            "app/.github/workflows/a.yml": JOB + "      - uses: aquasecurity/trivy-action@v1\n",
        },
    ),
    "the stable name of a model of Google": (
        "GA01",
        {"app.py": bad("GA01").replace("chatgpt-4o-latest", "gemini-2.5-flash")},
    ),
}
MIT = "MIT License\n\nCopyright (c) 2024 {}\n\nPermission is hereby granted.\n"
BY_INDEX = CHECKS["TR03"].bad["train.py"].replace("X = Sta", "filled = Sta")
BY_INDEX = BY_INDEX.replace("train_test_split(X, y,", "train_test_split(filled, y,")
SPHINX = "import os\nimport sys\n\nsys.path.insert(0, os.path.abspath('..'))\n"
# What the tenth reading found wrong.
TENTH: dict[str, tuple[str, dict[str, str]]] = {
    "the key ends with its session": (
        "IN04",
        {
            CI: STEPS
            + "      - uses: aws-actions/configure-aws-credentials@v4\n        with:\n"
            + "          aws-secret-access-key: ${{ secrets.A }}\n"
            + "          aws-session-token: ${{ secrets.B }}\n"
        },
    ),
    "a stage that was renamed since": (
        "DA04",
        {
            **CHECKS["DA04"].bad,
            "dvc.yaml": CHECKS["DA04"].bad["dvc.yaml"].replace("train:", "fit:"),
        },
    ),
    "the parts only say which rows are held out": (
        "TR03",
        {"train.py": BY_INDEX + "train = df.loc[X_train.index]\ntest = df.drop(X_train.index)\n"},
    ),
    "the settings of Sphinx": (
        "LA03",
        {
            "sphinx/source/conf.py": SPHINX + "import pkg\n\nextensions = ['sphinx.ext.autodoc']\n",
            "pkg.py": "x = 1\n",
        },
    ),
    "an image for development": (
        "SE06",
        {"Dockerfile.dev": bad("SE06")},
    ),
    "an image that waits until someone enters it": (
        "SE06",
        {"Dockerfile": 'FROM ubuntu:20.04\nCMD ["tail", "-F", "anything"]\n'},
    ),
    "a licence names who holds the copyright": (
        "PR01",
        {"a.py": "x = 1\n", "LICENSE": MIT.format("Ann Miller")},
    ),
    "the authors in French": (
        "PR01",
        {"a.py": "x = 1\n", "README.md": "# A\n\n##  Auteurs\n- Ann Miller\n"},
    ),
    "an author in the front matter": (
        "PR01",
        {"a.R": "x <- 1\n", "readme.Rmd": '---\ntitle: "A"\nauthor: "Ann Miller"\n---\n'},
    ),
    "an author without the signs of a heading": (
        "PR01",
        {"a.py": "x = 1\n", "README.md": "A service\n\nAuthor\n\nAnn Miller\nA student\n"},
    ),
    "a licence without the signs of a heading": (
        "PR04",
        {"a.py": "x = 1\n", "README.md": "# A\n\nLicense\n\nOpen source and free to use.\n"},
    ),
}
QUIET: dict[str, tuple[str, dict[str, str]]] = {
    **EIGHTH,
    **NINTH,
    **TENTH,
    "a package in a folder asks for it": (
        "SC04",
        {
            **ASKED,
            "pkg/setup.py": "from setuptools import setup\n\nsetup(install_requires=['tfx'])\n",
        },
    ),
    "Airflow brings it": (
        "SC04",
        {**ASKED, "app.py": "import requests\nfrom airflow.sdk import dag\n"},
    ),
    "a workflow runs on a bot's branches": (
        "SC05",
        {**CHECKS["SC05"].bad, CI: "on:\n  push:\n    branches: ['dependabot/**']\n" + JOB},
    ),
    "authors in a plain file": (
        "PR01",
        {"a.py": "x = 1\n", "AUTHORS": "Ann <https://a.example>\n"},
    ),
    "a pipeline that CI builds": (
        "CI07",
        {**CHECKS["CI07"].bad, CI: STEPS + "      - run: ploomber build\n"},
    ),
    "a file of experiments reads its own results": (
        "DA05",
        {
            "train.py": "from sklearn.svm import SVC\n\nSVC().fit([[1]], [1])\n",
            "test.py": "import pandas as pd\n\nprint(pd.read_csv('result/a.csv'))\n",
        },
    ),
    "a page that shows the rows": (
        "DA05",
        {
            "train.py": "from sklearn.svm import SVC\n\nSVC().fit([[1]], [1])\n",
            "pages/rows.py": "import pandas as pd\nimport streamlit as st\n\n"
            "st.write(pd.read_csv('a.csv'))\n",
        },
    ),
    "examples of a tool": (
        "MO06",
        {
            "README.md": "# Sample projects of a tool\n",
            **{f"{name}/train.py": bad("MO06", "train.py") for name in ("etl", "grid", "cron")},
        },
    ),
    "categories of a notebook elsewhere": (
        "EV08",
        {
            "a/judge.py": bad("EV08").replace("OneHotEncoder", "StandardScaler"),
            "a/look.ipynb": NOTEBOOK,
        },
    ),
    "a file describes the app": (
        "IN02",
        {CI: STEPS + "      - run: flyctl deploy\n", "fly.toml": "app = 'a'\n"},
    ),
    "a notebook as a script": (
        "DA12",
        {
            "features.py": "# %% tags=['parameters']\nproduct = None\n\n# %%\n"
            + bad("DA12", "features.py"),
        },
    ),
    "a function of one's own that only prints": ("EV04", {"train.py": OWN_REGISTER}),
    "data of a function of one's own": ("MO05", {"train.py": OWN_REGISTER}),
    "data of a function of one's own in another file": (
        "MO05",
        {
            "shop/registry.py": "def register_model(name):\n    print(name)\n",
            "go.py": "from shop.registry import register_model\n\nregister_model('a')\n",
        },
    ),
    "the texts of a vector index": (
        "MO02",
        {"store/index.pkl": bad("MO02"), "store/index.faiss": "1"},
    ),
    "a package in R names its licence": (
        "PR04",
        {"DESCRIPTION": "Package: a\nLicense: Apache License 2.0\n", "a.R": "x <- 1\n"},
    ),
    "a dashboard in a config map": (
        "MN08",
        {
            **CHECKS["MN08"].bad,
            "k8s/board.yaml": 'kind: ConfigMap\ndata:\n  a.json: |\n    {"panels": []}\n',
        },
    ),
    "a route about features": ("DA12", {"api/routes/features.py": bad("DA12", "features.py")}),
    "what starts the steps": ("DA12", {"run_preprocess.py": bad("DA12", "features.py")}),
    "an upload": (
        "DA05",
        {
            "train.py": "from sklearn.svm import SVC\n\nSVC().fit([[1]], [1])\n",
            "rows.py": "import pandas as pd\n\n\ndef rows(uploaded_file):\n"
            "    return pd.read_csv(uploaded_file.stream)\n",
        },
    ),
    "a drive is no address": (
        "DA02",
        {name: t.replace("s3://", "D://") for name, t in CHECKS["DA02"].bad.items()},
    ),
    "a function of one's own logs the result of a search": (
        "TR13",
        {"tune.py": bad("TR13") + "    log_model_result('a', search)\n"},
    ),
    "figures are a part of what is written": (
        "EV03",
        {
            **CHECKS["EV03"].bad,
            "keep.py": "import json\n\n\ndef keep(a, f):\n    json.dump({'metrics': a}, f)\n",
        },
    ),
    "a template asks no model": (
        "GA05",
        {
            "app.py": "from langchain_core.prompts import ChatPromptTemplate\n\n"
            "t = ChatPromptTemplate([('system', 'You help.')])\n"
        },
    ),
    "an environment of Azure ML in code asks for it": (
        "SC04",
        {
            **ASKED,
            "env.py": "from azureml.core.runconfig import CondaDependencies\n\n"
            "CondaDependencies.create(pip_packages=['pandas[all]', 'tfx'])\n",
            "requirements.txt": "azureml-core==1.0\n",
        },
    ),
    "a cluster of Databricks brings it": (
        "SC04",
        {**ASKED, "app.py": "import tfx\n\ndbutils.fs.ls('a')\n"},
    ),
    "PyWavelets under its own name": (
        "SC04",
        {"requirements.txt": "PyWavelets==1.4\n", "app.py": "import pywt\n"},
    ),
    "the entry seeds numpy": (
        "TR02",
        {**CHECKS["TR02"].bad, "main.py": "import numpy as np\n\nnp.random.seed(3)\n"},
    ),
    "a script imports what seeds numpy": (
        "TR02",
        {
            "train.py": "import seeds\n"
            + bad("TR02")
            + "\nif __name__ == '__main__':\n    print(1)\n",
            "seeds.py": "import numpy as np\n\nnp.random.seed(3)\n",
        },
    ),
    "a cache of vectors": ("MO02", {"embeddings_cache.pkl": bad("MO02")}),
    "Bicep describes what it deploys to": (
        "IN02",
        {**CHECKS["IN02"].bad, "infra/main.bicep": "param name string\n"},
    ),
    "alert policies in Terraform": (
        "MN08",
        {
            **CHECKS["MN08"].bad,
            "infra/main.tf": 'resource "google_monitoring_alert_policy" "a" {}\n',
        },
    ),
    "the first page says that it is well": (
        "SE04",
        {"app.py": bad("SE04") + "\n\n@app.route('/')\ndef root():\n    return {'status': 'ok'}\n"},
    ),
    "a file of metrics writes them by a function of its own": (
        "EV03",
        {
            **CHECKS["EV03"].bad,
            "write_metrics.py": "from files import write_json\n\n\ndef keep(a):\n"
            "    write_json('a.json', a)\n",
        },
    ),
    "an index is trained": (
        "CI07",
        {
            "find.py": "import faiss\nimport torch\n\n\ndef find(index, v):\n    index.train(v)\n",
            CI: STEPS + "      - run: ruff check\n",
        },
    ),
    "the cases of a test": (
        "DA05",
        {
            "train.py": "from sklearn.svm import SVC\n\nSVC().fit([[1]], [1])\n",
            "rows.py": "import pandas as pd\n\n\ndef rows(testset_path):\n"
            "    return pd.read_csv(testset_path)\n",
        },
    ),
    "a workflow acts on drift": (
        "MN03",
        {
            "watch.py": "import evidently\n\n\ndef watch(r):\n    r.save_html('a.html')\n",
            CI: STEPS + "      - run: gh issue create --title drift\n",
        },
    ),
    "scikit-misc under its own name": (
        "SC04",
        {"requirements.txt": "scikit-misc==0.5\n", "app.py": "import skmisc\n"},
    ),
    "Terraform makes the place for a model": (
        "EV04",
        {
            "train.py": "from sklearn.svm import SVC\n\nSVC().fit([[1]], [1])\n",
            CI: STEPS + "      - run: terraform apply -auto-approve plan\n",
        },
    ),
    "a figure of a toy table has no spread": ("EV10", {"judge.py": TOY + bad("EV10")}),
    "a figure of a toy table has no baseline": ("EV02", {"train.py": TOY + bad("EV02")}),
    "a toy table is trained on": (
        "CI07",
        {**CHECKS["CI07"].bad, "train.py": TOY + bad("CI07", "train.py")},
    ),
    "a suite judges the table": (
        "DA05",
        {
            **CHECKS["DA05"].bad,
            "quality.py": "from deepchecks.tabular.suites import data_integrity\n",
        },
    ),
    "a loader opens any format": (
        "DA05",
        {
            "train.py": "from sklearn.svm import SVC\n\nSVC().fit([[1]], [1])\n",
            "load.py": "import pandas as pd\n\n\ndef load(path):\n"
            "    if path.endswith('.csv'):\n        return pd.read_csv(path)\n"
            "    return pd.read_excel(path)\n",
        },
    ),
    "a stand-in answers": (
        "GA05",
        {"try.py": bad("GA05").replace("client = OpenAI()", "client = FakeClient()")},
    ),
    "a mock answers": ("GA05", {"try.py": bad("GA05").replace("client", "mock_client")}),
    "rows are a text of a log": (
        "SE08",
        {"score.py": bad("SE08").replace("rows.to_csv('b.csv')", "print(rows.to_json())")},
    ),
    "features are read for one request": (
        "SE08",
        {"score.py": "store.get_online_features(features=[])\n" + bad("SE08")},
    ),
    "a file collects what a gate has done": (
        "EV07",
        {
            "collect_gate_data.py": bad("EV07", "gate.py").replace("def gate", "def judge"),
            "tests/test_a.py": "def test_a():\n    assert 1\n",
        },
    ),
    "ZenML keeps figures as metadata": (
        "EV03",
        {"train.py": bad("EV03") + "\nlog_metadata({'f1': f1_score(y, p)})\n"},
    ),
    "a model is compared with the best one before": (
        "EV02",
        {**CHECKS["EV02"].bad, "best.py": "def update_best_model(challenger):\n    return 1\n"},
    ),
    "a notebook measures scores of others": (
        "EV02",
        {
            "a.ipynb": NOTEBOOK.replace(
                "import pandas as pd", "from sklearn.metrics import f1_score"
            ).replace("pd.get_dummies(1)", "f1_score([0, 1], [1, 1])")
        },
    ),
    "experiments are copies": (
        "LA08",
        {
            path.replace("a/", "exp001/").replace("b/", "exp002/"): text.replace(
                "a.prep", "exp001.prep"
            ).replace("b.prep", "exp002.prep")
            for path, text in CHECKS["LA08"].bad.items()
        },
    ),
    "a service is given images": ("MN07", {"app.py": "from PIL import Image\n" + bad("MN07")}),
    "a file waits for outcomes": (
        "MN04",
        {**CHECKS["MN04"].bad, "late.py": "def backfill_performance(rows):\n    return rows\n"},
    ),
    "what starts it sets a user": (
        "SE06",
        {
            "Dockerfile": bad("SE06").replace("python\n", "python:3.12-slim\n"),
            "compose.yaml": "services:\n  a:\n    build: .\n    user: '10001'\n",
        },
    ),
    "an image for jobs starts a shell": (
        "SE06",
        {"Dockerfile": 'FROM python:3.12-slim\nCMD ["bash"]\n'},
    ),
    "a toy model has no card": (
        "MO06",
        {**CHECKS["MO06"].bad, "train.py": TOY + bad("MO06", "train.py")},
    ),
    "poetry names the licence": (
        "PR04",
        {"a.py": "x = 1\n", "pyproject.toml": "[tool.poetry]\nlicense = 'MIT'\n"},
    ),
    "AWS Lambda brings it": (
        "SC04",
        {**ASKED, "app.py": "import cfnresponse\n\n\ndef lambda_handler(e, c):\n    return 1\n"},
    ),
    "a folder of what was put aside does not parse": (
        "LA05",
        {"a.py": "x = 1\n", "src/old_pipelines/b.py": bad("LA05")},
    ),
    "an error is raised as in Python 2": (
        "LA05",
        {"a.py": "x = 1\n", "b.py": "if x:\n    raise ValueError, 'too long'\n"},
    ),
    "an archive uses what has ended": ("MO10", {"archive/train.py": bad("MO10")}),
    "a temporary folder has a notebook of others": ("LA07", {"tmp/a.ipynb": bad("LA07")}),
    "a notebook was exported": (
        "LA03",
        {**CHECKS["LA03"].bad, "a.py": "# In[ ]:\n\n\n" + bad("LA03", "a.py")},
    ),
    "a collection of notebooks has no tests": (
        "CI02",
        {"a.py": "#!/usr/bin/env python\n# In[3]:\n\n\ndef f():\n    return 1\n"},
    ),
    "a README says whose it is": (
        "PR01",
        {"README.md": "# A\n\nDeveloped and maintained by the Vision Lab at Ulm.\n"},
    ),
    "a README says that it is not free": (
        "PR04",
        {"README.md": "# A\n\n**License:** Proprietary, part of B.\n"},
    ),
    "cron has to be root": (
        "SE06",
        {"Dockerfile": 'FROM python:3.12-slim\nUSER root\nENTRYPOINT ["cron"]\n'},
    ),
    "conda writes exact builds": (
        "TR14",
        {
            **CHECKS["TR14"].bad,
            "yml/kaggle.yml": "dependencies:\n  - scikit-learn=0.22.1=py38h6288b17_0\n",
        },
    ),
    "what is dumped is any file": (
        "TR14",
        {
            "requirements.txt": "scikit-learn\n",
            "train.py": "import joblib\nfrom sklearn.svm import SVC\n\nSVC().fit([[1]], [1])\n\n\n"
            "def save(bin_file):\n    joblib.dump(bin_file, 'a.joblib')\n",
        },
    ),
    "CI calls a script that audits": (
        "SC05",
        {**CHECKS["SC05"].bad, CI: STEPS + "      - run: ./scripts/run_pip_audit.sh\n"},
    ),
    "a file beside it names each version": (
        "SC02",
        {
            "pyproject.toml": "[project]\nname = 'a'\ndependencies = ['pandas']\n",
            "requirements.txt": "pandas==2.2.0\nnumpy==2.0.0\npytest\n",
        },
    ),
    "only tools of tests have no version": (
        "SC02",
        {"requirements.txt": "behave\nselenium\npandas==2.2.0\n"},
    ),
    "pandas warned of each line": (
        "DA11",
        {"load.py": "import pandas as pd\n\npd.read_csv('a', error_bad_lines=False)\n"},
    ),
    "a test part is divided once more": (
        "EV01",
        {
            "train.py": EVALUATED.replace(
                "m = SVC",
                "X_test, X_val, y_test, y_val = train_test_split(X_test, y_test)\nm = SVC",
            )
            + "print(accuracy_score(y_test, m.predict(X_test)))\n"
        },
    ),
    "an action reads a pull request": (
        "CI06",
        {CI: TARGET + "      - uses: a/check-links@v1\n"},
    ),
    "rows that were apart are joined for their dummies": (
        "TR03",
        {
            "a.py": "import pandas as pd\nfrom sklearn.preprocessing import StandardScaler\n"
            "train, test = pd.read_csv('a'), pd.read_csv('b')\n"
            "train['a'] = StandardScaler().fit_transform(train[['a']])\n"
            "both = pd.concat([train, test])\n"
            "train = both[:9]\ntest = both[9:]\n"
        },
    ),
    "everyone has the key of LocalStack": (
        "IN03",
        {"localstack_data/cache/server.test.pem": "-----BEGIN PRIVATE KEY-----\nMIIE\n"},
    ),
    "a trial reports to a search": (
        "TR10",
        {"train.py": SEARCHED.replace("ask(X", "ask(trial, X")},
    ),
    "an evaluation loads the model that it is told": (
        "SE02",
        {"app.py": bad("SE02").replace("def predict", "def evaluate_model")},
    ),
    "stages make all data anew": (
        "DA03",
        {"dvc.lock": "schema: '2.0'\nstages: {}\n", ".dvc/config": "[core]\n"},
    ),
    "CodeBuild of a part": (
        "CI01",
        {**CHECKS["CI01"].bad, "build/buildspec.yml": "version: 0.2\nphases: {}\n"},
    ),
    "SageMaker's monitor makes constraints of the training rows": (
        "DA05",
        {
            **CHECKS["DA05"].bad,
            "pipeline.py": "from sagemaker.model_monitor.dataset_format import DatasetFormat\n",
        },
    ),
    "the image of a job brings it": (
        "SC04",
        {**ASKED, "job.py": "def job(run, uri):\n    run(container_uri=uri)\n"},
    ),
}


def test_findings_of_ten_repositories_and_more_were_read() -> None:
    assert 10 <= len({each.repository for each in FOUND}) < held.REPOSITORIES
    assert {each.check for each in FOUND} <= {*CHECKS}


def test_the_file_has_no_code_and_no_addresses() -> None:
    text = HELD.read_text("utf-8")
    assert not any(sign in text for sign in ("/", "=", "(", "import ", "@"))


def test_what_is_still_reported_is_counted_apart_from_what_was_read() -> None:
    said = [("none", False), ("warning", True), ("note", True)]
    found = [Reading(1, "SC04", "warning", right, right, now) for now, right in said]
    assert held.table(found).splitlines()[3].endswith("| 0.95 | 1 | 1 |")


@pytest.mark.parametrize(
    "row",
    [
        "held out,1,book,TR01,note,perhaps,note,0,",
        "held out,1,book,TR01,note,wrong,note,0,",
        "seen,1,book,TR01,note,right,note,0,",
        "held out,1,book,TR01,grave,right,note,0,",
    ],
)
def test_a_row_that_is_not_whole_is_named(row: str, tmp_path: Path) -> None:
    path = tmp_path / "held.csv"
    path.write_text(f"{','.join(held.COLUMNS)}\n{row}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        held.readings("held out", path)


@pytest.mark.parametrize(
    ("asked", "imported"),
    [("feast[aws]", "boto3"), ("ploomber", "papermill"), ("jupyter", "nbformat")],
)
def test_what_only_comes_with_another_package_is_found(asked: str, imported: str) -> None:
    texts = {"requirements.txt": f"{asked}==1.0\n", "app.py": f"import {imported}\n"}
    (result,) = check_repository(read_texts({**texts}), [CHECKS["SC04"]]).results
    assert [mark.kind for mark in result.marks] == ["fail"]


def severities(check: str, texts: dict[str, str]) -> list[str]:
    """Return how severe each finding calls itself, "" for the class of the check."""
    (result,) = check_repository(read_texts({**texts}), [CHECKS[check]]).results
    return [mark.severity for mark in result.marks if mark.kind == "fail"]


@pytest.mark.parametrize(
    ("start", "said"), [("push", "error"), ("schedule", "note"), ("[push, schedule]", "error")]
)
def test_a_hidden_failure_is_a_note_in_what_only_a_clock_starts(start: str, said: str) -> None:
    steps = STEPS.replace("push", start) + "      - run: pytest tests || true\n"
    assert severities("CI03", {CI: steps}) == [said]


@pytest.mark.parametrize(
    ("before", "said"),
    [("https://maps.googleapis.com/maps/api/js?key=", "note"), ("k=", "")],
)
def test_a_key_that_every_browser_is_given_is_a_note(before: str, said: str) -> None:
    key = "AIza" + "SyQ7w2E9r4T1y6U8i3O5p0AsDfGhJkLzXcV"
    assert severities("SC01", {"map.html": f"<script src='{before}{key}'></script>\n"}) == [said]


@pytest.mark.parametrize(("name", "said"), [("embed_old.py", "note"), ("embed.py", "")])
def test_what_was_put_aside_and_does_not_parse_is_a_note(name: str, said: str) -> None:
    assert severities("LA05", {name: bad("LA05")}) == [said]


@pytest.mark.parametrize("name", QUIET)
def test_a_false_alarm_does_not_come_back(name: str) -> None:
    check, texts = QUIET[name]
    result = check_repository(read_texts({**texts}), [CHECKS[check]]).results[0]
    assert result.outcome != "fail", [mark.message for mark in result.marks]


def test_a_document_of_r_is_read(tmp_path: Path) -> None:
    for path, text in TENTH["an author in the front matter"][1].items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert check_folder(tmp_path, ["PR01"]).results[0].outcome == "pass"


LOUD = {
    "a key beside a secret that is no session's": (
        "IN04",
        {
            CI: STEPS
            + "      - uses: aws-actions/configure-aws-credentials@v4\n        with:\n"
            + "          aws-secret-access-key: ${{ secrets.A }}\n"
        },
    ),
    "one of the parts is used as it is": (
        "TR03",
        {"train.py": BY_INDEX + "train = df.loc[X_train.index]\nkeep(X_test)\n"},
    ),
    "an image of a service for development, without saying so": (
        "SE06",
        {"dev/Dockerfile": bad("SE06")},
    ),
    "a licence that only names its foundation": (
        "PR01",
        {"a.py": "x = 1\n", "LICENSE": MIT.format("Free Software Foundation, Inc.")},
    ),
    "a script of the name conf": (
        "LA03",
        {"conf.py": SPHINX + "import pkg\n", "pkg.py": "x = 1\n"},
    ),
    "one of two jobs states its rights": (
        "CI05",
        {
            CI: STEPS.replace("    steps", "    permissions: {}\n    steps")
            + "      - run: a\n  b:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: a\n"
        },
    ),
    "nothing fails by the results of the tests": (
        "CI03",
        {
            "azure-pipelines.yml": PUBLISHED.replace("true\n", "false\n").replace(
                "|| false", "|| true"
            )
        },
    ),
    "hooks of all files are hidden": (
        "CI03",
        {CI: FORMATTED.replace("--files CHANGELOG.md", "--all-files")},
    ),
    "a figure of the whole beside those of classes": (
        "EV11",
        {"metrics.json": '{"class_metrics": {"a": {"f1": 0.8}}, "accuracy": 1.0}\n'},
    ),
    "the first name of a model of Google": (
        "GA01",
        {"app.py": bad("GA01").replace("chatgpt-4o-latest", "gemini-1.5-flash")},
    ),
    "a function that no search calls": ("TR10", {"train.py": SEARCHED}),
    "a step runs what a pull request brings": (
        "CI06",
        {CI: TARGET + "      - run: pip install .\n"},
    ),
    "pandas is told not to warn": (
        "DA11",
        {
            "load.py": "import pandas as pd\n\n"
            "pd.read_csv('a', error_bad_lines=False, warn_bad_lines=False)\n"
        },
    ),
    "everybody is no owner": ("PR01", {"README.md": "It is maintained by the community here.\n"}),
    "a key of the own infrastructure": (
        "IN03",
        {"certs/server.pem": "-----BEGIN PRIVATE KEY-----\nMIIE\n"},
    ),
    "an image is named": (
        "EV04",
        {
            "train.py": "from sklearn.svm import SVC\n\nSVC().fit([[1]], [1])\n",
            CI: STEPS + "      - run: terraform apply -var image=shop:7\n",
        },
    ),
    "another table beside the toy one": (
        "CI07",
        {**CHECKS["CI07"].bad, "toy.py": TOY + bad("CI07", "train.py")},
    ),
    "one format of a path that is given": (
        "DA05",
        {
            "train.py": "from sklearn.svm import SVC\n\nSVC().fit([[1]], [1])\n",
            "load.py": "import pandas as pd\n\n\ndef load(path):\n    return pd.read_csv(path)\n",
        },
    ),
    "numpy's seed is of another project": (
        "TR02",
        {
            **{f"a/{path}": text for path, text in CHECKS["TR02"].bad.items()},
            "a/requirements.txt": "scikit-learn==1.5.0\n",
            "b/requirements.txt": "numpy==2.0.0\n",
            "b/main.py": "import numpy as np\n\nnp.random.seed(3)\n",
        },
    ),
    "numpy's seed is of another script": (
        "TR02",
        {
            "train.py": bad("TR02") + "\nif __name__ == '__main__':\n    print(1)\n",
            "main.py": "import numpy as np\n\nnp.random.seed(3)\n",
        },
    ),
    "another project checks its columns": (
        "DA05",
        {
            **{f"a/{path}": text for path, text in CHECKS["DA05"].bad.items()},
            "a/requirements.txt": "scikit-learn==1.5.0\n",
            "b/requirements.txt": "pandas==2.2.0\n",
            "b/load.py": "def check_columns(df):\n    return df\n",
        },
    ),
    "a form for reports speaks of no model": (
        "MO06",
        {**CHECKS["MO06"].bad, ".github/ISSUE_TEMPLATE/bug_report.md": "# A bug\n"},
    ),
    "a form of issues says what to click": (
        "SC04",
        {
            "requirements.txt": "pandas==2.2.0\n",
            "app.py": "import click\n",
            ".github/ISSUE_TEMPLATE/bug.md": "# A bug\n\n1. Click on it\n",
        },
    ),
    "how fast it is, is no test": (
        "CI02",
        {
            "app.py": CHECKS["CI02"].bad["app.py"],
            "load_test/a.py": "import locust\n\n\ndef go():\n    return 1\n",
        },
    ),
    "a file is the gate of data": (
        "EV07",
        {
            "data_gate.py": bad("EV07", "gate.py").replace("def gate", "def judge"),
            "tests/test_a.py": "def test_a():\n    assert 1\n",
        },
    ),
    "numbered folders that are no experiments": (
        "LA08",
        {
            path.replace("a/", "part1/").replace("b/", "part2/"): text.replace(
                "a.prep", "part1.prep"
            ).replace("b.prep", "part2.prep")
            for path, text in CHECKS["LA08"].bad.items()
        },
    ),
    "what starts it names root": (
        "SE06",
        {**CHECKS["SE06"].bad, "compose.yaml": "services:\n  a:\n    user: '0'\n"},
    ),
    "a dummy in a longer word": (
        "GA05",
        {"try.py": bad("GA05").replace("client", "stubborn_client")},
    ),
    "the text of a table is written": (
        "SE08",
        {"score.py": bad("SE08").replace("rows.to_csv(", "open('b', 'w').write(rows.to_csv() + ")},
    ),
}


@pytest.mark.parametrize("name", LOUD)
def test_a_mend_leaves_what_is_beside_it(name: str) -> None:
    check, texts = LOUD[name]
    assert check_repository(read_texts({**texts}), [CHECKS[check]]).results[0].outcome == "fail"


@pytest.mark.parametrize("check", sorted({check for check, _ in QUIET.values()}))
def test_the_alarm_itself_is_still_there(check: str) -> None:
    result = check_repository(read_texts({**CHECKS[check].bad}), [CHECKS[check]]).results[0]
    assert result.outcome == "fail"


def test_figures_that_are_too_good_are_one_place_of_a_file() -> None:
    text = '{\n  "a": 1.0,\n  "auc": 1.0,\n  "f1": 1.0\n}\n'
    (mark,) = (
        check_repository(read_texts({"metrics.json": text}), [CHECKS["EV11"]]).results[0].marks
    )
    assert (mark.line, mark.message) in {
        (3, "auc is 1, one of 2 such figures"),
        (4, "f1 is 1, one of 2 such figures"),
    }


def test_a_virtual_environment_in_git_is_not_parsed() -> None:
    path = "venv/lib/python3.11/site-packages/pkg/mod.py"
    repo = read_texts({path: "x = 1\n", "a.py": "x = 1\n"})
    assert [*repo.python] == ["a.py"]
    assert path in repo.files
