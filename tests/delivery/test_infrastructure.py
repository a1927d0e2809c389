"""Bicep and Terraform: the same resources, of the official types, and every check bites."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT
from tests.delivery import terraform_checks
from tests.delivery.terraform_checks import FOLDED, Terraform, terraform
from tests.delivery.tools import node_tool, python_tool
from tests.render.engines import with_copier

HERE = Path(__file__).parent
AZMCP = "@azure/mcp-linux-x64@2.0.5"
BICEP = (
    "azure-mgmt-monitor==6.0.2", "azure-mgmt-privatedns==1.2.0", "azure-mgmt-resource-locks==1.0.0",
    "pycep-parser==0.5.1", "tree-sitter==0.26.1", "tree-sitter-bicep==1.1.0",
)  # fmt: skip
PROVIDER = ("tf==1.2.0", "cdktn-provider-azurerm==18.9.0")
CHECKOV = "checkov==3.3.30"
ENVIRONMENTS = ("dev", "test", "prod")
# Every answer that changes a file: the CI service, and where the service runs.
CASES = {
    "github": {"ci": "github"},
    "azure-devops": {"ci": "azure-devops"},
    "gitlab": {"ci": "gitlab"},
    "none": {"ci": "none"},
    "kubernetes": {"serving": "online", "platform": "kubernetes"},
    "azureml": {"serving": "both", "platform": "azureml"},
}
ODD = 'O\'Neil & Søn "%{if}" \\ Ltd'
LONG = "a-very-long-name-for-a-project-that-uses-up-all-50"

Found = dict[str, dict[str, Any]]


def camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def render(repository: Path, target: Path, iac: str, **answers: str) -> Path:
    fixed = {"cloud": "azure", "iac": iac, "organization": ODD, "project_slug": LONG}
    return with_copier(repository, target, {**fixed, **answers})


@pytest.fixture(scope="session")
def projects(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Path]:
    """Language and case -> a rendered project."""
    root = tmp_path_factory.mktemp("infrastructure")
    return {
        (iac, case): render(repository, root / f"{iac}-{case}", iac, **answers)
        for iac in ("bicep", "terraform")
        for case, answers in CASES.items()
    }


# BICEP ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def types(projects: dict[tuple[str, str], Path]) -> Path:
    """The definitions of all types that are used, kept in build/."""
    server = node_tool("azmcp", AZMCP) / "node_modules/@azure/mcp-linux-x64/dist/azmcp"
    server.chmod(0o755)
    text = "".join(p.read_text("utf-8") for p in projects["bicep", "kubernetes"].rglob("*.bicep"))
    used = sorted(set(re.findall(r"(Microsoft\.\w+(?:/\w+)+)@", text)))
    python = python_tool("bicep", *BICEP) / "python"
    words = [python, HERE / "bicep_types.py", server, ROOT / "build/bicep-types-2.0.5", *used]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stdout.strip(), done.stdout + done.stderr
    return ROOT / "build/bicep-types-2.0.5"


def check_bicep(types: Path, *folders: Path) -> Found:
    python = python_tool("bicep", *BICEP) / "python"
    words = [
        python,
        HERE / "bicep_checks.py",
        types,
        *(folder / "infra/bicep" for folder in folders),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return {str(Path(name).parents[1]): what for name, what in found.items()}


@pytest.fixture(scope="session")
def bicep(projects: dict[tuple[str, str], Path], types: Path) -> Found:
    return check_bicep(types, *(path for (iac, _), path in projects.items() if iac == "bicep"))


@pytest.mark.parametrize("case", CASES)
def test_bicep_is_sound(case: str, projects: dict[tuple[str, str], Path], bicep: Found) -> None:
    found = bicep[str(projects["bicep", case])]
    assert found["mistakes"] == []
    assert len(found["resources"]) > 40


BICEP_ERRORS = {
    "syntax": ("modules/vault.bicep", "name: names.vault", "name names.vault", "parsed"),
    "type of resource": (
        "modules/vault.bicep",
        "Microsoft.KeyVault/vaults@",
        "Microsoft.KeyVault/vault@",
        "no type",
    ),
    "API version": ("modules/vault.bicep", "vaults@2024-11-01", "vaults@2019-09-01", "API version"),
    "property": (
        "modules/vault.bicep",
        "enablePurgeProtection:",
        "enablePurgeProtect:",
        "no property",
    ),
    "property that is only read": (
        "modules/vault.bicep",
        "enableSoftDelete: true",
        "hsmPoolResourceId: 'x'",
        "can only be read",
    ),
    "required": (
        "modules/vault.bicep",
        "    sku: { family: 'A', name: 'standard' }\n",
        "",
        "needs sku",
    ),
    "enumeration": ("modules/vault.bicep", "family: 'A'", "family: 'B'", "none of"),
    "boolean": (
        "modules/vault.bicep",
        "enablePurgeProtection: true",
        "enablePurgeProtection: 'true'",
        "where bool is due",
    ),
    "number": (
        "modules/events.bicep",
        "maxDeliveryAttempts: 30",
        "maxDeliveryAttempts: '30'",
        "where int is due",
    ),
    "array": (
        "modules/federation.bicep",
        "audiences: [audience]",
        "audiences: 'x'",
        "where string[] is due",
    ),
    "object": (
        "modules/workspace.bicep",
        "storageAccount: storage\n",
        "storageAccount: {}\n",
        "an object where",
    ),
    "kind of a union": (
        "modules/compute.bicep",
        "computeType: 'AmlCompute'",
        "computeType: 'AmlComputer'",
        "must be one of",
    ),
    "type known to the SDK": (
        "modules/alerts.bicep",
        "groupShortName:",
        "shortName:",
        "no property",
    ),
    "symbol": ("modules/vault.bicep", "tags: tags", "tags: labels", "not declared"),
    "function": ("modules/dashboard.bicep", "guid(", "guidd(", "no function"),
    "day of the deployment": (
        "modules/budget.bicep",
        "param start string\n",
        "param start string = utcNow('yyyy-MM-01')\n",
        "no function",
    ),
    "parameter that nobody uses": ("modules/vault.bicep", "  tags: tags\n", "", "tags is not used"),
    "decorator": ("main.bicep", "@maxLength(50)", "@maxLenght(50)", "no function"),
    "name": ("modules/vault.bicep", "names.vault", "names.valut", "names has no"),
    "path of a module": (
        "main.bicep",
        "'modules/vault.bicep'",
        "'modules/vaults.bicep'",
        "does not exist",
    ),
    "module without a parameter": (
        "main.bicep",
        "    retentionDays: retentionDays\n",
        "",
        "needs the parameter retentionDays",
    ),
    "module with an unknown one": (
        "main.bicep",
        "params: { names: names }",
        "params: { names: names, lock: true }",
        "no parameter lock",
    ),
    "module with another type": (
        "main.bicep",
        "kubernetes: kubernetes\n    managedEndpoint",
        "kubernetes: 'yes'\n    managedEndpoint",
        "of type bool",
    ),
    "output": ("main.bicep", "vault.outputs.id", "vault.outputs.uri", "no output uri"),
    "file that is read in": (
        "modules/dashboard.bicep",
        "dashboard.json",
        "dashbord.json",
        "cannot be read",
    ),
    "built-in role": ("main.bicep", "role: 'AcrPush'", "role: 'AcrPusher'", "no role"),
    "parameter file, unknown": (
        "prod.bicepparam",
        "param deleteLocks",
        "param deleteLock",
        "no parameter deleteLock",
    ),
    "parameter file, missing": (
        "prod.bicepparam",
        "param deleteLocks = true\n",
        "",
        "needs the parameter deleteLocks",
    ),
    "parameter file, type": (
        "prod.bicepparam",
        "budgetAmount = 1000",
        "budgetAmount = '1000'",
        "of type int",
    ),
    "parameter file, value": (
        "prod.bicepparam",
        "environment = 'prod'",
        "environment = 'production'",
        "one of dev, test, prod",
    ),
    "parameter file, target": (
        "prod.bicepparam",
        "using 'main.bicep'",
        "using 'mian.bicep'",
        "names no file",
    ),
}


def inject(project: Path, target: Path, name: str, old: str, new: str) -> int:
    """A copy of infra/ with one text replaced; returns the line of the replacement."""
    shutil.copytree(project / "infra", target / "infra")
    path = next((target / "infra").rglob(name))
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} does not stand in {name}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


@pytest.fixture(scope="session")
def bitten(
    projects: dict[tuple[str, str], Path], types: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """Each error injected on its own; all copies checked in one process."""
    root = tmp_path_factory.mktemp("bitten")
    for number, (name, old, new, _) in enumerate(BICEP_ERRORS.values()):
        inject(projects["bicep", "github"], root / str(number), name, old, new)
    found = check_bicep(types, *(root / str(number) for number in range(len(BICEP_ERRORS))))
    return {
        error: found[str(root / str(number))]["mistakes"]
        for number, error in enumerate(BICEP_ERRORS)
    }


@pytest.mark.parametrize("error", BICEP_ERRORS)
def test_the_checks_of_bicep_bite(error: str, bitten: dict[str, list[str]]) -> None:
    name, _, _, message = BICEP_ERRORS[error]
    assert any(re.match(rf"{name}:\d+: ", line) and message in line for line in bitten[error]), (
        bitten[error]
    )


# TERRAFORM --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def tool(projects: dict[tuple[str, str], Path]) -> Iterator[Terraform]:
    program = shutil.which("terraform")
    if program is None:
        pytest.skip("terraform is not installed here")
    scripts = python_tool("azurerm", *PROVIDER)
    folders = [
        path / "infra/terraform" for (iac, _), path in projects.items() if iac == "terraform"
    ]
    with terraform(
        program, scripts / "python", HERE / "azurerm_provider.py", scripts.parent, folders
    ) as running:
        yield running


@pytest.mark.parametrize("case", CASES)
def test_terraform_is_valid_and_plans(
    case: str, projects: dict[tuple[str, str], Path], tool: Terraform, tmp_path: Path
) -> None:
    folder = tool.prepare(projects["terraform", case], tmp_path)
    assert tool.mistakes(folder) == []
    for environment in ENVIRONMENTS:
        resources, mistakes = tool.plan(folder, environment)
        assert mistakes == []
        assert ("azurerm_kubernetes_cluster.cluster[0]" in resources) == (case == "kubernetes")
        start = "azurerm_federated_identity_credential.trust"
        trusted = [name.removeprefix(start) for name in resources if name.startswith(start)]
        home = ["delivery"]
        if environment == "prod":
            builds = ["builder"] if case in ("kubernetes", "azureml") else []
            home = [*builds, "delivery", "reader", "trainer"]
        assert sorted(trusted) == ([f'["{name}"]' for name in home] if case != "none" else [])
        locks = [name for name in resources if name.startswith("azurerm_management_lock")]
        assert len(locks) == (3 if environment == "prod" else 0)


def test_everything_optional_plans(
    projects: dict[tuple[str, str], Path], tool: Terraform, tmp_path: Path
) -> None:
    folder = tool.prepare(projects["terraform", "azureml"], tmp_path)
    more = dict.fromkeys(("private_network", "kubernetes", "delete_locks"), "true")
    group = '[{role="operator", group="00000000-0000-0000-0000-000000000001"}]'
    guests = '["00000000-0000-0000-0000-000000000002"]'
    more |= {"image_readers": guests, "data_readers": guests}
    resources, mistakes = tool.plan(folder, "prod", members=group, **more)
    assert mistakes == []
    kinds = {name.split(".")[0] for name in resources}
    assert kinds == set(terraform_checks.TYPES) | {k for k in FOLDED if k.startswith("azurerm")}
    assert resources["azurerm_storage_account.storage"]["public_network_access_enabled"] is False
    assert resources["azurerm_container_registry.registry"]["sku"] == "Premium"
    assert any(name.startswith('azurerm_role_assignment.member["operator: 0') for name in resources)
    endpoints = [name for name in resources if name.startswith("azurerm_private_endpoint.")]
    assert len(endpoints) == 6


def test_each_event_is_answered_by_an_alert(
    projects: dict[tuple[str, str], Path], tool: Terraform, tmp_path: Path
) -> None:
    """An event that nobody answers is a cost; one of each run would be noise."""
    folder = tool.prepare(projects["terraform", "github"], tmp_path)
    resources, mistakes = tool.plan(folder, "prod")
    assert mistakes == []
    subscriptions = [
        values for address, values in resources.items()
        if address.startswith("azurerm_eventgrid_system_topic_event_subscription")
    ]  # fmt: skip
    alerts = {
        values["name"].rpartition("people-")[2]: values
        for address, values in resources.items()
        if address.startswith("azurerm_monitor_metric_alert")
    }
    [events] = [one["included_event_types"] for one in subscriptions]
    assert events == ["Microsoft.MachineLearningServices.ModelRegistered"]
    [watched] = [one for one in alerts.values() if "EventGrid" in str(one["criteria"])]
    assert (watched["severity"], watched["criteria"][0]["metric_name"]) == (4, "MatchedEventCount")
    text = (projects["bicep", "github"] / "infra/bicep/modules/alerts.bicep").read_text("utf-8")
    assert "scope: targets.topic" in text and "metric: 'MatchedEventCount'" in text


LIMITS = {
    "azurerm_storage_account.storage": r"[a-z0-9]{3,24}",
    "azurerm_key_vault.vault": r"[a-z][a-z0-9-]{1,22}[a-z0-9]",
    "azurerm_container_registry.registry": r"[a-z0-9]{5,50}",
    "azurerm_machine_learning_workspace.workspace": r"[a-zA-Z0-9][\w-]{2,32}",
    "azurerm_machine_learning_compute_cluster.compute": r"[a-z][a-z0-9-]{1,15}",
    "azurerm_kubernetes_cluster.cluster[0]": r"[a-z0-9][\w-]{0,61}[a-z0-9]",
    "azurerm_eventgrid_system_topic.topic": r"[a-zA-Z0-9-]{3,50}",
    "azurerm_log_analytics_workspace.logs": r"[a-zA-Z0-9][a-zA-Z0-9-]{2,61}[a-zA-Z0-9]",
    "azurerm_consumption_budget_resource_group.budget": r"[\w-]{1,63}",
    "azurerm_resource_group.group": r"[\w.()-]{1,90}",
}


def test_the_longest_name_fits(
    projects: dict[tuple[str, str], Path], tool: Terraform, tmp_path: Path
) -> None:
    folder = tool.prepare(projects["terraform", "kubernetes"], tmp_path)
    for environment in ENVIRONMENTS:
        resources, _ = tool.plan(folder, environment)
        for address, pattern in LIMITS.items():
            assert re.fullmatch(pattern, resources[address]["name"]), resources[address]["name"]
        assert resources["azurerm_resource_group.group"]["tags"]["organization"] == ODD


def test_the_provider_is_the_one_that_was_checked(
    projects: dict[tuple[str, str], Path], tool: Terraform
) -> None:
    text = (projects["terraform", "github"] / "infra/terraform/versions.tf").read_text("utf-8")
    pinned = re.search(r'version = "~> (\d+\.\d+)"', text)
    assert pinned and tool.version.startswith(f"{pinned[1]}."), tool.version


SECOND = """  network_acls {
    bypass         = "None"
    default_action = "Deny"
  }

  network_acls {"""
TERRAFORM_ERRORS = {
    "form": ("vault.tf", "sku_name                      =", "sku_name =", "not formatted"),
    "syntax": (
        "vault.tf",
        'sku_name                      = "standard"',
        "sku_name",
        "Invalid|Unsupported|required",
    ),
    "type of resource": (
        "vault.tf",
        "azurerm_key_vault",
        "azurerm_keyvault",
        "Invalid resource type|undeclared resource",
    ),
    "argument": (
        "vault.tf",
        "purge_protection_enabled     ",
        "purge_protection             ",
        "Unsupported argument",
    ),
    "argument of an older provider": (
        "vault.tf",
        "rbac_authorization_enabled   ",
        "enable_rbac_authorization    ",
        "Unsupported argument|Missing required",
    ),
    "required": (
        "vault.tf",
        '  sku_name                      = "standard"\n',
        "",
        "Missing required argument",
    ),
    "block": ("vault.tf", "network_acls {", "network_rules {", "Unsupported block type"),
    "required block": (
        "compute.tf",
        "scale_settings {",
        "scale {",
        "Unsupported block|Insufficient scale_settings",
    ),
    "second block": ("vault.tf", "  network_acls {", SECOND, "Too many network_acls"),
    "boolean": (
        "vault.tf",
        "purge_protection_enabled      = true",
        'purge_protection_enabled      = "yes"',
        "Incorrect attribute value type",
    ),
    "number": (
        "events.tf",
        "max_delivery_attempts = 30",
        'max_delivery_attempts = "many"',
        "Incorrect attribute value type",
    ),
    "list": (
        "federation.tf",
        "[var.federation_audience]",
        "var.federation_audience",
        "Incorrect attribute value type",
    ),
    "variable": ("vault.tf", "var.retention_days", "var.retention", "undeclared input variable"),
    "reference": (
        "vault.tf",
        "azurerm_resource_group.group.name",
        "azurerm_resource_group.grp.name",
        "undeclared resource",
    ),
    "attribute": (
        "insights.tf",
        "azurerm_log_analytics_workspace.logs.id",
        "azurerm_log_analytics_workspace.logs.ident",
        "Unsupported attribute",
    ),
    "local value": ("vault.tf", "local.names.vault", "local.name.vault", "undeclared local"),
    "name": ("vault.tf", "local.names.vault", "local.names.valut", "Unsupported attribute"),
    "function": ("roles.tf", "jsondecode(", "jsonread(", "unknown function"),
    "version of Terraform": (
        "versions.tf",
        ">= 1.9.0",
        ">= 9.0.0",
        "Unsupported Terraform Core version",
    ),
}
PLAN_ERRORS = {
    "variable file, unknown": (
        "environments/prod.tfvars",
        "delete_locks    ",
        "delete_lock     ",
        "undeclared variable|No value for required",
    ),
    "variable file, missing": (
        "environments/prod.tfvars",
        "delete_locks     = true\n",
        "",
        "No value for required variable",
    ),
    "variable file, type": (
        "environments/prod.tfvars",
        "budget_amount    = 1000",
        'budget_amount    = "much"',
        "Invalid value for",
    ),
    "variable file, value": (
        "environments/prod.tfvars",
        '= "prod"',
        '= "production"',
        "Invalid value for variable",
    ),
    "file that is read in": (
        "dashboard.tf",
        "dashboard.json",
        "dashbord.json",
        "Invalid function argument|Error in function call",
    ),
    "role that is not defined": (
        "environments/prod.tfvars",
        "members = []",
        'members = [{ role = "owner", group = "x" }]',
        "Invalid index",
    ),
}


@pytest.mark.parametrize("error", TERRAFORM_ERRORS | PLAN_ERRORS)
def test_the_checks_of_terraform_bite(
    error: str, projects: dict[tuple[str, str], Path], tool: Terraform, tmp_path: Path
) -> None:
    name, old, new, message = (TERRAFORM_ERRORS | PLAN_ERRORS)[error]
    folder = tool.prepare(projects["terraform", "github"], tmp_path)
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = tool.mistakes(folder) if error in TERRAFORM_ERRORS else tool.plan(folder, "prod")[1]
    assert any(re.search(message, line) for line in found), found
    assert error in PLAN_ERRORS or any(
        line.startswith(name) or name[:-3] in line for line in found
    ), found


# POLICY -----------------------------------------------------------------------------------


def scan(root: Path, iac: str) -> tuple[dict[str, int], list[str]]:
    """Checkov's counts, and its findings as `file:line: check`."""
    program = python_tool("checkov", CHECKOV) / "checkov"
    words = [program, "--directory", root, "--framework", iac, "--skip-download", "--compact"]
    done = subprocess.run([*words, "--output", "json"], capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    found = [
        f"{item['file_path'].lstrip('/')}:{item['file_line_range'][0]}: {item['check_id']}"
        for item in report["results"]["failed_checks"]
    ]
    return report["summary"], found


WEAK = {
    "bicep": (
        "modules/vault.bicep",
        "enablePurgeProtection: true",
        "enablePurgeProtection: false",
        "CKV_AZURE_110",
    ),
    "terraform": (
        "vault.tf",
        "purge_protection_enabled      = true",
        "purge_protection_enabled      = false",
        "CKV_AZURE_110",
    ),
}


@pytest.mark.parametrize("iac", WEAK)
def test_the_policy_scan_finds_nothing_but_what_is_injected(
    iac: str, projects: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    project = projects[iac, "kubernetes"]
    shutil.copytree(project / "infra", tmp_path / "sound/infra")
    name, old, new, check = WEAK[iac]
    inject(project, tmp_path / "weak", name, old, new)
    summary, found = scan(tmp_path, iac)
    assert summary["parsing_errors"] == 0 and summary["resource_count"] > 90
    assert [line for line in found if not line.startswith("weak/")] == []
    assert {line.split(": ")[1] for line in found} >= {check}
    assert all(name in line for line in found)


@pytest.mark.parametrize("iac", WEAK)
def test_every_exception_has_its_reason(iac: str, projects: dict[tuple[str, str], Path]) -> None:
    files = [p for p in (projects[iac, "kubernetes"] / "infra").rglob("*") if p.is_file()]
    skips = [
        line
        for path in files
        for line in path.read_text(encoding="utf-8").splitlines()
        if "checkov:skip" in line
    ]
    assert skips and all(re.search(r"skip=CKV2?_AZURE_\d+:\S.{8,}", line) for line in skips)


# BOTH -------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_both_languages_create_the_same(
    case: str, projects: dict[tuple[str, str], Path], bicep: Found
) -> None:
    ours = {(kind, name) for kind, name in bicep[str(projects["bicep", case])]["resources"]}
    theirs = terraform_checks.inventory(projects["terraform", case] / "infra/terraform")
    assert {(kind, name) for kind, name in ours if kind not in FOLDED} == {
        (kind, camel(name)) for kind, name in theirs if kind not in FOLDED
    }


def settings(path: Path, mark: str) -> dict[str, str]:
    """Name -> text of every value of one line in a parameter file."""
    lines = re.findall(rf"(?m)^{mark}(\w+) *= ([^{{\n]+|{{}})$", path.read_text(encoding="utf-8"))
    return {camel(name): value.strip().replace("'", '"') for name, value in lines}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("case", CASES)
def test_both_languages_have_the_same_settings(
    case: str, environment: str, projects: dict[tuple[str, str], Path]
) -> None:
    ours = settings(projects["bicep", case] / f"infra/bicep/{environment}.bicepparam", "param ")
    path = projects["terraform", case] / f"infra/terraform/environments/{environment}.tfvars"
    assert ours == settings(path, "") and len(ours) > 15


def test_both_languages_grant_the_same(projects: dict[tuple[str, str], Path]) -> None:
    main = (projects["bicep", "github"] / "infra/bicep/main.bicep").read_text("utf-8")
    access = (projects["terraform", "github"] / "infra/terraform/access.tf").read_text("utf-8")
    ours = re.findall(r"identity: identities\.outputs\.(\w+), role: '(.+?)'", main)
    theirs = re.findall(r'\["(\w+)", "(.+?)"\]', access)
    assert sorted(ours) == sorted(theirs) and len(ours) > 14
    table = json.loads(
        (projects["bicep", "github"] / "infra/bicep/modules/builtin.json").read_text("utf-8")
    )
    files = (projects["terraform", "github"] / "infra/terraform").glob("*.tf")
    named = set(
        re.findall(r'role_definition_name = "(.+?)"', "".join(p.read_text("utf-8") for p in files))
    )
    bicep = "".join(
        p.read_text("utf-8") for p in (projects["bicep", "github"] / "infra/bicep").rglob("*.bicep")
    )
    used = {name for name in table if f"'{name}'" in bicep or f"builtin.{name}" in bicep}
    assert used == set(table) and named <= set(table)
    assert {role for _, role in theirs} | named | {
        "Azure Kubernetes Service Cluster User Role", "Azure Kubernetes Service RBAC Admin"
    } == set(table)  # fmt: skip


def test_roles_are_least_privilege(projects: dict[tuple[str, str], Path]) -> None:
    roles = json.loads((projects["bicep", "github"] / "infra/roles.json").read_text("utf-8"))
    by_name = {role["name"]: role for role in roles}
    assert set(by_name) == {"data scientist", "ML engineer", "model validator", "operator"}
    for role in roles:
        for action in role["actions"] + role["dataActions"]:
            assert re.match(r"Microsoft\.\w+/\w+", action), action
            assert not action.startswith("Microsoft.Authorization"), action
    deploys = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments/write"
    changes = "Microsoft.MachineLearningServices/workspaces/write"
    keys = "Microsoft.MachineLearningServices/workspaces/listKeys/action"
    trains = "Microsoft.MachineLearningServices/workspaces/jobs/write"
    judges = "Microsoft.MachineLearningServices/workspaces/models/versions/write"
    may = {
        name: {a for a in (deploys, changes, keys, trains, judges) if allows(role, a)}
        for name, role in by_name.items()
    }
    assert may == {
        "data scientist": {trains, judges},
        "ML engineer": {deploys, trains, judges},
        "model validator": {trains, judges},
        "operator": set(),
    }
    data = {
        name: {a.rsplit("/", 1)[1] for a in role["dataActions"] if "blobs" in a}
        for name, role in by_name.items()
    }
    assert data["operator"] == set() and data["model validator"] == {"read"}


def allows(role: dict[str, Any], action: str) -> bool:
    def covers(patterns: list[str]) -> bool:
        return any(re.fullmatch(re.escape(p).replace(r"\*", ".*"), action) for p in patterns)

    return covers(role["actions"]) and not covers(role["notActions"])
