"""The kind of a repository, and the checks of those that ask a language model."""

import pytest

from tdsp.check.all import CHECKS
from tdsp.check.generative import APP, ASK, CLIENT, STEPS, WORKFLOW
from tdsp.check.kind import kind
from tdsp.check.run import Result, check_repository
from tdsp.reading import read_texts

LEARN = "from sklearn.svm import SVC\n\nSVC().fit([[1]], [1])\n"
KINDS = {
    "tdsp": {".copier-answers.yml": "package_name: churn\nlevel: train\n", "a.py": LEARN},
    "other template": {".cruft.json": "{}", "a.py": LEARN},
    "none": {"a.py": LEARN},
    "generative": {"a.py": APP},
    "not ml": {"a.py": "import os\n"},
}


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_told(name: str) -> None:
    assert kind(read_texts({**KINDS[name]})) == name


def test_one_helper_that_asks_a_model_makes_no_generative_repository() -> None:
    texts = {"a.py": LEARN, "b.py": LEARN, "names.py": APP}
    assert kind(read_texts({**texts})) == "none"


def test_an_import_without_a_question_makes_no_generative_repository() -> None:
    assert kind(read_texts({"a.py": "import openai\n"})) == "not ml"


def one(texts: dict[str, str], name: str) -> Result:
    return check_repository(read_texts({**texts}), [CHECKS[name]]).results[0]


QUIET = {
    "GA01": {"a price list": APP + "PRICES = {'gpt-4o-latest': 1}\n"},
    "GA03": {"tabular": {"app.py": LEARN}},
    "GA05": {"settings from elsewhere": APP.replace("timeout=20", "**settings")},
    "GA06": {
        "text of a file": "import json\n" + APP + "\n\ndef b(t):\n    return json.loads(t)\n",
        "a shape is asked for": "import json\n\n"
        + CLIENT
        + f"def ask(m):\n    r = {ASK.replace('messages=m', 'messages=m, response_format={}')}\n"
        "    return json.loads(r.choices[0].message.content)\n",
    },
    "GA07": {
        "a constant": CLIENT
        + f"def f():\n    m = [{{'role': 'system', 'content': TEXT}}]\n    return {ASK}\n",
        "a fixed command": "import subprocess\n"
        + CLIENT
        + f"def f(m):\n    r = {ASK}\n    subprocess.run(['ls', r])\n",
    },
    "GA08": {"an id": APP.replace("    return", "    print(m)\n    return")},
}


@pytest.mark.parametrize(
    ("check", "name"), [(check, name) for check, cases in QUIET.items() for name in cases]
)
def test_what_is_no_mistake_does_not_fail(check: str, name: str) -> None:
    given = QUIET[check][name]
    texts = given if isinstance(given, dict) else {"app.py": given}
    assert one(texts, check).outcome != "fail"


LOUD = {
    "GA01": {"app.py": APP.replace("gpt-4o-2024-08-06", "gpt-4o")},
    "GA04": {
        "evals/a.jsonl": "{}\n",
        WORKFLOW: STEPS
        + "      - run: python evals/run_eval.py\n        continue-on-error: true\n",
    },
    "GA06": {"app.py": CLIENT + f"def f(m):\n    r = {ASK}\n    eval(r.choices[0])\n"},
    "GA07": {
        "app.py": "import os\n" + CLIENT + f"def f(m):\n    r = {ASK}\n    os.system(r.choices)\n"
    },
    "GA08": {"app.py": APP, "k8s.yaml": "env:\n  LANGSMITH_TRACING: 'true'\n"},
}


@pytest.mark.parametrize("check", LOUD)
def test_a_mistake_is_found_in_another_form_too(check: str) -> None:
    assert one(LOUD[check], check).outcome == "fail"


def test_what_a_model_says_is_worse_than_a_warning_when_it_is_run() -> None:
    for name in ("GA06", "GA07"):  # as long as nothing was read of them, both are notes
        found = one(LOUD[name], name)
        assert {mark.severity for mark in found.marks} == {"error"}
        assert found.severity == CHECKS[name].severity == "note"
