"""Write what onboarding says of the two samples into the template: `make sync`.

The template carries schema.yaml and the data dictionary of the sample that an answer chooses;
both come from `tdsp onboard`, as they would for anyone's own table.
"""

import runpy
import sys
import tempfile
from pathlib import Path

import jinja2

from tdsp.onboard import dictionary, flow, schema
from tdsp.onboard.profile import Problem

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "template"
SAMPLE = TEMPLATE / "src/{{ package_name }}/sample.py.jinja"
WISHES: dict[Problem, flow.Wishes] = {
    "classification": flow.Wishes("diagnosis"),
    "regression": flow.Wishes("progression", sensitive=("age", "sex")),
}
# What the columns mean: scikit-learn's description of the data sets.
NUCLEUS = {
    "radius": "distance from the centre to the outline",
    "texture": "spread of the grey values",
    "perimeter": "length of the outline",
    "area": "area of the nucleus",
    "smoothness": "local variation of the radius",
    "compactness": "perimeter squared by area, less one",
    "concavity": "depth of the dents in the outline",
    "concave_points": "number of dents in the outline",
    "symmetry": "likeness of the two halves",
    "fractal_dimension": "roughness of the outline, as a coastline's",
}
MEANINGS = {
    **{f"mean_{name}": f"{text}: mean of the nuclei" for name, text in NUCLEUS.items()},
    **{f"{name}_error": f"{text}: standard error" for name, text in NUCLEUS.items()},
    **{f"worst_{name}": f"{text}: mean of the three largest" for name, text in NUCLEUS.items()},
    "diagnosis": "of the biopsy",
    "age": "in years",
    "sex": "coded 1 and 2 by the source, which does not say how",
    "bmi": "body mass index, kg/m²",
    "bp": "mean blood pressure",
    "s1": "total serum cholesterol",
    "s2": "low-density lipoproteins",
    "s3": "high-density lipoproteins",
    "s4": "total cholesterol by high-density lipoproteins",
    "s5": "possibly the logarithm of serum triglycerides",
    "s6": "blood sugar",
    "progression": "of the disease, one year after the baseline",
}
PLACES = {
    "schema": TEMPLATE / "schema.yaml.jinja",
    "dictionary": TEMPLATE / "docs/data/dictionary.md.jinja",
}


def described(problem: Problem, folder: Path) -> dict[str, str]:
    """Onboard one sample, as drawn by the template's own code, and return the texts."""
    code, raw = folder / "sample.py", folder / "sample.csv"
    source = jinja2.Template(SAMPLE.read_text(encoding="utf-8"), keep_trailing_newline=True)
    code.write_text(source.render(problem_type=problem), encoding="utf-8")
    runpy.run_path(str(code))["write_sample"](raw)
    profile, frame = flow.examine(raw, WISHES[problem], problem, lambda _: None)
    return {
        "schema": schema.build(frame, profile.columns, profile.problem),
        "dictionary": explained(dictionary.build(profile, "data/raw/sample.csv")),
    }


def explained(text: str) -> str:
    """Fill in what only people know, which for these samples is known."""
    for name, meaning in MEANINGS.items():
        text = text.replace(f"| {name} | _describe_ |", f"| {name} | {meaning} |")
    return text.replace(
        " What a column means only people know: replace each `_describe_`.",
        " The meanings are scikit-learn's.",
    )


def texts() -> dict[Path, str]:
    """Return each template file with its two variants."""
    with tempfile.TemporaryDirectory() as name:
        found = {problem: described(problem, Path(name)) for problem in WISHES}
    branch = "{{% if problem_type == 'classification' -%}}\n{}{{% else -%}}\n{}{{% endif %}}"
    return {
        place: branch.format(found["classification"][kind], found["regression"][kind])
        for kind, place in PLACES.items()
    }


def main() -> None:
    """Write the files, or with --check exit 1 when one is stale."""
    stale = [p for p, text in texts().items() if not p.exists() or p.read_text("utf-8") != text]
    if "--check" in sys.argv:
        names = ", ".join(path.relative_to(ROOT).as_posix() for path in stale)
        sys.exit(f"error: stale: {names}; run `make sync`" if stale else 0)
    for path, text in texts().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
