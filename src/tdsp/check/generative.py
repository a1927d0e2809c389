"""Repositories that ask a language model: what is fixed, tested, bounded and kept private."""

import re
from collections.abc import Iterator

from tdsp.check.kind import (
    PROMPTS,
    answers_of,
    asking,
    asks,
    clients,
    each_text,
    evals,
    line_of,
)
from tdsp.check.purpose import examples
from tdsp.check.rule import Mark, at, broken, check, first, held, unsure
from tdsp.check.service import routes
from tdsp.check.shell import commands
from tdsp.reading import Repository
from tdsp.reading.python import Call, Module, Value

WORKFLOW = ".github/workflows/ci.yml"
STEPS = "on: push\njobs:\n  check:\n    runs-on: ubuntu-24.04\n    steps:\n"
CLIENT = "from openai import OpenAI\n\nclient = OpenAI(timeout=20)\n\n\n"
ASK = "client.chat.completions.create(model='gpt-4o-2024-08-06', max_tokens=100, messages=m)"
APP = CLIENT + f"def ask(m):\n    return {ASK}\n"
MOVES = re.compile(
    r"^(gpt-\d[\w.]*(-turbo|-mini|-nano)*|o\d(-mini|-preview|-pro)?|chatgpt-[\w.-]*latest|"
    r"gemini-((1\.\d|2\.0)-)?(pro|flash)|claude-[\w.-]+-latest|[\w.-]+-latest)$"
)
STANDS = re.compile(
    r"^(openai/|anthropic/|azure/)?((gpt|o\d|claude)[\w.-]*(-\d{4}-\d\d-\d\d|-\d{4}|[-@]\d{8})|"
    r"gemini-[\w.-]+-\d{3})$"
)
EVAL = re.compile(
    r"(?:^|[\s;&|/])(?:promptfoo eval|deepeval test|adk eval|inspect eval|langsmith\b.*eval|"
    r"(?:python3? |uv run |poe |make |just |pytest )\S*\beval(?:s|uate|uation)?\b\S*)(?=$|\s)"
)


def _named(module: Module) -> Iterator[tuple[str, int]]:
    """Yield the ids of models that are given to a call, or stand under a name such as MODEL."""
    given = [v for c in module.calls for k, v in c.keywords.items() if k in {"model", "model_name"}]
    lines = {id(v): c.line for c in module.calls for v in c.keywords.values()}
    for value in given:
        if isinstance(value.constant, str):
            yield value.constant, lines[id(value)]
    for each in module.assigns:
        name = each.targets[0].lower() if each.targets else ""
        fallback = each.value.call.get("default", 1) if each.value.call else each.value
        if "model" in name and fallback is not None and isinstance(fallback.constant, str):
            yield fallback.constant, each.line


@check(
    "GA01",
    family="generative",
    title="The language model is one that stays",
    why="An alias moves to another model on a day that its owner chooses: the prompts and the"
    " evals were for the old one.",
    fix="Name the dated version, and move to the next one in a pull request that runs the evals.",
    unless="no file asks a language model by a known name",
    severity="note",
    proves=("I1",),
    bad={"app.py": APP.replace("gpt-4o-2024-08-06", "chatgpt-4o-latest")},
    good={"app.py": APP},
)
def model_stays(repo: Repository) -> Iterator[Mark]:
    """Judge the ids of models in files that ask one: a warning for what says `latest`."""
    for module, _ in asking(repo):
        for name, line in _named(module):
            if STANDS.match(name):
                yield held(repo, module, line, f"{name} is a dated version")
            elif MOVES.match(name.rsplit("/", 1)[-1]):
                level = "warning" if name.endswith("latest") else "note"
                yield broken(repo, module, line, f"{name} is an alias that moves", level)


@check(
    "GA02",
    family="generative",
    title="Prompts are in the repository, or named by a version",
    why="A prompt is code. One that changes on a server changes the answers with no pull request.",
    fix="Keep it in a file of this repository, or ask the server for one version of it.",
    unless="no prompt is in a file or fetched",
    severity="note",
    proves=("P1",),
    bad={"app.py": "from langchain import hub\n\nprompt = hub.pull('rlm/rag-prompt')\n"},
    good={"app.py": APP, "prompts/system.md": "You answer questions about invoices.\n"},
)
def prompts_kept(repo: Repository) -> Iterator[Mark]:
    """Judge prompts that are fetched, and look for files of prompts."""
    for module in repo.modules("production"):
        for call in module.calls:
            name = call.args[0].constant if call.args else None
            if re.fullmatch(r"(langchain\.|langchainhub\.)?hub\.pull", call.name):
                if isinstance(name, str):
                    fixed = re.search(r":[0-9a-f]{7,}$", name)
                    message = "" if fixed else f"{name} is fetched in whatever state it is"
                    yield (held if fixed else broken)(repo, module, call.line, message)
            elif call.method == "get_prompt" and call.receiver and _has(module, "langfuse"):
                named = call.get("version") or call.get("label")
                message = "" if named else "the prompt is fetched in whatever state it is"
                yield (held if named else broken)(repo, module, call.line, message)
    if asking(repo):
        for path in [path for path in repo.files if PROMPTS.search(path)][:1]:
            yield at(repo, "held", path, 1, "prompts are files")


def _has(module: Module, library: str) -> bool:
    return any(each.module.split(".")[0] == library for each in module.imports)


def _evaluates(repo: Repository) -> Iterator[tuple[str, int, str, int, bool]]:
    """Yield the eval commands of CI: path, line, what hides a failure, where, perhaps."""
    for workflow in repo.workflows:
        for command in commands(workflow):
            if EVAL.search(command.text):
                hidden, where = command.hidden, command.where
                yield workflow.path, command.line, hidden, where, command.perhaps


@check(
    "GA03",
    family="generative",
    title="An eval set exists and runs in CI",
    why="Without cases whose good answers are known, each change of a prompt is a guess.",
    fix="Keep cases with the answers that are wanted in evals/, and run them on each pull request.",
    unless="no file asks a language model, or these are examples",
    severity="info",
    proves=("P5", "I3"),
    bad={"app.py": APP},
    good={
        "app.py": APP,
        "evals/cases.jsonl": '{"ask": "a", "want": "b"}\n',
        WORKFLOW: STEPS + "      - run: python evals/run_eval.py\n",
    },
)
def eval_set(repo: Repository) -> Iterator[Mark]:
    """Look for cases, and for a step of CI that runs them."""
    asked = next(iter(asking(repo)), None)
    if asked is None:
        return
    sets, runs = evals(repo), next(_evaluates(repo), None)
    if runs:
        yield at(repo, "held", runs[0], runs[1], "CI runs the evals")
    elif sets and repo.workflows:
        yield at(repo, "unknown", *sets[0], "whether what CI runs has these cases cannot be told")
    elif sets:
        yield at(repo, "fail", *sets[0], "there are cases, and no CI runs them")
    elif not examples(repo):
        module, calls = asked
        message = "a language model is asked here, and no file holds cases to judge it by"
        yield broken(repo, module, calls[0].line, message)


@check(
    "GA04",
    family="generative",
    title="The eval gate closes",
    why="Evals whose failure is hidden let every prompt through.",
    fix="Let the eval command exit with a code that is not 0, and let the step fail with it.",
    unless="CI runs no evals",
    severity="note",
    proves=("I4", "P6"),
    bad={"app.py": APP, WORKFLOW: STEPS + "      - run: promptfoo eval || true\n"},
    good={"app.py": APP, WORKFLOW: STEPS + "      - run: promptfoo eval\n"},
)
def eval_gate(repo: Repository) -> Iterator[Mark]:
    """Judge the eval commands of CI by what hides their failure."""
    if not asking(repo) and not evals(repo):
        return
    for path, line, hidden, where, perhaps in _evaluates(repo):
        if hidden:
            yield at(repo, "fail", path, where, f"{hidden} hides that the evals fail")
        elif perhaps:
            yield at(repo, "unknown", path, line, "only a run can tell whether its failure counts")
        else:
            yield at(repo, "held", path, line, "its exit code is the step's")


TIME = frozenset({"timeout", "request_timeout", "http_options"})
BOUND = frozenset(
    {"max_tokens", "max_completion_tokens", "max_output_tokens", "config", "generation_config"}
)


@check(
    "GA05",
    family="generative",
    title="A call of a language model has a limit",
    why="Without a timeout a request hangs for minutes; without a limit of tokens one loop spends"
    " the month's money.",
    fix="Give the client a timeout and each call a largest number of tokens; set a spend limit at"
    " the provider.",
    unless="no file asks a language model",
    severity="info",
    proves=("O6",),
    bad={"app.py": APP.replace("timeout=20", "").replace("max_tokens=100, ", "")},
    good={"app.py": APP},
)
def bounded(repo: Repository) -> Iterator[Mark]:
    """Judge each call by its own limits and those of the clients that this file makes."""
    yield from first(_bounded(repo))


def _bounded(repo: Repository) -> Iterator[Mark]:
    for module, calls in asking(repo):
        made = {key for client in clients(module) for key in client.keywords}
        for call in calls:
            given = made | set(call.keywords)
            if call.starred or any(client.starred for client in clients(module)):
                yield unsure(repo, module, call.line, "its settings come from elsewhere")
            elif given & TIME and given & BOUND:
                yield held(repo, module, call.line, "it has a timeout and a limit of tokens")
            elif given & (TIME | BOUND):
                lacks = "limit of tokens" if given & TIME else "timeout"
                yield unsure(repo, module, call.line, f"no {lacks} stands in this file")
            else:
                message = "neither a timeout nor a limit of tokens stands in this file"
                bounded = re.search(
                    r"(?i)timeout|wait_for|max_(output_|completion_)?tokens", module.source
                )
                if bounded:
                    message = (
                        "a timeout or a limit stands in this file; whether for this is not said"
                    )
                    yield unsure(repo, module, call.line, message)
                    continue
                yield broken(repo, module, call.line, message)


PARSERS = re.compile(
    r"(^|\.)(model_validate(_json)?|parse_raw|parse_obj|validate_json|with_structured_output|"
    r"(Pydantic|JsonOutput|Structured)\w*Parser|TypeAdapter|validate)$"
)
SHAPED = frozenset({"response_format", "tools", "response_model", "text_format", "functions"})


@check(
    "GA06",
    family="generative",
    title="What a language model says is parsed by a schema",
    why="It is text. One day a key is missing or a comment stands before the brace, and the"
    " program goes on with it or ends.",
    fix="Ask for structured output, and read the answer into a pydantic model.",
    unless="no answer is read as data",
    severity="note",
    proves=("O2",),
    bad={
        "app.py": "import json\n\n" + CLIENT + f"def ask(m):\n    r = {ASK}\n"
        "    return json.loads(r.choices[0].message.content)\n"
    },
    good={
        "app.py": "from pydantic import BaseModel\n\n"
        + CLIENT
        + "class Answer(BaseModel):\n    a: int\n\n\n"
        f"def ask(m):\n    r = {ASK}\n"
        "    return Answer.model_validate_json(r.choices[0].message.content)\n"
    },
)
def parsed(repo: Repository) -> Iterator[Mark]:
    """Judge where the answer of a model is read as JSON, in the scope that asked."""
    for module, calls in asking(repo):
        shaped = [c for c in calls if SHAPED & set(c.keywords) or c.method == "parse"]
        schemas = [c for c in module.calls if PARSERS.search(c.name)]
        for scope in sorted({call.scope for call in calls}):
            told = answers_of(module, scope)
            reads = [
                c
                for c in module.calls
                if c.scope == scope and c.name in {"json.loads", "eval", "ast.literal_eval"}
                and c.args and c.args[0].names & told
            ]  # fmt: skip
            for call in reads:
                if shaped or schemas:
                    yield held(repo, module, (schemas or shaped)[0].line, "it has a schema")
                elif call.name == "eval":
                    message = "what a language model says is run as code"
                    yield broken(repo, module, call.line, message, "error")
                elif call.tries:
                    yield unsure(repo, module, call.line, "what happens to a wrong one is handled")
                else:
                    yield broken(repo, module, call.line, "the answer becomes data with no schema")
        if not schemas:
            continue
        yield held(repo, module, schemas[0].line, "an answer is read by a schema")


TYPED = re.compile(
    r"^(input|flask\.request\..*|request\.(form|json|args|get_json).*|"
    r"streamlit\.(text_input|text_area|chat_input)|gradio\..*)$"
)
SHELLS = re.compile(r"^(os\.(system|popen)|subprocess\.\w+|exec|eval)$")
SYSTEM = "{'role': 'system', 'content': f'Be kind. {question}'}"
USER = "{'role': 'system', 'content': 'Be kind.'}, {'role': 'user', 'content': question}"
TELL = f"def tell():\n    question = input()\n    m = [{SYSTEM}]\n    return {ASK}\n"


@check(
    "GA07",
    family="generative",
    title="A user's text is not an instruction",
    why="Who writes into the system prompt, or has an answer run by a shell, gives the orders.",
    fix="Put it into a message of the role user; run no answer, or one of a list of commands.",
    unless="no file asks a language model with what a user wrote",
    severity="note",
    proves=("security",),
    bad={"app.py": CLIENT + TELL},
    good={"app.py": CLIENT + TELL.replace(SYSTEM, USER)},
)
def user_text(repo: Repository) -> Iterator[Mark]:
    """Follow what a user wrote into messages, and what a model said into a shell."""
    for module, calls in asking(repo):
        for scope in sorted({call.scope for call in calls}):
            wrote, told = _typed(module, scope), answers_of(module, scope)
            for role, line, names in _messages(module, scope):
                if role == "system" and names & wrote:
                    message = f"{sorted(names & wrote)[0]}, which a user wrote, is in the system"
                    yield broken(repo, module, line, f"{message} prompt")
                elif role == "user" and names & wrote:
                    yield held(repo, module, line, "it is in a message of the user")
            for call in (c for c in module.calls if c.scope == scope and SHELLS.match(c.name)):
                shell = call.get("shell")
                runs = not call.name.startswith("subprocess.") or (shell and shell.constant is True)
                if runs and call.args and call.args[0].names & told:
                    message = f"{call.name} runs what a language model said"
                    yield broken(repo, module, call.line, message, "error")


def _typed(module: Module, scope: str) -> frozenset[str]:
    """Return the names of a scope that hold what a user wrote."""
    found: set[str] = set()
    for function in routes(module):
        if function.scope == scope:
            found |= {p for p in function.params if p not in {"self", "request", "req"}}
    for each in module.assigns:
        name = each.value.call.name if each.value.call else each.value.name
        if each.scope == scope and TYPED.match(name):
            found |= {target for target in each.targets if target}
    return frozenset(found)


def _messages(module: Module, scope: str) -> Iterator[tuple[str, int, frozenset[str]]]:
    """Yield role, line and names of the messages that a scope writes down."""
    places = [(a.line, a.value) for a in module.assigns if a.scope == scope]
    for call in module.calls:
        if call.scope == scope:
            places += [(call.line, value) for value in (*call.args, *call.keywords.values())]
            role = {"SystemMessage": "system", "HumanMessage": "user"}.get(call.method)
            content = call.get("content", 0)
            if role and content is not None:
                yield role, call.line, content.names
    for line, value in places:
        for each in (value, *value.items):
            keys = [part.constant for part in each.items[: len(each.items) // 2]]
            if each.kind == "dict" and {"role", "content"} <= {k for k in keys if _text(k)}:
                pairs = dict(zip(keys, each.items[len(keys) :], strict=False))
                yield str(pairs["role"].constant), line, pairs["content"].names


def _text(key: object) -> bool:
    return isinstance(key, str)


CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
CAPTURE = rf"(?im)^[^#\n]*({CONTENT}|TRACELOOP_TRACE_CONTENT)\W+true"
TRACING = r"(?im)^[^#\n]*(LANGCHAIN_TRACING_V2|LANGSMITH_TRACING)\W+true"
HIDES = r"(?im)^[^#\n]*(LANGCHAIN|LANGSMITH)_HIDE_INPUTS\W+true|TRACELOOP_TRACE_CONTENT\W+false"
LOGS = re.compile(r"^(log|logger|logging|_log|_logger|LOG|LOGGER)\.(debug|info|warning|error)$")


@check(
    "GA08",
    family="generative",
    title="Traces and logs leave out what users ask",
    why="A prompt holds what a person typed: names, numbers, secrets. A trace keeps it for ever.",
    fix="Log an id, the tokens and the time; switch the content of traces off, or mask it.",
    unless="nothing logs or traces what a language model is asked",
    severity="note",
    proves=("D5",),
    bad={"app.py": "import logging\n\n" + APP.replace("    ret", "    logging.info(m)\n    ret")},
    good={"app.py": APP, ".env.example": "LANGSMITH_TRACING=true\nLANGSMITH_HIDE_INPUTS=true\n"},
)
def private_traces(repo: Repository) -> Iterator[Mark]:
    """Judge what is logged by the names that are asked with, and the switches of tracing."""
    if not asking(repo):
        return
    for path, text in each_text(repo, ".yaml", ".yml", ".env", ".toml", ".sh", ".example"):
        hides = line_of(text, HIDES)
        if line := line_of(text, CAPTURE):
            yield at(repo, "fail", path, line, "traces keep what users ask", "warning")
        elif line := line_of(text, TRACING):
            if hides:
                yield at(repo, "held", path, hides, "traces leave it out")
            else:
                yield at(repo, "fail", path, line, "traces keep what users ask")
    for module, _ in asking(repo):
        yield from _logged(repo, module)


def _logged(repo: Repository, module: Module) -> Iterator[Mark]:
    """Judge the log lines of the scopes that ask, by the names that they share with the asking."""
    for call in asks(module):
        sent = frozenset[str]().union(
            *(_sent(call, key) for key in ("messages", "prompt", "input"))
        )
        for other in module.calls:
            shared = sent & frozenset[str]().union(*(value.names for value in other.args))
            direct = {v.name for v in other.args if v.kind == "name"} | _formatted(other.args)
            if other.scope == call.scope and LOGS.match(other.name) and shared & direct:
                message = f"{sorted(shared & direct)[0]}, which the model is asked, is logged"
                yield broken(repo, module, other.line, message)


def _sent(call: Call, key: str) -> frozenset[str]:
    value = call.keywords.get(key)
    return value.names if value is not None else frozenset()


def _formatted(values: tuple[Value, ...]) -> frozenset[str]:
    return frozenset[str]().union(*(value.names for value in values if value.kind == "format"))
