"""Each check by the examples of its own declaration, and by what must not alarm."""

import pytest

from tdsp.check.all import CHECKS
from tdsp.check.maturity import MICROSOFT
from tdsp.check.run import Report, Result, check_repository
from tdsp.ladder import GOOGLE, ITEMS, PRINCIPLES
from tdsp.reading import read_texts

IMPORT = "import pandas as pd\nfrom sklearn.model_selection import train_test_split\n"
SCALER = IMPORT + "from sklearn.preprocessing import StandardScaler\n"
SPLIT = "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)\n"
STEPS = "on: push\njobs:\n  check:\n    runs-on: ubuntu-24.04\n    steps:\n"


def run(texts: dict[str, str | bytes], *ids: str) -> Report:
    chosen = [CHECKS[each] for each in ids] or None
    return check_repository(read_texts(texts), chosen)


def one(texts: dict[str, str], name: str) -> Result:
    return run({**texts}, name).results[0]


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_the_bad_example_fails(name: str) -> None:
    result = one(CHECKS[name].bad, name)
    assert result.outcome == "fail", result.reason
    for mark in result.marks:
        assert mark.line >= 1
        assert mark.message
        assert mark.path in CHECKS[name].bad


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_the_good_example_passes_and_shows_where(name: str) -> None:
    result = one(CHECKS[name].good, name)
    assert result.outcome == "pass", (result.reason, result.marks)
    assert result.marks


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_what_is_said_of_a_check_is_whole(name: str) -> None:
    check = CHECKS[name]
    for text in (check.title, check.why, check.fix):
        assert len(text) > 10
    assert check.why.endswith(".")
    assert not check.title.endswith(".")
    known = {
        *ITEMS,
        *PRINCIPLES,
        "security",
        "evaluation",
        "S1",
        *["A1", "A2", "A3", "A4", "G1", "G2"],
    }
    assert set(check.proves) <= known


def test_scales_name_checks_that_exist() -> None:
    named = {
        each for levels in (*MICROSOFT.values(), GOOGLE) for ids in levels.values() for each in ids
    }
    assert named <= set(CHECKS)


def test_no_check_fails_on_a_repository_without_code() -> None:
    report = run({"README.md": "# Notes\n", "LICENSE": "MIT\n", "CODEOWNERS": "* @team\n"})
    assert [each.check.id for each in report.failed] == []
    assert all(each.outcome != "unknown" for each in report.results)


LEAKS = {
    "a fit, then a transform": "s = StandardScaler()\ns.fit(X)\nX = s.transform(X)\n" + SPLIT,
    "a column of the table": "df['a'] = StandardScaler().fit_transform(df[['a']])\nX ="
    " df.drop(columns='t')\n" + SPLIT,
    "a chain": "X = StandardScaler().fit(X).transform(X)\n" + SPLIT,
    "a new frame": "X = pd.DataFrame(StandardScaler().fit_transform(X), columns=['a'])\n" + SPLIT,
    "a name in between": "Z = StandardScaler().fit_transform(X)\nX = Z\n" + SPLIT,
    "values": "X = StandardScaler().fit_transform(X.values)\n" + SPLIT,
    "a slice": "X = StandardScaler().fit_transform(X)\ntrain, test = X[:80], X[80:]\n",
}
SOUND = {
    "split first": SPLIT + "s = StandardScaler().fit(X_train)\nX_test = s.transform(X_test)\n",
    "scaled for a picture": "Z = StandardScaler().fit_transform(X)\nprint(Z)\n" + SPLIT,
    "bound anew": "X = StandardScaler().fit_transform(X)\nX = pd.read_csv('b.csv')\n" + SPLIT,
    "in a pipeline": "from sklearn.pipeline import make_pipeline\np ="
    " make_pipeline(StandardScaler())\n" + SPLIT,
    "split again": SPLIT + "X = StandardScaler().fit_transform(X_train)\ny = y_train\n" + SPLIT,
    "not a library's": "class StandardScaler:\n    pass\n\n\nX ="
    " StandardScaler().fit_transform(X)\n" + SPLIT,
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_found_however_it_is_written(name: str) -> None:
    text = SCALER + "X, y = pd.read_csv('a.csv'), pd.read_csv('y.csv')\n" + LEAKS[name]
    assert one({"train.py": text}, "TR03").outcome == "fail"


@pytest.mark.parametrize("name", SOUND)
def test_what_is_no_leak_does_not_fail(name: str) -> None:
    text = SCALER + "X, y = pd.read_csv('a.csv'), pd.read_csv('y.csv')\n" + SOUND[name]
    text = (
        text.replace("from sklearn.preprocessing import StandardScaler\n", "")
        if "class " in text
        else text
    )
    assert one({"train.py": text}, "TR03").outcome != "fail"


def test_rows_that_come_from_elsewhere_are_unknown() -> None:
    text = SCALER + "\n\ndef prepare(X):\n    return StandardScaler().fit_transform(X)\n"
    assert one({"prepare.py": text}, "TR03").outcome == "unknown"


@pytest.mark.parametrize(
    ("path", "code", "outcome"),
    [
        ("steps/split.py", "pd.util.hash_array(keys + seed)", "pass"),
        ("steps/keys.py", "pd.util.hash_array(keys + seed)", "not applicable"),
        ("steps/split.py", "hash(keys)", "not applicable"),  # another one in each run
    ],
)
def test_a_split_by_a_hash_can_be_repeated(path: str, code: str, outcome: str) -> None:
    text = f"import pandas as pd\n\n\ndef drawn(keys, seed):\n    return {code}\n"
    assert one({path: text}, "TR01").outcome == outcome


@pytest.mark.parametrize("path", ["tests/test_a.py", "examples/a.py", "vendor/a.py"])
def test_only_production_and_notebooks_are_judged_for_leaks(path: str) -> None:
    text = CHECKS["TR03"].bad["train.py"]
    assert one({path: text}, "TR03").outcome == "not applicable"


HIDDEN = {
    "an or": "      - run: pytest || true\n",
    "a setting": "      - run: pytest\n        continue-on-error: true\n",
    "no end on errors": "      - run: |\n          set +e\n          pytest\n          echo done\n",
}
SEEN = {
    "plain": "      - run: pytest\n",
    "another command's or": "      - run: rm -f x || true\n      - run: pytest\n",
    "asked for later": "      - id: t\n        run: pytest\n        continue-on-error: true\n"
    "      - run: exit 1\n        if: steps.t.outcome == 'failure'\n",
    "the code is kept": "      - run: |\n          set +e\n          pytest\n         "
    " code=$?\n          exit $code\n",
    "an or that ends": "      - run: pytest || (echo broken; exit 1)\n",
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_hidden_failure_is_found(name: str) -> None:
    result = one({".github/workflows/a.yml": STEPS + HIDDEN[name]}, "CI03")
    assert result.outcome == "fail"


@pytest.mark.parametrize("name", SEEN)
def test_a_failure_that_is_seen_is_none(name: str) -> None:
    assert one({".github/workflows/a.yml": STEPS + SEEN[name]}, "CI03").outcome == "pass"


def test_the_line_of_a_finding_is_that_of_the_file() -> None:
    text = STEPS + "      - run: |\n          echo start\n          pytest || true\n"
    mark = one({".github/workflows/a.yml": text}, "CI03").marks[0]
    assert "pytest || true" in text.split("\n")[mark.line - 1]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".gitlab-ci.yml", "test:\n  script: [pytest]\n  allow_failure: true\n"),
        (
            "azure-pipelines.yml",
            "trigger: [main]\nsteps:\n  - script: pytest\n    continueOnError: true\n",
        ),
    ],
)
def test_all_three_systems_are_read(path: str, text: str) -> None:
    result = one({path: text}, "CI03")
    assert result.outcome == "fail"
    assert result.marks[0].path == path


GATE = "def gate(metrics, minimum):\n    return metrics['auc'] >= minimum\n"


@pytest.mark.parametrize(
    ("call", "outcome"),
    [
        ("gate({}, 0.8)\n", "fail"),
        ("if not gate({}, 0.8):\n    raise SystemExit(1)\n", "pass"),
        ("", "unknown"),
    ],
)
def test_a_gate_that_returns_is_judged_by_who_calls_it(call: str, outcome: str) -> None:
    assert one({"gate.py": GATE + call}, "EV05").outcome == outcome


def test_a_gate_whose_error_is_caught_does_not_close() -> None:
    text = CHECKS["EV05"].good["gate.py"].replace("\n\n\ngate({'auc': 0.5})\n", "\n\n\n")
    caught = "try:\n    gate({'auc': 0.5})\nexcept Exception as error:\n    print(error)\n"
    assert one({"gate.py": text + caught}, "EV05").outcome == "fail"


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("m.get('rmse', 0) > 10", "fail"),
        ("m.get('rmse', 99) > 10", "pass"),
        ("0.8 > m.get('auc', 1)", "fail"),
        ("m.get('auc', 1) < minimum", "unknown"),
        ("m.get('color', 1) < 0.8", "not applicable"),
        ("m['auc'] < 0.8", "not applicable"),
    ],
)
def test_a_missing_metric(condition: str, outcome: str) -> None:
    text = f"def check(m, minimum):\n    if {condition}:\n        raise ValueError\n"
    assert one({"check.py": text}, "EV06").outcome == outcome


def test_a_secret_is_never_shown() -> None:
    value = "ghp_" + "Q7hR2kLm9XzT4vBn8WcY1sDf6GjP3aEu5KoI"
    result = one({"a.py": f"TOKEN = '{value}'\n"}, "SC01")
    assert result.outcome == "fail"
    assert value not in repr(result.marks)
    assert one({"a.py": f"TOKEN = '{'ghp_' + 'x' * 36}'\n"}, "SC01").outcome == "pass"


def test_a_notebook_is_read_like_a_script_and_its_line_is_found() -> None:
    import json

    source = CHECKS["TR03"].bad["train.py"].splitlines(keepends=True)
    cell = {
        "cell_type": "code",
        "execution_count": 1,
        "metadata": {},
        "outputs": [],
        "source": ["%matplotlib inline\n", "!ls\n", *source],
    }
    text = json.dumps(
        {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1
    )
    mark = one({"a.ipynb": text}, "TR03").marks[0]
    assert "fit_transform" in text.split("\n")[mark.line - 1]


CI = ".github/workflows/a.yml"
TRAIN = "from sklearn.svm import SVC\n\n\ndef train():\n    return SVC().fit([[0]], [0])\n"
# What public repositories have, and an earlier version of the check got wrong.
NOT_WRONG: dict[str, tuple[str, dict[str, str]]] = {
    "thresholds of an alarm are no gate": (
        "EV05",
        {
            "watch.py": "def check_thresholds(metrics):\n    if metrics.latency > 1:\n"
            "        alert(metrics)\n\n\ncheck_thresholds(1)\n"
        },
    ),
    "the gate of a test runner is about code": (
        "EV07",
        {"run_tests.py": "def gate(score):\n    if score < 1:\n        raise ValueError\n"},
    ),
    "a splitter that keeps groups is chosen from a table": (
        "TR09",
        {
            "params.yaml": "data:\n  group: customer\n",
            "folds.py": "from sklearn.model_selection import GroupKFold, KFold\n\nBY_GROUP = "
            "{\n    True: GroupKFold,\n    False: KFold,\n}\nfolds = KFold(5)\n",
        },
    ),
    "a backtest is no test": (
        "CI03",
        {CI: STEPS + "      - run: make backtest-ci\n        continue-on-error: true\n"},
    ),
    "a later line judges the report": (
        "CI03",
        {
            CI: STEPS
            + "      - run: |\n          bandit -o b.json || true\n          python j.py b.json\n"
        },
    ),
    "a text of a pull request that never comes": (
        "CI06",
        {
            CI: STEPS.replace("on: push", "on: workflow_dispatch")
            + "      - run: echo ${{ github.event.pull_request.title }}\n"
        },
    ),
    "a deployment that is only printed": (
        "CI08",
        {CI: STEPS + "      - run: echo 'use vercel or kubectl apply'\n"},
    ),
    "an approval may stand at the connection": (
        "CI08",
        {"azure-pipelines.yml": "trigger: [main]\nsteps:\n  - task: HelmDeploy@0\n"},
    ),
    "a template of steps runs the tests": (
        "CI01",
        {
            "tests/test_a.py": "def test_a():\n    assert 1\n",
            ".pipelines/steps.yml": "steps:\n  - script: python -m pytest . --cov=a\n",
        },
    ),
    "an extra brings the package": (
        "SC04",
        {"requirements.txt": "passlib[bcrypt]==1.7.4\n", "a.py": "import bcrypt\n"},
    ),
    "what tests need is not the product's": ("SC02", {"test_requirements.txt": "pytest\n"}),
    "an address names its version": (
        "SC02",
        {"requirements.txt": "a==1.0\nb @ git+https://example.com/b.git@1.0\n"},
    ),
    "a tracker keeps figures": (
        "EV03",
        {
            "e.py": "from dvclive import Live\nfrom sklearn.metrics import f1_score\n\n"
            "with Live() as live:\n    live.summary['f1'] = f1_score([1], [1])\n"
        },
    ),
    "the root answers for health": (
        "SE04",
        {
            "app.py": "import joblib\nfrom fastapi import FastAPI\n\napp = FastAPI()\nm ="
            ' joblib.load("m")\n'
            '\n\n@app.get("/")\ndef index():\n    """Health check."""\n    return 1\n'
            '\n\n@app.get("/predict")\ndef predict():\n    return m.predict([[1]])\n'
        },
    ),
    "a shuffle that is written elsewhere": (
        "TR01",
        {"a.py": IMPORT + "a, b = train_test_split(x, shuffle=SHUFFLE)\n"},
    ),
    "IPython is no Python": ("LA05", {"a.py": "x = 1\n%matplotlib inline\n"}),
    "a newer Python": ("LA05", {"a.py": "x = 1\n\n\ndef f[T](:\n    pass\n"}),
    "Python 2": ("LA05", {"a.py": "print 'a'\n"}),
    "files are applied": ("IN02", {CI: STEPS + "      - run: kubectl apply -f k8s\n"}),
    "health is no canary, and a batch project has no service": ("SE01", {"train.py": TRAIN}),
}


@pytest.mark.parametrize("name", NOT_WRONG)
def test_what_an_earlier_version_got_wrong(name: str) -> None:
    check, texts = NOT_WRONG[name]
    assert one(texts, check).outcome != "fail"


def test_a_notebook_that_fits_a_picture_and_one_that_is_divided_are_told_apart() -> None:
    text = SCALER + "X = pd.read_csv('a.csv').values\nX = StandardScaler().fit_transform(X)\n"
    divided = one({"a.py": text + "train, test = X[:80], X[80:]\n"}, "TR03")
    assert divided.severity == "note"
    assert one({"a.py": text + "y = X\n" + SPLIT}, "TR03").severity == "note"


def test_a_folder_that_bends_the_path_of_imports_is_one_finding() -> None:
    bent = "import sys\n\nsys.path.append('..')\nimport lib\n"
    files = {f"a/s{number}.py": bent for number in range(8)}
    marks = one({**files, "b/s.py": bent, "lib.py": "x = 1\n"}, "LA03").marks
    failed = [mark for mark in marks if mark.kind == "fail"]
    assert [(mark.path, mark.line) for mark in failed] == [("a/s0.py", 3), ("b/s.py", 3)]
    assert failed[0].message.endswith(
        "s1.py:3, s2.py:3, s3.py:3, s4.py:3, s5.py:3 and 2 more beside it"
    )
    assert "beside" not in failed[1].message
