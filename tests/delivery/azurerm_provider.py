"""Terraform's own checks without the provider: a stand-in that knows the types of azurerm.

`python azurerm_provider.py BINDINGS FOLDER` extracts the types of what FOLDER/*.tf uses from the
official schema, as the bindings for the CDK carry it, and serves them to Terraform over its plugin
protocol, until its input ends. So `terraform validate` and `terraform plan` run for real, offline:
a value that only Azure could know is unknown. The first line printed is what TF_REATTACH_PROVIDERS
has to be. Not known to the bindings, and so not checked here: the values that a text may have,
which arguments exclude each other, and whether a list is a set.
"""

# ruff: noqa: N802 - the methods have the names of the protocol

import json
import os
import re
import sys
import tarfile
import tempfile
from concurrent import futures
from pathlib import Path
from typing import Any

PREFIX = "@cdktn/provider-azurerm."
SOURCE = "registry.terraform.io/hashicorp/azurerm"
PRIMITIVES = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
# What Terraform itself handles, and members of the bindings that are not in the schema.
META = {"connection", "count", "dependsOn", "forEach", "lifecycle", "provider", "provisioners"}
META |= {"timeouts", "internalValue", "tfResourceType", "fqn"}
# Blocks that the service fills when the configuration leaves them out.
FILLED = {("azurerm_kubernetes_cluster", "kubelet_identity")}

Types = dict[str, Any]
Block = dict[str, Any]


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def read_bindings(folder: Path) -> tuple[str, Types]:
    """The provider's version, and every type of the bindings."""
    package = next(folder.rglob("provider-azurerm@*.jsii.tgz"))
    with tarfile.open(package) as archive:
        readme, types = (archive.extractfile(f"package/{name}") for name in ("README.md", ".jsii"))
        assert readme and types
        version = re.search(rb"provider version (\d+\.\d+\.\d+)", readme.read())
        assert version
        return version[1].decode(), json.load(types)["types"]


def type_of(declared: Any) -> tuple[Any, str | None, bool]:
    """The type of an argument; or None, the structure of a block, and whether there may be many."""
    if "union" in declared:
        parts = [part for part in declared["union"]["types"] if "IResolvable" not in str(part)]
        return type_of(parts[0])
    if "primitive" in declared:
        return PRIMITIVES[declared["primitive"]], None, False
    if "collection" in declared:
        element, structure, _ = type_of(declared["collection"]["elementtype"])
        if structure:
            return None, structure, True
        return ["list" if declared["collection"]["kind"] == "array" else "map", element], None, True
    if declared["fqn"].startswith(PREFIX):
        return None, declared["fqn"], False
    return "dynamic", None, False  # IResolvable: a computed boolean or list


def block_of(types: Types, structure: str, outputs: str, owner: str) -> Block:
    """Arguments, computed attributes and nested blocks of one structure of the bindings."""
    block: Block = {"attributes": {}, "blocks": {}}
    for argument in types[structure].get("properties", []):
        if argument["name"] in META:
            continue
        name, required = snake(argument["name"]), not argument.get("optional")
        kind, nested, many = type_of(argument["type"])
        if nested is None:
            block["attributes"][name] = [kind, "required" if required else "optional"]
        elif (owner, name) in FILLED:
            block["attributes"][name] = ["dynamic", "filled"]
        else:
            inner = block_of(types, nested, f"{nested}OutputReference", owner)
            block["blocks"][name] = {"many": many, "required": required, "block": inner}
    for output in types.get(outputs, {}).get("properties", []):
        name = snake(output["name"])
        known = name in block["attributes"] or name in block["blocks"]
        if known or output["name"] in META or output["name"].endswith("Input"):
            continue
        kind, nested, _ = type_of(output["type"])
        block["attributes"][name] = ["dynamic" if nested else kind, "computed"]
    return block


def schema_of(types: Types, name: str, prefix: str = "") -> Block | None:
    """The schema of a resource or data source; None for one that the provider does not have."""
    module = camel(f"{prefix}{name}" if prefix else name.removeprefix("azurerm_"))
    owner = f"{PREFIX}{module}.{module[0].upper()}{module[1:]}"
    if f"{owner}Config" not in types:
        return None
    block = block_of(types, f"{owner}Config", owner, name)
    block["attributes"]["id"] = ["string", "filled"]
    return block


def extract(bindings: Path, folders: list[Path]) -> dict[str, Any]:
    """The schemas of the provider, and of what the files in the folders use."""
    version, types = read_bindings(bindings)
    text = "\n".join(p.read_text("utf-8") for f in folders for p in sorted(f.rglob("*.tf")))
    used = {
        kind: sorted(set(re.findall(rf'(?m)^{kind} "(\w+)"', text)))
        for kind in ("resource", "data")
    }
    found = {name: schema_of(types, name) for name in used["resource"]}
    data = {name: schema_of(types, name, "data_") for name in used["data"]}
    provider = f"{PREFIX}provider.AzurermProviderConfig"
    return {
        "version": version,
        "provider": block_of(types, provider, "", "azurerm"),
        "resources": {name: block for name, block in found.items() if block},
        "data": {name: block for name, block in data.items() if block},
    }


def message(block: Block, pb: Any, top: bool = False) -> Any:
    """A block in the words of the plugin protocol."""
    flags = {
        "required": {"required": True},
        "optional": {"optional": True},
        "computed": {"computed": True},
        "filled": {"optional": True, "computed": True},
    }
    modes = pb.Schema.NestedBlock
    nested = [
        modes(
            type_name=name,
            nesting=modes.LIST,
            min_items=int(inner["required"]),
            max_items=0 if inner["many"] else 1,
            block=message(inner["block"], pb),
        )
        for name, inner in block["blocks"].items()
    ]
    if top:
        moments = [
            pb.Schema.Attribute(name=name, type=b'"string"', optional=True)
            for name in ("create", "read", "update", "delete")
        ]
        timeouts = pb.Schema.Block(attributes=moments)
        nested.append(modes(type_name="timeouts", nesting=modes.SINGLE, block=timeouts))
    return pb.Schema.Block(
        attributes=[
            pb.Schema.Attribute(name=name, type=json.dumps(kind).encode(), **flags[flag])
            for name, (kind, flag) in block["attributes"].items()
        ],
        block_types=nested,
    )


def planned(block: Block, value: Any, unknown: Any) -> Any:
    """The value, with what only the service knows as unknown."""
    if not isinstance(value, dict):  # nothing, or unknown as a whole
        return value
    result = dict(value)
    for name, (_, flag) in block["attributes"].items():
        if flag in ("computed", "filled") and result.get(name) is None:
            result[name] = unknown
    for name, inner in block["blocks"].items():
        if isinstance(result.get(name), list):
            result[name] = [planned(inner["block"], item, unknown) for item in result[name]]
    return result


def serve(schemas: dict[str, Any]) -> None:
    """Answer Terraform until the input ends."""
    import grpc
    import msgpack
    from tf.gen import grpc_controller_pb2 as controller_pb
    from tf.gen import grpc_controller_pb2_grpc as controller_rpc
    from tf.gen import tfplugin_pb2 as pb
    from tf.gen import tfplugin_pb2_grpc as rpc

    unknown = msgpack.ExtType(0, b"\0")

    def unpack(packed: Any) -> Any:
        return msgpack.unpackb(packed.msgpack, raw=False, strict_map_key=False)

    def pack(value: Any) -> Any:
        return pb.DynamicValue(msgpack=msgpack.packb(value))

    class Servicer(rpc.ProviderServicer):  # type: ignore[misc]
        def GetProviderSchema(self, request: Any, context: Any) -> Any:
            def listed(blocks: dict[str, Block]) -> dict[str, Any]:
                return {n: pb.Schema(block=message(b, pb, top=True)) for n, b in blocks.items()}

            return pb.GetProviderSchema.Response(
                provider=pb.Schema(block=message(schemas["provider"], pb)),
                resource_schemas=listed(schemas["resources"]),
                data_source_schemas=listed(schemas["data"]),
            )

        def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
            return pb.ValidateProviderConfig.Response()

        def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
            return pb.ValidateResourceConfig.Response()

        def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
            return pb.ValidateDataResourceConfig.Response()

        def ConfigureProvider(self, request: Any, context: Any) -> Any:
            return pb.ConfigureProvider.Response()

        def PlanResourceChange(self, request: Any, context: Any) -> Any:
            block = schemas["resources"][request.type_name]
            state = planned(block, unpack(request.proposed_new_state), unknown)
            return pb.PlanResourceChange.Response(planned_state=pack(state))

        def ReadDataSource(self, request: Any, context: Any) -> Any:
            block, nothing = (
                schemas["data"][request.type_name],
                "0" * 8 + "-0000-0000-0000-" + "0" * 12,
            )
            return pb.ReadDataSource.Response(
                state=pack(planned(block, unpack(request.config), nothing))
            )

        def StopProvider(self, request: Any, context: Any) -> Any:
            return pb.StopProvider.Response()

    class Controller(controller_rpc.GRPCControllerServicer):  # type: ignore[misc]
        def Shutdown(self, request: Any, context: Any) -> Any:
            return controller_pb.Empty()  # the next Terraform command uses it again

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    rpc.add_ProviderServicer_to_server(Servicer(), server)
    controller_rpc.add_GRPCControllerServicer_to_server(Controller(), server)
    with tempfile.TemporaryDirectory() as folder:
        address = {"Network": "unix", "String": f"{folder}/socket"}
        server.add_insecure_port(f"unix://{folder}/socket")
        server.start()
        how = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True}
        print(json.dumps({SOURCE: {**how, "Addr": address}}), flush=True)
        sys.stdin.read()
        server.stop(grace=0)


if __name__ == "__main__":
    found = extract(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
    print(found["version"], flush=True)
    serve(found)
