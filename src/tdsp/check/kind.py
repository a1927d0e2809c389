"""What kind of repository it is, and where one that uses a language model asks it.

The kinds are those of the fleet: made by tdsp, by another template, by none, generative, not ml.
"""

import re
from collections.abc import Iterator

from tdsp.check.data import LEARNERS, VALIDATORS
from tdsp.check.rule import once
from tdsp.reading import Repository
from tdsp.reading.python import Call, Module, Value

GENERATIVE = frozenset(
    (
        *("openai", "anthropic", "litellm", "langchain", "langchain_core", "langchain_community"),
        *("langchain_openai", "langchain_anthropic", "langchain_google_genai", "langgraph"),
        *("llama_index", "semantic_kernel", "haystack", "dspy", "crewai", "autogen", "mistralai"),
        *("autogen_agentchat", "pydantic_ai", "instructor", "ollama", "cohere", "groq", "agents"),
        *("google.adk", "google.genai", "google.generativeai", "vertexai.generative_models"),
        *("azure.ai.inference", "azure.ai.projects", "promptflow", "smolagents", "guidance"),
    )
)

ASKS = re.compile(
    r"(?x)^(.*\.)?(chat\.completions\.(create|parse|stream)|responses\.(create|parse|stream)|"
    r"completions\.create|messages\.(create|stream)|ChatCompletion\.(a?create)|"
    r"Completion\.(a?create)|models\.generate_content(_stream)?)$|"
    r"^litellm\.(a?completion|a?text_completion|a?responses)$|"
    r"^(ollama|cohere|groq)\.(chat|generate)$"
)
CLIENTS = re.compile(
    r"^(openai\.(Async)?(AzureOpenAI|OpenAI)|anthropic\.(Async)?Anthropic\w*|groq\.(Async)?Groq|"
    r"google\.genai\.Client|google\.generativeai\.GenerativeModel|mistralai\.Mistral|"
    r"langchain(_\w+)?(\.\w+)*\.(Azure)?Chat(?!Prompt|Message|Generation)[A-Z]\w+|"
    r"langchain\.chat_models\.init_chat_model)$"
)
CHAINS = re.compile(
    r"^langchain(_\w+)?(\.\w+)*\.(Azure)?Chat(?!Prompt|Message|Generation)[A-Z]\w+$|"
    r"^langchain\.chat_models\.init_chat_model$"
)
STAND_IN = re.compile(r"(^|[._])(fake|mock|stub|dummy)(?![a-z])|(Fake|Mock|Stub|Dummy)(?![a-z])")
EVALS = re.compile(
    r"(?i)(^|/)(evals?|evaluations?|eval_?sets?|golden)/[^/]+\.(jsonl?|ya?ml|csv|py)$|"
    r"(^|/)promptfooconfig\.ya?ml$|\.evalset\.json$|"
    r"(^|/)[^/]*(eval[-_]?(set|data|cases)|golden)[^/]*\.(jsonl?|ya?ml|csv)$"
)
PROMPTS = re.compile(
    r"(?i)(^|/)prompts?/[^/]+\.(md|txt|ya?ml|j2|jinja2?|prompt|toml)$|\.prompty$|"
    r"(^|/)[^/]*(system[-_]?prompt|prompt[-_]?template)[^/]*\.(md|txt|ya?ml|j2|jinja2?)$"
)
ML = LEARNERS | {each.split(".")[0] for each in VALIDATORS} | {"mlflow", "azureml", "prophet"}


def is_generative(name: str) -> bool:
    """Tell whether a dotted import is a library that asks language models."""
    parts = name.split(".")
    return any(".".join(parts[:number]) in GENERATIVE for number in range(1, len(parts) + 1))


def _imports(repo: Repository) -> tuple[int, int]:
    """Return how many files import a generative library, and how many one that learns."""
    generative = learning = 0
    for module in repo.modules("production", "notebook"):
        names = [each.name or each.module for each in module.imports if not each.level]
        own = {n for n in names if is_generative(n) or is_generative(n.rsplit(".", 1)[0])}
        generative += any(
            call.name in own or call.name.startswith(_parts(own)) for call in module.calls
        )
        learning += any(name.split(".")[0] in ML for name in names)
    return generative, learning


def _parts(names: set[str]) -> tuple[str, ...]:
    """Return how the calls of imported names begin; of a library, all that is in it."""
    return tuple(f"{name}." for name in names) or ("\0",)


@once
def kind(repo: Repository) -> str:
    """Return tdsp, other template, generative, none (machine learning, no template) or not ml."""
    path, answers = repo.answers
    if {"package_name", "level"} <= set(answers) or "tdsp" in str(answers.get("_src_path", "")):
        return "tdsp"
    generative, learning = _imports(repo)
    if generative and generative >= learning:
        return "generative"
    if not (generative or learning):
        return "not ml"
    template = path or any(
        name in repo.files for name in ("cookiecutter.json", ".cookiecutter.json", ".cruft.json")
    )
    return "other template" if template else "none"


def asks(module: Module) -> list[Call]:
    """Return the calls that ask a language model, in a file that imports such a library."""
    if not any(is_generative(e.module) or is_generative(e.name) for e in module.imports):
        return []
    return [c for c in module.calls if ASKS.match(c.name) and not _stands_in(module, c)]


def _stands_in(module: Module, call: Call) -> bool:
    """Tell whether what is asked only stands in for a model, by its name or its class's."""
    root = call.receiver.root if call.receiver else ""
    made = [e.value.call.name for e in module.assigns if root in e.targets and e.value.call]
    return any(STAND_IN.search(name) for name in (call.name, *made))


def clients(module: Module) -> list[Call]:
    """Return the calls that make a client of a language model."""
    made = (call for call in module.calls if CLIENTS.match(call.name))
    return [call for call in made if not STAND_IN.search(call.name)]


@once
def asking(repo: Repository) -> list[tuple[Module, list[Call]]]:
    """Return the production files that ask a language model, with the calls that do."""
    found = []
    for module in repo.modules("production"):
        if calls := [*asks(module), *(c for c in clients(module) if CHAINS.match(c.name))]:
            found.append((module, calls))
    return found


def evals(repo: Repository) -> list[tuple[str, int]]:
    """Return where an eval set stands: files of cases, or the library that runs them."""
    found = [(path, 1) for path in repo.files if EVALS.search(path)]
    libraries = {"deepeval", "ragas", "inspect_ai", "trulens", "trulens_eval", "promptfoo"}
    for module in repo.modules("production", "test", "notebook"):
        for each in module.imports:
            if each.module.split(".")[0] in libraries:
                found.append((module.path, repo.place(module, each.line)[1]))
                break
    return found


def answers_of(module: Module, scope: str) -> frozenset[str]:
    """Return the names of a scope that hold what a language model said, followed in order."""
    found: set[str] = set()
    orders = {call.order for call in asks(module)}
    for each in module.assigns:
        if each.scope != scope:
            continue
        names = {name for name in each.targets if name}
        if _holds(each.value, orders) or (_plain(each.value) and each.value.names & found):
            found |= names
        elif not each.augmented:
            found -= names
    return frozenset(found)


def _holds(value: Value | None, orders: set[int]) -> bool:
    """Tell whether a value is the answer of one of these calls, or a part of it."""
    while value is not None:
        if value.call is not None:
            if value.call.order in orders:
                return True
            value = value.call.receiver if value.call.method in {"strip", "lower"} else None
        else:
            value = value.base
    return False


def _plain(value: Value) -> bool:
    """Tell whether a value is another value's part: a name, an attribute, an item, a strip."""
    if value.call is not None:
        return value.call.method in {"strip", "replace", "lower", "removeprefix", "removesuffix"}
    return value.kind in {"name", "attribute", "subscript"}


def line_of(text: str, pattern: str) -> int:
    """Return the line in which an expression first stands, or 0."""
    match = re.search(pattern, text)
    return text.count("\n", 0, match.start()) + 1 if match else 0


def each_text(repo: Repository, *suffixes: str) -> Iterator[tuple[str, str]]:
    """Yield the settings of production: texts of these kinds, containers included."""
    for path, file in repo.files.items():
        named = file.suffix in suffixes or file.name.startswith(("Dockerfile", ".env"))
        if named and file.text and repo.role(path) == "production":
            yield path, file.text
