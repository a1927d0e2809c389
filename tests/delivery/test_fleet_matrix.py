"""What `tdsp fleet matrix` prints: the platforms' schemas and zizmor find nothing in it."""

from pathlib import Path

import pytest
from tests.delivery.test_ci_static import run, schema, tools

from tdsp.fleet.matrix import matrix

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
