"""The official definitions of Azure's resource types, offline, in one plain shape.

`python bicep_types.py AZMCP CACHE TYPE...` asks the Azure MCP server, which carries the definitions
that the Bicep compiler uses. Six types it cannot tell; for those the models of Azure's own Python
SDK stand in, which hold everything but the values of enumerations. CACHE gets one file a type:

    {"version": "2025-01-01", "root": NAME, "types": {NAME: {
        "properties": {NAME: {"type": "A | b | string[]", "required": true, "readonly": false}},
        "additional": TYPE or null, "discriminator": NAME or null, "elements": {VALUE: NAME}}}}
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

Definition = dict[str, Any]

# type: API version, module and class of the SDK
SDK = {
    "Microsoft.Authorization/locks": (
        "2020-05-01", "azure.mgmt.resource.locks.models", "ManagementLockObject",
    ),
    "Microsoft.Insights/actionGroups": (
        "2023-01-01", "azure.mgmt.monitor.v2023_01_01.models", "ActionGroupResource",
    ),
    "Microsoft.Insights/diagnosticSettings": (
        "2021-05-01-preview",
        "azure.mgmt.monitor.v2021_05_01_preview.models",
        "DiagnosticSettingsResource",
    ),
    "Microsoft.Insights/metricAlerts": (
        "2018-03-01", "azure.mgmt.monitor.v2018_03_01.models", "MetricAlertResource",
    ),
    "Microsoft.Network/privateDnsZones": (
        "2024-06-01", "azure.mgmt.privatedns.models", "PrivateZone",
    ),
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": (
        "2024-06-01", "azure.mgmt.privatedns.models", "VirtualNetworkLink",
    ),
}  # fmt: skip
PRIMITIVES = {"str": "string", "int": "int", "bool": "bool", "duration": "string"}


def properties_of(listed: list[dict[str, Any]]) -> dict[str, Any]:
    found = {}
    for item in listed:
        flags = item.get("flags") or ""
        found[item["name"]] = {
            "type": item["type"],
            "required": "Required" in flags,
            "readonly": "ReadOnly" in flags,
        }
    return found


def from_server(answer: dict[str, Any]) -> Definition:
    """The definition in an answer of the server; KeyError when it has none."""
    resource, *others = (
        item
        for item in answer["results"]["BicepSchemaResult"]
        if item["$type"] != "ResourceInstanceFunction"
    )
    types: dict[str, Any] = {}
    for item in [resource["bodyType"], *others]:
        elements = {}
        for element in item.get("elements", []):
            inner = properties_of(element["properties"])
            value = inner[item["discriminator"]]["type"]
            elements[value] = f"{item['name']}:{value}"
            types[elements[value]] = {"properties": inner, "additional": None, "elements": {}}
        types[item["name"]] = {
            "properties": properties_of(item.get("properties") or item.get("baseProperties") or []),
            "additional": item.get("additionalPropertiesType"),
            "discriminator": item.get("discriminator"),
            "elements": elements,
        }
    version = types[resource["bodyType"]["name"]]["properties"]["apiVersion"]["type"]
    return {"version": version, "root": resource["bodyType"]["name"], "types": types}


def from_sdk(version: str, module_name: str, class_name: str) -> Definition:
    """The definition that a model of the SDK carries in its attribute map."""
    module, types = importlib.import_module(module_name), {}

    def name_of(declared: str) -> str:
        if declared.startswith("["):
            return f"{name_of(declared[1:-1])}[]"
        if declared in PRIMITIVES:
            return PRIMITIVES[declared]
        return add(declared) if hasattr(module, declared) else "any"

    def add(name: str) -> str:
        if name in types:
            return name
        model = getattr(module, name)
        entry: dict[str, Any] = {"properties": {}, "additional": None, "elements": {}}
        types[name] = entry
        for attribute, how in model._attribute_map.items():
            if how["key"]:
                rules = model._validation.get(attribute, {})
                put(name, entry, how["key"].replace("\\.", "\0").split("."), how["type"], rules)
        subtypes = getattr(model, "_subtype_map", {})
        for attribute, values in subtypes.items():
            entry["discriminator"] = model._attribute_map[attribute]["key"].replace("\\.", ".")
            entry["elements"] = {value: add(subtype) for value, subtype in values.items()}
        return name

    def put(name: str, entry: Any, path: list[str], declared: str, rules: dict[str, Any]) -> None:
        key = path[0].replace("\0", ".")
        if len(path) == 1:
            kind = "any" if declared.startswith("{") else name_of(declared)
            entry["properties"][key] = {
                "type": kind,
                "required": bool(rules.get("required")),
                "readonly": bool(rules.get("readonly")),
            }
            return
        inner = f"{name}.{key}"
        types.setdefault(inner, {"properties": {}, "additional": None, "elements": {}})
        prior = entry["properties"].get(key, {"required": False})
        required = prior["required"] or bool(rules.get("required"))
        entry["properties"][key] = {"type": inner, "required": required, "readonly": False}
        put(inner, types[inner], path[1:], declared, rules)

    root = add(class_name)
    # In the SDK the name is an argument of the call.
    types[root]["properties"]["name"] = {"type": "string", "required": True, "readonly": False}
    return {"version": version, "root": root, "types": types}


def place(cache: Path, name: str) -> Path:
    return cache / f"{name.replace('/', '_')}.json"


def ask(server: Path, names: list[str]) -> dict[str, Any]:
    """Type -> the server's answer; one process for all, since its start is what takes the time."""
    process = subprocess.Popen(
        [server, "server", "start", "--mode", "all", "--namespace", "bicepschema"],
        env={**os.environ, "AZURE_MCP_COLLECT_TELEMETRY": "false"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdin and process.stdout

    def say(method: str, params: dict[str, Any], **more: int) -> None:
        line = {"jsonrpc": "2.0", "method": method, "params": params, **more}
        print(json.dumps(line), file=process.stdin, flush=True)

    client = {"name": "checks", "version": "1"}
    start = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": client}
    say("initialize", start, id=0)
    process.stdout.readline()
    say("notifications/initialized", {})
    answers = {}
    for number, name in enumerate(names, 1):
        call = {"name": "bicepschema_get", "arguments": {"resource-type": name}}
        say("tools/call", call, id=number)
        for line in process.stdout:
            if (answer := json.loads(line)).get("id") == number:
                answers[name] = json.loads(answer["result"]["content"][0]["text"])
                break
    process.stdin.close()
    process.wait(timeout=30)
    return answers


def fill(server: Path, cache: Path, names: list[str]) -> list[str]:
    """Put what is missing into the cache; returns the types that nobody knows."""
    cache.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not place(cache, name).exists()]
    found = {name: from_sdk(*SDK[name]) for name in missing if name in SDK}
    asked = [name for name in missing if name not in SDK]
    for name, answer in ask(server, asked).items() if asked else ():
        if "BicepSchemaResult" in (answer.get("results") or {}):
            found[name] = from_server(answer)
    for name, definition in found.items():
        place(cache, name).write_text(json.dumps(definition), encoding="utf-8")
    return [name for name in missing if name not in found]


if __name__ == "__main__":
    print("\n".join(fill(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])))
