"""Writes schema.yaml and the data dictionary of the example data into the template: `make sync`.

An answer chooses the example data; `tdsp onboard` makes both files of them, as it does of anyone's
own table.
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
SAMPLE = TEMPLATE / "src/{{ package_name }}/example.py.jinja"
WISHES: dict[Problem, flow.Wishes] = {
    "classification": flow.Wishes("diagnosis"),
    "regression": flow.Wishes("progression"),
    "forecasting": flow.Wishes("demand", time="day", series=("shop",), horizon=14),
    "anomaly": flow.Wishes("malignant"),
}
# Meaning and unit of the columns: from scikit-learn's description of its data sets, or our own of
# ours. "not stated" means that scikit-learn's description names no unit.
NUCLEUS = {
    "radius": ("distance from the centre to the outline", "not stated"),
    "texture": ("spread of the grey values", "grey level"),
    "perimeter": ("length of the outline", "not stated"),
    "area": ("area of the nucleus", "not stated"),
    "smoothness": ("local variation of the radius", "not stated"),
    "compactness": ("perimeter squared by area, less one", "1"),
    "concavity": ("depth of the dents in the outline", "not stated"),
    "concave_points": ("number of dents in the outline", "not stated"),
    "symmetry": ("likeness of the two halves", "not stated"),
    "fractal_dimension": ("roughness of the outline, as a coastline's", "1"),
}
FORMS = {
    "mean_{}": "mean of the nuclei",
    "{}_error": "standard error",
    "worst_{}": "mean of the three largest",
}
MEANINGS = {
    **{
        form.format(name): (f"{text}: {what}", unit)
        for form, what in FORMS.items()
        for name, (text, unit) in NUCLEUS.items()
    },
    "diagnosis": ("of the biopsy", "-"),
    "malignant": ("1 if the biopsy is malignant: an anomaly among benign ones", "code"),
    "day": ("of the sales", "-"),
    "shop": ("where; four that do not exist", "-"),
    "promotion": ("1 in a week of promotion, which is planned, so known ahead", "code"),
    "demand": ("sold on the day", "piece"),
    "age": ("of the patient", "year"),
    "sex": ("coded 1 and 2 by the source, which does not say how", "code"),
    "bmi": ("body mass index", "kg/m²"),
    "bp": ("mean blood pressure", "not stated"),
    "s1": ("total serum cholesterol", "not stated"),
    "s2": ("low-density lipoproteins", "not stated"),
    "s3": ("high-density lipoproteins", "not stated"),
    "s4": ("total cholesterol by high-density lipoproteins", "1"),
    "s5": ("possibly the logarithm of serum triglycerides", "not stated"),
    "s6": ("blood sugar", "not stated"),
    "progression": ("of the disease, one year after the baseline", "not stated"),
}
ORIGIN = {
    "forecasting": " The data are synthetic: made by `example.py`, no shop's.",
}
# Attributes of people are declared where their groups are compared.
DECLARED = "feature, sensitive |"
COMPARED = "feature{% if responsible_ai and level != 'train' %}, sensitive{% endif %} |"
PLACES = {
    "schema": TEMPLATE / "schema.yaml.jinja",
    "dictionary": TEMPLATE / "docs/data/dictionary.md.jinja",
}


def described(problem: Problem, folder: Path) -> dict[str, str]:
    """Onboard the example data, as the template's own code writes them, and return the texts."""
    code, raw = folder / "example.py", folder / "example.csv"
    source = jinja2.Template(SAMPLE.read_text(encoding="utf-8"), keep_trailing_newline=True)
    code.write_text(source.render(problem_type=problem), encoding="utf-8")
    runpy.run_path(str(code))["write_example"](raw)
    profile, frame = flow.examine(raw, WISHES[problem], problem, lambda _: None)
    return {
        "schema": schema.build(frame, profile.columns, profile.problem),
        "dictionary": explained(dictionary.build(profile, "data/raw/example.csv"), problem),
    }


def explained(text: str, problem: Problem) -> str:
    """Fill in meanings and units, which are known for the example data."""
    origin = ORIGIN.get(problem, " Meanings and units are scikit-learn's.")
    for name, cells in MEANINGS.items():
        for unit in (dictionary.UNIT, dictionary.NO_UNIT):
            blank = " | ".join(["", name, dictionary.MEANING, unit, ""]).lstrip()
            text = text.replace(blank, " | ".join(["", name, *cells, ""]).lstrip())
    if dictionary.MEANING in text:
        sys.exit(
            f"error: the dictionary of {problem} has a column without a meaning: add it to MEANINGS"
        )
    return text.replace("from the data. ", f"from the data.{origin}\n", 1)


def texts() -> dict[Path, str]:
    """Return each template file with a variant for each problem type."""
    with tempfile.TemporaryDirectory() as name:
        onboarded = {problem: described(problem, Path(name)) for problem in WISHES}
    return {place: _variants(onboarded, kind) for kind, place in PLACES.items()}


def _variants(onboarded: dict[Problem, dict[str, str]], kind: str) -> str:
    parts = [
        f"if problem_type == '{p}' -%}}\n{text[kind].replace(DECLARED, COMPARED)}"
        for p, text in onboarded.items()
    ]
    return "{% " + "{% el".join(parts) + "{% endif %}"


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
