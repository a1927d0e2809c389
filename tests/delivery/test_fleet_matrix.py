"""What `tdsp fleet matrix` and `preset` print: the vendors' schemas and zizmor find nothing."""

from pathlib import Path

import pytest
import yaml
from tests.delivery.kubernetes_checks import builtin_problems
from tests.delivery.test_ci_static import run, schema, tools

from tdsp.fleet.matrix import matrix
from tdsp.fleet.renovate import text

KINDS = {"github": "github", "gitlab": "gitlab", "azure": "azure-devops"}


@pytest.mark.parametrize("platform", KINDS)
@pytest.mark.parametrize("shards", [1, 200])
def test_the_file_fits_the_schema(tmp_path: Path, platform: str, shards: int) -> None:
    path = tmp_path / "fleet.yml"
    path.write_text(matrix(platform, shards, "fleet.yml"), encoding="utf-8")
    code, told = schema(KINDS[platform], [path])
    assert code == 0, told[-3000:]
    path.write_text(path.read_text(encoding="utf-8").replace("script", "skript"), encoding="utf-8")
    path.write_text(path.read_text(encoding="utf-8").replace("steps", "stepz"), encoding="utf-8")
    assert schema(KINDS[platform], [path])[0] != 0


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    path = tmp_path / ".github/workflows/fleet.yml"
    path.parent.mkdir(parents=True)
    path.write_text(matrix("github", 3, "fleet.yml"), encoding="utf-8")
    code, told = run(tools() / "zizmor", "--offline", "--quiet", "--no-ignores", tmp_path)
    assert code == 0, told[-3000:]


@pytest.mark.parametrize("shards", [1, 500])
def test_kubernetes_takes_the_job(tmp_path: Path, shards: int) -> None:
    (job,) = yaml.safe_load_all(matrix("kubernetes", shards, "fleet.yml"))
    assert builtin_problems([job], tmp_path) == []
    wrong = {**job, "spec": {**job["spec"], "completionsMode": "Indexed"}}
    assert builtin_problems([wrong], tmp_path)
    wrong = {**job, "spec": {**job["spec"], "backoffLimitPerIndex": "one"}}
    assert builtin_problems([wrong], tmp_path)


def test_renovate_takes_the_preset(tmp_path: Path) -> None:
    path = tmp_path / "default.json"
    words = (tools() / "check-jsonschema", "--builtin-schema", "vendor.renovate", path)
    path.write_text(text("https://example.com/t.git"), encoding="utf-8")
    code, told = run(*words)
    assert code == 0, told
    for old, new in (
        ('"automerge": false', '"automerge": "no"'),
        ('"enabled": true', '"enabled": 3'),
    ):
        assert old in path.read_text(encoding="utf-8")
        path.write_text(text().replace(old, new), encoding="utf-8")
        assert run(*words)[0] == 1
        path.write_text(text(), encoding="utf-8")
