"""Terraform's own verdict on a folder, with the official types of azurerm and without Azure."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCAL = 'terraform {\n  backend "local" {}\n}\n'
TYPES = {
    "azurerm_resource_group": "Microsoft.Resources/resourceGroups",
    "azurerm_user_assigned_identity": "Microsoft.ManagedIdentity/userAssignedIdentities",
    "azurerm_federated_identity_credential": (
        "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
    ),
    "azurerm_storage_account": "Microsoft.Storage/storageAccounts",
    "azurerm_storage_container": "Microsoft.Storage/storageAccounts/blobServices/containers",
    "azurerm_storage_queue": "Microsoft.Storage/storageAccounts/queueServices/queues",
    "azurerm_key_vault": "Microsoft.KeyVault/vaults",
    "azurerm_container_registry": "Microsoft.ContainerRegistry/registries",
    "azurerm_log_analytics_workspace": "Microsoft.OperationalInsights/workspaces",
    "azurerm_application_insights": "Microsoft.Insights/components",
    "azurerm_application_insights_workbook": "Microsoft.Insights/workbooks",
    "azurerm_machine_learning_workspace": "Microsoft.MachineLearningServices/workspaces",
    "azurerm_machine_learning_compute_cluster": (
        "Microsoft.MachineLearningServices/workspaces/computes"
    ),
    "azurerm_kubernetes_cluster": "Microsoft.ContainerService/managedClusters",
    "azurerm_network_security_group": "Microsoft.Network/networkSecurityGroups",
    "azurerm_virtual_network": "Microsoft.Network/virtualNetworks",
    "azurerm_private_dns_zone": "Microsoft.Network/privateDnsZones",
    "azurerm_private_dns_zone_virtual_network_link": (
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
    ),
    "azurerm_private_endpoint": "Microsoft.Network/privateEndpoints",
    "azurerm_monitor_action_group": "Microsoft.Insights/actionGroups",
    "azurerm_monitor_metric_alert": "Microsoft.Insights/metricAlerts",
    "azurerm_monitor_diagnostic_setting": "Microsoft.Insights/diagnosticSettings",
    "azurerm_eventgrid_system_topic": "Microsoft.EventGrid/systemTopics",
    "azurerm_eventgrid_system_topic_event_subscription": (
        "Microsoft.EventGrid/systemTopics/eventSubscriptions"
    ),
    "azurerm_consumption_budget_resource_group": "Microsoft.Consumption/budgets",
    "azurerm_management_lock": "Microsoft.Authorization/locks",
    "azurerm_role_definition": "Microsoft.Authorization/roleDefinitions",
    "azurerm_role_assignment": "Microsoft.Authorization/roleAssignments",
}
# Part of another resource in the other language.
FOLDED = {
    "azurerm_subnet",
    "azurerm_subnet_network_security_group_association",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
    "Microsoft.Storage/storageAccounts/blobServices",
    "Microsoft.Storage/storageAccounts/queueServices",
}


@dataclass(frozen=True)
class Terraform:
    """The program, and the stand-in for the provider that it talks to."""

    program: str
    version: str
    env: dict[str, str]

    def run(self, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *words],
            cwd=folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )

    def prepare(self, source: Path, target: Path) -> Path:
        """A copy of infra/ whose state would lie on disk; returns its Terraform folder."""
        shutil.copytree(source / "infra", target / "infra")
        folder = target / "infra/terraform"
        (folder / "backend_override.tf").write_text(LOCAL, encoding="utf-8")
        return folder

    def mistakes(self, folder: Path) -> list[str]:
        """Mistakes of form, syntax, references, types and arguments, each with file and line."""
        form = self.run(folder, "fmt", "-check", "-recursive").stdout.split()
        found = [f"{name}:1: not formatted" for name in form if not name.endswith("_override.tf")]
        started = self.run(folder, "init", "-input=false", "-no-color")
        if started.returncode:
            return found + located(started.stdout + started.stderr)
        told = json.loads(self.run(folder, "validate", "-json").stdout)["diagnostics"]
        return found + [place(item) for item in told]

    def plan(self, folder: Path, environment: str, **more: str) -> tuple[dict[str, Any], list[str]]:
        """What would be created: address -> values; and the mistakes that only values show."""
        given = [f"-var={name}={value}" for name, value in more.items()]
        self.run(folder, "init", "-input=false", "-no-color")
        done = self.run(
            folder, "plan", "-input=false", "-no-color", "-refresh=false", "-out=plan",
            f"-var-file=environments/{environment}.tfvars",
            *given,
        )  # fmt: skip
        if done.returncode or "Warning: Value for undeclared variable" in done.stdout:
            return {}, located(done.stdout + done.stderr)
        shown = json.loads(self.run(folder, "show", "-json", "plan").stdout)
        resources = shown["planned_values"]["root_module"]["resources"]
        return {item["address"]: item["values"] for item in resources}, []


def place(item: dict[str, Any]) -> str:
    where = item.get("range", {"filename": "?", "start": {"line": 0}})
    return (
        f"{where['filename']}:{where['start']['line']}: {item['summary']}. {item.get('detail', '')}"
    )


def located(output: str) -> list[str]:
    """The mistakes in what Terraform prints for people."""
    text = re.sub(r"[│╷╵]", "", output)
    found = re.findall(r"(?:Error|Warning): (.+?)\n\s+on (\S+) line (\d+)", text, re.S)
    rest = re.findall(r"(?:Error|Warning): (.+)", text)
    return [f"{name}:{line}: {why.strip()}" for why, name, line in found] or rest


@contextmanager
def terraform(
    program: str, python: Path, script: Path, bindings: Path, folders: list[Path]
) -> Iterator[Terraform]:
    """Terraform beside a running stand-in for azurerm, which knows what the folders use."""
    process = subprocess.Popen(
        [python, script, bindings, *folders],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout
    try:
        version, reattach = process.stdout.readline().strip(), process.stdout.readline().strip()
        env = {**os.environ, "TF_REATTACH_PROVIDERS": reattach, "CHECKPOINT_DISABLE": "1"}
        env |= {"TF_CLI_CONFIG_FILE": os.devnull, "TF_IN_AUTOMATION": "1"}
        yield Terraform(program, version, env)
    finally:
        process.stdin.close()
        process.wait(timeout=30)


def inventory(folder: Path) -> list[tuple[str, str]]:
    """Type, in Azure's words, and symbol of every resource that a folder declares."""
    return sorted(
        (TYPES.get(kind, kind), name)
        for path in folder.glob("*.tf")
        for kind, name in re.findall(r'(?m)^resource "(\w+)" "(\w+)"', path.read_text("utf-8"))
    )
