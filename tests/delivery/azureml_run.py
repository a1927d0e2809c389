"""Run the pipelines of `azureml/` on this machine: each component's command line, as it stands."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

BINDING = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")

Values = dict[str, Any]


def read(path: Path) -> dict[str, Any]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    return dict(loaded)


def order(nodes: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """The steps in the order of the bindings. Raises graphlib.CycleError."""
    needs = {
        name: re.findall(r"parent\.jobs\.(\w+)\.", str(node.get("inputs", {})))
        for name, node in nodes.items()
    }
    yield from TopologicalSorter(needs).static_order()


@dataclass
class Workspace:
    """Stands in for the one in the cloud: registered assets, and a place for the files of jobs."""

    project: Path
    place: Path
    snapshot: list[str]  # what is uploaded of the project
    env: dict[str, str]
    assets: Values = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    _done: dict[str, Values] = field(default_factory=dict)

    def pipeline(self, name: str, **given: Any) -> Values:
        """Run the pipeline component `azureml/NAME` with these inputs; return its outputs."""
        path = self.project / "azureml" / name
        return self._graph(path, read(path), given)

    def job(self, name: str, **changes: Any) -> Values:
        """Run `azureml/NAME`, with other values for some of its inputs; return its outputs."""
        path = self.project / "azureml" / name
        job = read(path)
        given = {k: self._asset(v) for k, v in job.get("inputs", {}).items() if k not in changes}
        return self._graph(path, job, given | changes)

    def _asset(self, value: Any) -> Any:
        return self.assets[value["path"]] if isinstance(value, dict) else value

    def _graph(self, path: Path, graph: dict[str, Any], given: Values) -> Values:
        defaults = {
            name: declared["default"]
            for name, declared in graph.get("inputs", {}).items()
            if isinstance(declared, dict) and "default" in declared
        }
        known = {f"parent.inputs.{name}": value for name, value in (defaults | given).items()}
        found: Values = {}
        for name in order(graph["jobs"]):
            node = graph["jobs"][name]
            inputs = {k: self._bound(v, known) for k, v in node.get("inputs", {}).items()}
            for parameter, space in node.get("search_space", {}).items():
                inputs[parameter] = space["min_value"]
            outputs = self._node(path, node, inputs)
            known |= {f"parent.jobs.{name}.outputs.{k}": v for k, v in outputs.items()}
            for key, bound in node.get("outputs", {}).items():
                if isinstance(bound, str):
                    found[BINDING.fullmatch(bound)[1].split(".")[-1]] = outputs[key]  # type: ignore[index]
                elif "name" in bound:
                    self.assets[f"azureml:{bound['name']}@latest"] = outputs[key]
        return found

    def _bound(self, value: Any, known: Values) -> Any:
        if isinstance(value, dict):
            return self._asset(value)
        match = BINDING.fullmatch(str(value))
        return known[match[1]] if match else value

    def _node(self, path: Path, node: dict[str, Any], inputs: Values) -> Values:
        source = path.parent / node.get("component", node.get("trial"))
        component = read(source)
        if component["type"] == "pipeline":
            return self._graph(source, component, inputs)
        return self.command(component, inputs)

    def command(self, component: dict[str, Any], inputs: Values) -> Values:
        """Run a command line in a fresh copy of the code; as Azure ML, once for the same inputs."""
        key = json.dumps([component, inputs], default=str)
        if component.get("is_deterministic", True) and key in self._done:
            return self._done[key]
        place = self.place / f"{len(self.ran):02}-{component['name']}"
        self.ran.append(component["name"])
        code = place / "code"
        for name in self.snapshot:
            (code / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.project / name, code / name)
        outputs = {name: place / name for name in component.get("outputs", {})}
        for output in outputs.values():
            output.mkdir()
        declared = component.get("inputs", {})
        defaults = {k: v["default"] for k, v in declared.items() if "default" in v}
        known = {f"inputs.{k}": v for k, v in (defaults | inputs).items()}
        known |= {f"outputs.{k}": v for k, v in outputs.items()}
        line = BINDING.sub(lambda match: str(known[match[1]]), component["command"])
        done = subprocess.run(
            ["bash", "-c", line], cwd=code, env=self.env, capture_output=True, text=True
        )
        (place / "log").write_text(f"{line}\n{done.stdout}\n{done.stderr}", encoding="utf-8")
        if done.returncode:
            raise CommandError(component["name"], done.returncode, outputs, done.stderr)
        self._done[key] = outputs
        return outputs


class CommandError(Exception):
    """A step is red: its name, exit code and what it wrote before."""

    def __init__(self, name: str, code: int, outputs: Values, said: str) -> None:
        super().__init__(f"{name}: exit {code}\n{said[-4000:]}")
        self.name, self.code, self.outputs = name, code, outputs
