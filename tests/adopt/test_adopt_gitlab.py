"""GitLab's jobs for a project in a folder: where they run, for which changes, under which names."""

from typing import Any

import pytest
import yaml
from tests.adopt.hand import RENDER
from tests.adopt.test_adopt_merge import merged

from tdsp.adopt import gitlab
from tdsp.adopt.rendering import Render, Rendered

FILES = {
    ".gitlab-ci.yml": b"# kept\ninclude:\n  - local: .gitlab/ci/setup.yml\n"
    b"  - local: .gitlab/ci/ci.yml\nstages: [check, train]\ndefault:\n  image: uv\n",
    ".gitlab/ci/setup.yml": b""".project:
  cache:
    key:
      files: [uv.lock]
    paths: [.uv-cache]
  before_script:
    - &uv uv tool install
    - uv sync
.data:
  extends: .project
  before_script:
    - *uv
    - uv sync --all
""",
    ".gitlab/ci/ci.yml": b"""# what runs
check:
  extends: .data
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $TASK == "upkeep"
    - if: $CI_PIPELINE_SOURCE == "push"
      changes: [uv.lock, "src/**/*"]
  script:
    - uv run poe check
  after_script:
    - echo done
  artifacts:
    paths: [report.md]
    reports:
      dotenv: run.env
.rules:
  rules:
    - if: $CI_COMMIT_TAG || $CI_PIPELINE_SOURCE == "merge_request_event"
      when: never
comment:
  extends: [.rules]
  needs: [check, {job: check, optional: true}]
  resource_group: train
  script:
    - run "$CI_PROJECT_DIR/.gitlab/token.sh"
""",
    ".gitlab/token.sh": b"#!/bin/sh\n",
    ".gitlab/issue_templates/Bug.md": b"# Bug\n",
}
HERE = 'cd "$CI_PROJECT_DIR/a/b"'


@pytest.fixture(scope="module")
def made() -> dict[str, bytes]:
    return gitlab.below(FILES, "a/b")


def read(made: dict[str, bytes], name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(made[name])
    return found


def test_root_includes_the_folder_and_the_folder_its_own_files(made: dict[str, bytes]) -> None:
    assert read(made, "/.gitlab-ci.yml") == {"include": [{"local": "/a/b/.gitlab-ci.yml"}]}
    entry = read(made, ".gitlab-ci.yml")
    assert [each["local"] for each in entry["include"]] == [
        "/a/b/.gitlab/ci/setup.yml", "/a/b/.gitlab/ci/ci.yml"
    ]  # fmt: skip
    assert entry["stages"] == ["check", "train"] and made[".gitlab-ci.yml"].startswith(b"# kept")
    assert made["/.gitlab/issue_templates/Bug.md"] == b"# Bug\n"
    assert made[".gitlab/token.sh"] == FILES[".gitlab/token.sh"]


def test_every_job_works_in_the_folder(made: dict[str, bytes]) -> None:
    setup, jobs = read(made, ".gitlab/ci/setup.yml"), read(made, ".gitlab/ci/ci.yml")
    assert setup[".a-b-project"]["before_script"] == [HERE, "uv tool install", "uv sync"]
    assert setup[".a-b-data"]["before_script"] == [HERE, "uv tool install", "uv sync --all"]
    assert setup[".a-b-project"]["cache"]["key"]["files"] == ["a/b/uv.lock"]
    check, comment = jobs["a-b-check"], jobs["a-b-comment"]
    assert check["script"] == ["uv run poe check"]  # its first steps have changed the folder
    assert check["after_script"][0] == HERE
    assert check["artifacts"] == {
        "paths": ["a/b/report.md"], "reports": {"dotenv": "a/b/run.env"}
    }  # fmt: skip
    assert comment["script"] == [HERE, 'run "$CI_PROJECT_DIR/a/b/.gitlab/token.sh"']


def test_jobs_have_names_of_their_own_and_start_for_the_folder(made: dict[str, bytes]) -> None:
    jobs = read(made, ".gitlab/ci/ci.yml")
    check, comment = jobs["a-b-check"], jobs["a-b-comment"]
    assert check["extends"] == ".a-b-data" and comment["extends"] == [".a-b-rules"]
    assert comment["needs"] == ["a-b-check", {"job": "a-b-check", "optional": True}]
    assert comment["resource_group"] == "a-b-train"
    opened, upkeep, pushed = check["rules"]
    assert opened["changes"] == ["a/b/**/*", ".gitlab-ci.yml"]
    assert "changes" not in upkeep  # a schedule changes nothing
    assert pushed["changes"] == ["a/b/uv.lock", "a/b/src/**/*"]
    assert "changes" not in jobs[".a-b-rules"]["rules"][0]
    assert not {"check", ".rules"} & jobs.keys()


def test_root_file_of_the_user_stays() -> None:
    rendered: Render = {**RENDER, **{name: Rendered(c) for name, c in FILES.items()}}
    alone = merged({"a/x.py": b""}, rendered, subdirectory="a")
    assert alone.files[".gitlab-ci.yml"].content.endswith(b"local: /a/.gitlab-ci.yml\n")
    theirs = {"a/x.py": b"", ".gitlab-ci.yml": b"job:\n  script: [x]\n"}
    told = merged(theirs, rendered, subdirectory="a")
    assert ".gitlab-ci.yml" not in told.files and ".gitlab-ci.yml.tdsp" not in told.files
    assert any("add `- local: /a/.gitlab-ci.yml`" in text for _, text in told.notes)
    theirs[".gitlab-ci.yml"] = b"include:\n  - local: a/.gitlab-ci.yml\n"
    assert not any(
        "its `include`" in t for _, t in merged(theirs, rendered, subdirectory="a").notes
    )
