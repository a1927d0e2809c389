"""`tdsp fleet update`, killed at 30 random moments: nothing is lost, nothing is doubled."""

import json
import multiprocessing
import random
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.conftest import git
from tests.fleet.test_fleet_update_platforms import BASES, install
from tests.fleet.updates import TAGS, Made, branches, edit_config, edit_readme, make_template
from typer.testing import CliRunner

from tdsp.cli import app
from tdsp.fleet import pace
from tdsp.fleet.state import AUDIT

KILLS = 30
EFFECTS = ("push", "pushed", "request", "requested")
BRANCH = "tdsp/update-v0.3.0"
NAMES = ("behind", "conflicted", "current", "edited", "second")


def run(fleet: Path) -> None:
    CliRunner().invoke(app, ["fleet", "update", str(fleet), "--apply"])


def finished(fleet: Path) -> dict[str, dict[str, object]]:
    done = CliRunner().invoke(app, ["fleet", "update", str(fleet), "--apply", "--json"])
    assert done.exit_code == 1, done.output  # one conflict
    return {row["name"]: row for row in json.loads(done.stdout)["repositories"]}


class Campaign:
    """A fresh fleet on the stand-in of GitHub."""

    def __init__(self, template: Path, remotes: Path, standin: Path) -> None:
        self.standin = standin
        for name in ("remotes", "requests"):
            shutil.rmtree(standin / name, ignore_errors=True)
        (standin / "calls").unlink(missing_ok=True)
        shutil.copytree(remotes, standin / "remotes")
        folder = standin / "fleet"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.file = folder / "fleet.yml"
        lines = [f"template: {{source: {template}}}", "repositories:"]
        lines += [f"  - {{url: {BASES['github']}{name}, name: {name}}}" for name in NAMES]
        self.file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.audit = folder / ".fleet/update" / AUDIT

    def steps(self) -> list[str]:
        """The steps that were recorded."""
        text = self.audit.read_text(encoding="utf-8") if self.audit.exists() else ""
        return [str(json.loads(line)["step"]) for line in text.splitlines()[: text.count("\n")]]

    def killed(self, chance: random.Random) -> bool:
        """Run, and kill: after a random time, after some steps, or in one with an effect."""
        process = multiprocessing.get_context("fork").Process(target=run, args=(self.file,))
        before = len(self.steps())
        steps, effect = chance.randint(1, 12), chance.choice((*EFFECTS, ""))
        until = time.monotonic() + (chance.uniform(0.05, 4) if chance.random() < 0.3 else 60)
        process.start()
        while process.is_alive() and time.monotonic() < until:
            made = self.steps()[before:]
            if effect in made or (not effect and len(made) >= steps):
                break
            time.sleep(0.002)
        time.sleep(chance.choice((0, 0, 0.01, 0.05)))
        alive = process.is_alive()
        process.kill()
        process.join()
        return alive

    def outside(self) -> dict[str, object]:
        """What the world has: trees of the branches, their parents, and the requests."""
        found: dict[str, object] = {}
        for name in NAMES:
            remote = self.standin / "remotes" / f"{name}.git"
            heads = branches(remote)
            about = git(remote, "log", "-1", "--format=%T %P %s", heads.get(BRANCH, "main"))
            found[name] = (sorted(heads), about)
        requests = (self.standin / "requests").glob("*.json")
        found["requests"] = sorted((path.stem, path.read_text()) for path in requests)
        return found


@pytest.mark.usefixtures("quick_copier")
def test_thirty_kills_lose_and_double_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = make_template(tmp_path / "template", small=True)
    made = Made(template, tmp_path)
    made.bare("behind")
    made.bare("second", TAGS[1])
    made.bare("edited", edit=edit_readme)
    made.bare("conflicted", edit=edit_config)
    made.bare("current", TAGS[2])
    standin = tmp_path / "standin"
    standin.mkdir()
    install(standin, monkeypatch)
    monkeypatch.setattr(pace, "GAP", 0.05)
    remotes = tmp_path / "remotes"

    undisturbed = Campaign(template, remotes, standin)
    rows = finished(undisturbed.file)
    wanted = undisturbed.outside()
    assert [name for name, _ in wanted["requests"]] == ["behind", "edited", "second"]  # type: ignore[attr-defined]
    states = {name: row["state"] for name, row in rows.items()}

    chance, kills = random.Random(20261128), 0
    fell: Counter[str] = Counter()
    while kills < KILLS:
        campaign = Campaign(template, remotes, standin)
        for _ in range(10):
            if campaign.killed(chance):
                kills += 1
                fell[(campaign.steps() or ["nothing"])[-1]] += 1
        last = finished(campaign.file)
        assert {name: row["state"] for name, row in last.items()} == states
        assert campaign.outside() == wanted
        made_by = [json.loads(line) for line in (standin / "calls").read_text().splitlines()]
        created = [call for call in made_by if "create" in call]
        # A second `create` can only follow a kill in the midst of the first.
        assert len(created) <= 3 + 10
        before = (standin / "calls").read_text().count("create")
        assert finished(campaign.file).keys() == last.keys()
        assert (standin / "calls").read_text().count("create") == before
    print(f"{kills} kills, by the step that was recorded last: {dict(fell)}")
