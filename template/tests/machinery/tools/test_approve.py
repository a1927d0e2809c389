"""tools/approve.py: what this project asks of an approval is valid, and the command needs a reason.

That no approval can be forged is tested where the template is made, with real keys.
"""

import shutil
from pathlib import Path

import pytest

from tools import approve
from tools.signing import ApprovalError
from tools.sources import SourceError

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change into a folder with copies of what the tool reads."""
    for path in (approve.POLICY, approve.HELD):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    monkeypatch.chdir(tmp_path)


def test_the_policy_of_this_project_is_valid_and_its_roles_are_held() -> None:
    held = approve.holders()
    assert all(held[role] for role in approve.policy().required)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("required: [emperor]\nfour_eyes: true", "has no role 'emperor'"),
        ("required: []\nfour_eyes: 'yes'", "approval.yaml: four_eyes: "),
        ("required: []", "approval.yaml: four_eyes: Field required"),
        ("format: 2\nrequired: []\nfour_eyes: true", "approval.yaml: format: "),
    ],
)
def test_a_policy_that_is_not_valid_is_refused(text: str, message: str) -> None:
    approve.POLICY.write_text(text, encoding="utf-8")
    with pytest.raises((ApprovalError, SourceError), match=message):
        approve.policy()


@pytest.mark.parametrize(
    "words", [["1"], ["1", "--role", "x"], ["1", "--role", "x", "--reason", " "]]
)
def test_role_and_reason_are_needed(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        approve.main(words)
    assert "--role and --reason are needed" in capsys.readouterr().err
