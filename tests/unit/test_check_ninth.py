"""The general form of what the ninth reading found wrong, in checks from L to Z.

What stands beside each mend is still reported.
"""

import pytest

from tdsp.check.all import CHECKS
from tdsp.check.run import check_repository
from tdsp.reading import read_texts


def bad(check: str) -> str:
    """Return the text of a check's bad example, which is its first file."""
    return next(iter(CHECKS[check].bad.values()))


SERVED = 'FROM python:3.12-slim\nCMD ["python", "app.py"]\n'
HERE = "FROM python:3.12-slim\nRUN python - <<'PY'\nfrom transformers import pipeline\nPY\nUSER 1\n"
HERE += 'CMD ["python", "app.py"]\n'
POD = bad("SE09")
KIND = "apiVersion: v1\nkind: CustomResourceDefinition\n---\n"
SPLIT = "train_test_split(X, y, random_state=0)\n"
SCALED = bad("TR03")
AGAIN = SCALED.replace("X = Standard", f"a, b, c, d = {SPLIT}X = Standard")
FIT = "".join(f"    {line}\n" for line in SCALED.splitlines()[3:])
OWN_FIT = "\n".join(SCALED.splitlines()[:3]) + f"\n\n\nclass Net:\n  def fit(self, X, y):\n{FIT}"
TURNED = (
    bad("TR05")
    .replace("SelectKBest(k=1)", "PCA()")
    .replace("sklearn.feature_selection import SelectKBest", "sklearn.decomposition import PCA")
)
LABELS = (
    "from sklearn.model_selection import train_test_split\n"
    "from sklearn.preprocessing import OneHotEncoder\n\n"
    f"X_train, X_test, y_train, y_test = {SPLIT}"
    "e = OneHotEncoder()\na = e.fit_transform(y_train)\nb = e.fit_transform(y_test)\n"
)
CHOSEN = bad("TR11").replace("a, b, c, d", "a, X_val, c, y_val")
CHOSEN = CHOSEN.replace("f1_score(d, model.predict(b))", "f1_score(y_val, model.predict(X_val))")
BY_HAND = "trigger: none\nsteps:\n  - bash: python src/train.py\n"
FORM = (
    "import joblib\nfrom flask import Flask, request\n\napp = Flask(__name__)\n"
    "model = joblib.load('m')\n\n\n@app.route('/predict', methods=['POST'])\ndef predict():\n"
    "    try:\n        a = {}\n        return str(model.predict([[a]])[0])\n"
    "    except Exception as error:\n        return str(error)\n"
)
NUMBER = FORM.format("int(float(request.form.get('a')))")
MLMODEL = "flavors:\n  python_function: {loader_module: mlflow.sklearn}\n"
NOTEBOOK = bad("LA07").replace('"execution_count": 3', '"execution_count": 0')

QUIET: dict[str, tuple[str, dict[str, str]]] = {
    "a file within a container file": ("SE06", {"Dockerfile": HERE}),
    "a container for jobs of SageMaker": (
        "SE06",
        {"Dockerfile": SERVED.replace("CMD", "WORKDIR /opt/ml/code\nCMD")},
    ),
    "Compose starts it as who calls": (
        "SE06",
        {"Dockerfile": SERVED, "compose.yaml": 'services:\n  a:\n    user: "${UID}:${GID}"\n'},
    ),
    "OpenShift gives it a user": (
        "SE06",
        {
            "Dockerfile": SERVED,
            "k8s.yaml": "image: image-registry.openshift-image-registry.svc:5000/a/b:v1\n",
        },
    ),
    "a container that was put aside": ("SE06", {"legacy/app/Dockerfile": bad("SE06")}),
    "faulty on purpose": ("SE06", {"faulty-examples/12/Dockerfile": bad("SE06")}),
    "the release of an operator": ("SE09", {"k8s/app.yaml": KIND + POD}),
    "Helm filled it in": (
        "SE09",
        {"k8s/app.yaml": f"metadata:\n  labels:\n    helm.sh/chart: a-1.0\n{POD}"},
    ),
    "numbers are made of each field": ("SE01", {"app.py": NUMBER}),
    "a copy that a file manager made": ("SE01", {"app copy.py": bad("SE01")}),
    "the folder of a platform": (
        "LA03",
        {"a.py": bad("LA03").replace("'..'", "'/opt/ml/code'"), "b.py": "x = 1\n"},
    ),
    "a notebook of Databricks": (
        "LA03",
        {"a.py": f"# Databricks notebook source\n{bad('LA03')}", "b.py": "x = 1\n"},
    ),
    "a script in an archive": ("LA03", {"archive_2025/a.py": bad("LA03"), "b.py": "x = 1\n"}),
    "a script of an editor": ("LA03", {".cursor/a.py": bad("LA03"), "b.py": "x = 1\n"}),
    "a module of a package without __init__": (
        "LA04",
        {
            "middle/pandas.py": "x = 1\n",
            "middle/a.py": "import pandas\n\npandas.read_csv('a')\n",
            "main.py": "from middle.a import b\n",
        },
    ),
    "a cell that was not counted": ("LA07", {"a.ipynb": NOTEBOOK}),
    "a notebook among old ones": ("LA07", {"_old/a.ipynb": bad("LA07")}),
    "the pickle of a table": (
        "MO02",
        {"rows.pkl": "(pandas.core.frame\nDataFrame\n" + "a" * 1_100_000},
    ),
    "the model of an example": ("MO02", {"examples/a/model.pkl": bad("MO02")}),
    "what setuptools copied": ("MO04", {"build/lib/a/serve.py": bad("MO04")}),
    "a training that was put aside": ("MO09", {"archive/train.py": bad("MO09")}),
    "Azure starts it on each push": (
        "MN05",
        {"azure-pipelines.yml": BY_HAND.removeprefix("trigger: none\n")},
    ),
    "a job that evaluates": (
        "MN05",
        {
            ".github/workflows/a.yml": bad("MN05").replace(
                "python src/train.py", "az ml job create --file jobs/evaluate.yml"
            )
        },
    ),
    "a README names the members": ("PR01", {"README.md": "# A\n\n**Team Members**: Ada, Ben\n"}),
    "a README says who built it": (
        "PR01",
        {"README.md": "# A\n\n*Built by Ada Lovelace, 2026.*\n"},
    ),
    "a README links who made it": (
        "PR01",
        {"README.md": '# A\n\nMade with love by <a href="https://github.com/ada">Ada</a>\n'},
    ),
    "members with numbers": ("PR01", {"README.md": "# A\n\nMember 1-Ada\nMember 2-Ben\n"}),
    "a badge names the licence": (
        "PR04",
        {"README.md": "# A\n\n![L](https://img.shields.io/badge/license-MIT-blue.svg)\n"},
    ),
    "a sentence names the licence": (
        "PR04",
        {"README.md": "# A\n\nSynthetic rows. MIT License.\n"},
    ),
    "a licence in another language": ("PR04", {"README.md": "# A\n\n## Licenza\n\nMIT\n"}),
    "an underlined heading": ("PR04", {"README.md": "# A\n\nLicense:\n--------\n\nFree to use.\n"}),
    "package.json names the licence": ("PR04", {"package.json": '{\n  "license": "ISC"\n}\n'}),
    "what MLflow locked beside a model": (
        "SC05",
        {"a/MLmodel": MLMODEL, "a/requirements.txt": "numpy==2.0.0\npandas==2.2.0\n"},
    ),
    "parts that nobody names again": ("TR03", {"train.py": AGAIN + "print(a, b, c, d)\n"}),
    "an exercise that ends with the parts": (
        "TR03",
        {"a.py": SCALED + "print(X_train)\nX_test = StandardScaler().fit_transform(X_test)\n"},
    ),
    "added rows that are only looked at": ("TR04", {"a.py": bad("TR04") + "print(X_test.shape)\n"}),
    "a model's own fit": ("TR03", {"net.py": OWN_FIT}),
    "columns are only turned": ("TR05", {"train.py": TURNED}),
    "labels become numbers": ("TR07", {"train.py": LABELS}),
    "the part of validation chooses": ("TR11", {"choose.py": CHOSEN}),
}
LOUD: dict[str, tuple[str, dict[str, str]]] = {
    "after a file within a container file": (
        "SE06",
        {"Dockerfile": HERE.replace("USER 1\n", "")},
    ),
    "a shift to the left is no file": (
        "SE06",
        {"Dockerfile": "FROM python:3.12-slim\nRUN echo $((1<<N))\nCMD python app.py\n"},
    ),
    "Compose starts another one as root": (
        "SE06",
        {"Dockerfile": SERVED, "compose.yaml": "services:\n  a:\n    user: root\n"},
    ),
    "an answer becomes a number": (
        "SE01",
        {
            "app.py": FORM.format("request.form.get('a')").replace(
                "str(model.predict([[a]])[0])", "str(float(model.predict([[a]])[0]))"
            )
        },
    ),
    "a folder of an own container": (
        "LA03",
        {"a.py": bad("LA03").replace("'..'", "'/app/src'"), "b.py": "x = 1\n"},
    ),
    "the other cells were run in another order": (
        "LA07",
        {"a.ipynb": NOTEBOOK, "b.ipynb": bad("LA07")},
    ),
    "the pickle of a model": ("MO02", {"rows.pkl": "(sklearn.svm\nSVC\n" + "a" * 1_100_000}),
    "a person starts it on Azure": ("MN05", {"azure-pipelines.yml": BY_HAND}),
    "a job that trains": (
        "MN05",
        {
            ".github/workflows/a.yml": bad("MN05").replace(
                "python src/train.py", "az ml job create --file jobs/train_and_evaluate.yml"
            )
        },
    ),
    "an idea of a team": ("PR01", {"README.md": "# A\n\nBuilt by hand, for teams.\n"}),
    "a licensed doctor": ("PR04", {"README.md": "# A\n\nAsk a licensed doctor.\n"}),
    "the second parts are measured": ("TR03", {"train.py": AGAIN + "keep(X_train, X_test)\n"}),
    "what was fitted is kept": (
        "TR03",
        {"a.py": SCALED + "print(X_train.shape)\njoblib.dump(scaler, 'a.pkl')\n"},
    ),
    "the parts are handed on": (
        "TR03",
        {"a.py": SCALED + "print(X_train)\nkeep(X_train, X_test)\n"},
    ),
    "fewer columns are left": (
        "TR05",
        {"train.py": TURNED.replace("PCA()", "PCA(n_components=1)")},
    ),
    "columns become numbers": (
        "TR07",
        {"train.py": LABELS.replace("form(y_train", "form(X_train").replace("(y_test", "(X_test")},
    ),
    "a scale of the answer": (
        "TR07",
        {"train.py": LABELS.replace("OneHotEncoder", "StandardScaler")},
    ),
}


@pytest.mark.parametrize("name", QUIET)
def test_a_false_alarm_does_not_come_back(name: str) -> None:
    check, texts = QUIET[name]
    result = check_repository(read_texts({**texts}), [CHECKS[check]]).results[0]
    assert result.outcome != "fail", [mark.message for mark in result.marks]


@pytest.mark.parametrize("name", LOUD)
def test_a_mend_leaves_what_is_beside_it(name: str) -> None:
    check, texts = LOUD[name]
    result = check_repository(read_texts({**texts}), [CHECKS[check]]).results[0]
    assert result.outcome == "fail", [mark.message for mark in result.marks]
