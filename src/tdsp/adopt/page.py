"""The plan as one HTML page that needs nothing else: trees, questions, edits, notes."""

from typing import Any

from jinja2 import Environment, StrictUndefined

from tdsp.adopt.plan import LEVELS, Item, Plan, Question
from tdsp.adopt.tree import Tree, shown
from tdsp.plain import counted

MOST_EDITS, MOST_FILES = 2_000, 12_000
PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Plan for {{ name }}</title>
<style>
:root { --text: #1b1f24; --soft: #59636e; --back: #fff; --line: #d1d9e0; --panel: #f6f8fa;
  --new: #116329; --old: #b3261e; --ask: #7d4e00; --link: #0757ba }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --soft: #9198a1; --back: #0d1117;
  --line: #3d444d; --panel: #161b22; --new: #56d364; --old: #ff8a80; --ask: #e3b341;
  --link: #79b8ff } }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back);
  margin: 0 auto; max-width: 76rem; padding: 1rem }
h1 { font-size: 1.5rem; margin: .5rem 0; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem }
.sums { display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; list-style: none }
.sums li { background: var(--panel); border: 1px solid var(--line); border-radius: .4rem;
  padding: .3rem .7rem }
.sums b { font-size: 1.2rem }
.trees { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem }
@media (max-width: 48rem) { .trees { grid-template-columns: 1fr } }
.tree { border: 1px solid var(--line); border-radius: .4rem; padding: .5rem; overflow-x: auto;
  min-width: 0 }
.tree ul { list-style: none; margin: 0; padding-left: 1.1rem }
.tree > ul { padding-left: 0 }
code, .tree li, pre { font: .875rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
summary { cursor: pointer; padding: .1rem 0 }
.soft { color: var(--soft) } .ask { color: var(--ask) } .new, ins { color: var(--new) }
.gone, del { color: var(--old) }
ins, del { text-decoration: none; display: block; white-space: pre-wrap; overflow-wrap: anywhere }
section.card { border: 1px solid var(--line); border-radius: .4rem; padding: .5rem 1rem;
  margin: .5rem 0 }
.files { margin: .3rem 0; padding-left: 1.2rem }
a { color: var(--link) }
</style>
</head>
<body>
<main>
<h1>Plan for {{ name }}</h1>
<p class="soft">Commit <code>{{ commit }}</code>, level {{ level }} ({{ level_name }}), package
<code>{{ package }}</code>{% if source %}, from {{ source }}{% endif %}. Nothing has been changed
yet. The decisions stand in <code>plan.yaml</code>, which you may edit.</p>
<ul class="sums">
{%- for label, count in sums %}<li><b>{{ "{:,}".format(count) }}</b> {{ label }}</li>{% endfor %}
</ul>
{% macro branch(node) %}
<ul>
{%- for folder in node.folders %}
<li><details{% if folder.open %} open{% endif %}><summary>{{ folder.name }}/ <span class="soft">{{ folder.count }}</span></summary>
{{- branch(folder) }}</details></li>
{%- endfor %}
{%- for file in node.files %}
<li class="{{ file.style }}"{% if file.why %} title="{{ file.why }}"{% endif %}>{{ file.name }}{% if file.mark %} <span class="soft">{{ file.mark }}</span>{% endif %}</li>
{%- endfor %}
</ul>
{% endmacro %}
{% if blockers %}<h2>What stops apply</h2><ul>{% for text in blockers %}<li class="gone">{{ text }}</li>{% endfor %}</ul>{% endif %}
{% macro card(question, style) %}
<section class="card"><p class="{{ style }}"><b>{{ question.text }}</b></p>
<p>Answer in the plan: <b>{{ question.answer }}</b> <span class="soft">(choices: {{ question.choices }}; id {{ question.id }})</span></p>
<details><summary>{{ question.files | length | counted('file') }}</summary><ul class="files">
{% for old, new in question.files %}<li><code>{{ old }}</code>{% if new != old %} → <code>{{ new }}</code>{% endif %}</li>{% endfor %}
</ul></details></section>
{% endmacro %}
{% if questions %}<h2>Questions</h2>{% for question in questions %}{{ card(question, "ask") }}{% endfor %}{% endif %}
{% if offers %}
<h2>What stays, and may move</h2>
<p class="soft">Nobody has to answer. <code>tdsp adopt plan --move ID</code> moves it, or the answer <code>move</code> in the plan.</p>
{% for offer in offers %}{{ card(offer, "") }}{% endfor %}
{% endif %}
<h2>Trees</h2>
<p class="soft">Yellow is asked, red goes out of git, green is new there. The reasons stand in plan.yaml, and where the pointer rests on a name.</p>
<div class="trees">
<div class="tree"><b>Before</b>{{ branch(before) }}</div>
<div class="tree"><b>After</b>{{ branch(after) }}</div>
</div>
{% if added %}
<h2>Added by the template</h2>
<details><summary>{{ added | length | counted('file') }}</summary><ul class="files">{% for path in added %}<li><code>{{ path }}</code></li>{% endfor %}</ul></details>
{% endif %}
{% if edits %}
<h2>Edits</h2>
{% for file in edits %}
<details class="card"><summary><code>{{ file.path }}</code> <span class="soft">{{ file.edits | length }}</span></summary>
{% for edit in file.edits %}<p class="soft">line {{ edit.line }}: {{ edit.why }}</p><code><del>- {{ edit.old }}</del><ins>+ {{ edit.new }}</ins></code>{% endfor %}
</details>
{% endfor %}
{% endif %}
{% if notes %}
<h2>Notes for a person</h2>
<ul>{% for note in notes %}<li>{% if note.place %}<code>{{ note.place }}</code> {% endif %}{{ note.text }}</li>{% endfor %}</ul>
{% endif %}
</main>
</body>
</html>
"""  # noqa: E501


def as_html(plan: Plan, tree: Tree) -> str:
    """Return the page. Every text of the repository is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["counted"] = counted
    moved = plan.moves
    sums = [
        ("files", len(plan.items)), ("move", len(moved)),
        ("are edited", sum(bool(each.edits) for each in plan.items)),
        ("leave git", sum(not each.target for each in plan.items)),
        ("are asked", sum(bool(each.question) for each in plan.items)),
        ("are added", len(plan.added)),
    ]  # fmt: skip
    before = [(item.path, _before(item)) for item in plan.items[:MOST_FILES]]
    after = [(item.target, _after(item)) for item in plan.items[:MOST_FILES] if item.target]
    return environment.from_string(PAGE).render(
        name=shown(tree.root.name), commit=plan.commit[:12], level=plan.level,
        level_name=LEVELS[plan.level], package=plan.package, source=plan.source, sums=sums,
        blockers=tree.blockers, before=_branch(before), after=_branch(after),
        added=[shown(each) for each in plan.added], questions=_questions(plan.questions),
        offers=_questions(plan.offers),
        edits=_edits(plan), notes=_notes(plan),
    )  # fmt: skip


def _before(item: Item) -> dict[str, str]:
    style = "ask" if item.question else "gone" if not item.target else ""
    mark = "" if item.target == item.path else f"→ {shown(item.target) or 'untracked'}"
    return {"style": style, "mark": mark, "why": _why(item)}


def _after(item: Item) -> dict[str, str]:
    style = "ask" if item.question else "" if item.target == item.path else "new"
    return {"style": style, "mark": "edited" if item.edits else "", "why": _why(item)}


def _why(item: Item) -> str:
    return shown(f"{item.kind} ({item.confidence:.0%}): {'; '.join(item.why)}")


def _branch(files: list[tuple[str, dict[str, str]]], depth: int = 0) -> dict[str, Any]:
    """Return nested folders and files, sorted by name."""
    here: list[dict[str, str]] = []
    below: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for path, about in files:
        top, joint, rest = path.partition("/")
        if joint:
            below.setdefault(top, []).append((rest, about))
        else:
            here.append({**about, "name": shown(path)})
    folders = [
        {**_branch(below[name], depth + 1), "name": shown(name), "count": len(below[name]),
         "open": depth < 2 and len(below[name]) < 60}
        for name in sorted(below)
    ]  # fmt: skip
    return {"folders": folders, "files": sorted(here, key=lambda each: each["name"])}


def _questions(group: tuple[Question, ...]) -> list[dict[str, Any]]:
    return [
        {
            "id": each.id, "text": each.text, "answer": each.proposed,
            "choices": ", ".join(each.choices),
            "files": [
                (shown(old), shown(new) or "untracked")
                for old, new in each.choices[each.proposed].items()
            ],
        }
        for each in group
    ]  # fmt: skip


def _edits(plan: Plan) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    left = MOST_EDITS
    for item in plan.items:
        if item.edits and left > 0:
            shown_edits = [
                {"line": e.line, "why": e.why, "old": _text(e.old), "new": _text(e.new)}
                for e in item.edits[:left]
            ]
            left -= len(shown_edits)
            found.append({"path": shown(item.path), "edits": shown_edits})
    return found


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _notes(plan: Plan) -> list[dict[str, str]]:
    found = []
    for note in plan.notes:
        place = f"{shown(note.path)}:{note.line}" if note.line else shown(note.path)
        found.append({"place": place, "text": shown(note.text)})
    return found
