"""What was not measured again stays on the page of benchmarks, with its own day."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ASK = """
import json, run, sys
from pathlib import Path
old = run.before(Path(sys.argv[1]))
new = [run.Measured(run.Section("B", [run.Figure("b", 2, 2, 2, "s", 1)], [], []), {"date": "new"})]
print(json.dumps(run.page(run.together(old, new))))
"""


def test_a_part_that_is_measured_again_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    figure = {"name": "x", "median": 1, "low": 1, "high": 1, "unit": "s", "runs": 1}
    section = {"figures": [figure], "ratios": [], "notes": ["note"]}
    sections = [{"title": "A", **section}, {"title": "B", **section, "machine": {"date": "own"}}]
    data = tmp_path / "results.json"
    data.write_text(json.dumps({"machine": {"date": "old"}, "sections": sections}))
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(data)],
        cwd=BENCHMARKS, capture_output=True, text=True, check=True,
    )  # fmt: skip
    page = json.loads(done.stdout)
    assert page.count("\n## ") == 2
    assert "Measured: date old." in page
    assert "Measured: date new." in page
    assert "date own" not in page
    assert "| b | 2.00 s |" in page
