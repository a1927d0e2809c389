"""What copier.yml holds, read as copier reads it: several documents, some included."""

from pathlib import Path
from typing import Any

import yaml

INCLUDE = "!include"


def configuration(template: Path) -> dict[str, Any]:
    """Keys of copier.yml, and of the files that it includes, in the order of evaluation.

    Raises OSError or yaml.YAMLError when one of them is missing or is not YAML.
    """

    class Loader(yaml.SafeLoader):
        """Knows `!include FILE`, a path from the root of the template."""

    def include(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
        name = loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else ""
        return yaml.safe_load((template / str(name)).read_text(encoding="utf-8"))

    Loader.add_constructor(INCLUDE, include)
    text = (template / "copier.yml").read_text(encoding="utf-8")
    documents = yaml.load_all(text, Loader=Loader)
    return {name: value for document in documents for name, value in (document or {}).items()}


def is_computed(question: dict[str, Any]) -> bool:
    """Whether a question is a computed value, which nobody is asked."""
    return question.get("when") is False


def questions(template: Path) -> dict[str, dict[str, Any]]:
    """What copier.yml asks, in order; computed values are not among them."""
    found = configuration(template)
    asked = {name: value for name, value in found.items() if not name.startswith("_")}
    return {name: value for name, value in asked.items() if not is_computed(value)}
