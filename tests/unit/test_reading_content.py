"""Jenkins, CircleCI, Terraform, Bicep, Azure ML and MLflow: facts, and what checks say of them."""

import time

import pytest

from tdsp.check.run import check_repository
from tdsp.reading import read_texts
from tdsp.reading.workflows import Workflow

TESTS = {"tests/test_a.py": "def test_a():\n    assert 1 == 1\n", "a.py": "x = 1\n"}
JENKINS = """\
// stage('no') { sh 'no' }
pipeline {
  agent { docker { image 'python:3.12' } }
  triggers { cron('H 4 * * 1') }
  stages {
    stage('Test') {
      steps {
        sh 'pytest -q' // sh 'no'
        sh '''
          ruff check .
          mypy {src}
        '''
      }
    }
    stage("Train") {
      steps {
        catchError(buildResult: 'SUCCESS') {
          sh "python src/train.py"
        }
        sh(script: 'python gate.py', returnStatus: true)
        script { def code = sh(returnStatus: true, script: 'make test') }
      }
    }
    /* stage('no') { sh 'no' } */
    stage('Deploy') {
      agent { docker { image 'alpine:3' } }
      input { message 'Deploy?' }
      steps { sh 'kubectl apply -f k8s' }
    }
  }
}
"""
CIRCLE = """\
version: 2.1
orbs: {python: circleci/python@2}
commands:
  prepare:
    steps:
      - run: pip install .
      - again
  again:
    steps: [prepare]
jobs:
  test:
    docker: [{image: 'cimg/python:3.12'}]
    steps:
      - checkout
      - prepare
      - python/install-packages: {pkg-manager: pip}
      - run:
          name: Tests
          command: |
            pytest -q || true
      - when: {condition: true, steps: [{run: mypy src}]}
  deploy:
    machine: {image: 'ubuntu-2204:current'}
    steps: [{run: helm upgrade app chart}]
workflows:
  main:
    triggers: [{schedule: {cron: '0 4 * * *'}}]
    jobs: [test, {hold: {type: approval}}, {deploy: {requires: [hold]}}]
"""


def flow(path: str, text: str) -> Workflow:
    (found,) = read_texts({path: text}).workflows
    return found


def outcomes(texts: dict[str, str], *names: str) -> list[str]:
    report = check_repository(read_texts(dict(texts)))
    assert not [e.reason for e in report.results if e.reason.startswith("the check itself")]
    return [next(e.outcome for e in report.results if e.check.id == name) for name in names]


def places(texts: dict[str, str], name: str) -> list[tuple[str, int]]:
    report = check_repository(read_texts(dict(texts)))
    marks = next(e.marks for e in report.results if e.check.id == name)
    return [(mark.path, mark.line) for mark in marks]


def test_a_jenkinsfile_is_read_by_its_text() -> None:
    found = flow("Jenkinsfile", JENKINS)
    assert found.host == "jenkins"
    assert found.triggers == {"push", "schedule"}
    assert [(job.name, job.image, job.manual) for job in found.jobs] == [
        ("Test", "python:3.12", False),
        ("Train", "python:3.12", False),
        ("Deploy", "alpine:3", True),
    ]
    lines = JENKINS.split("\n")
    for step in found.steps:
        first = next(line for line in step.run.split("\n") if line.strip())
        assert first.strip() in lines[step.run_line - 1], step
    soft = {step.run.strip(): step.soft for step in found.steps if step.soft}
    assert soft == {
        "python src/train.py": "catchError: ?",
        "python gate.py": "returnStatus: ?",
        "make test": "returnStatus: ?",
    }
    assert not any("no" in step.run.split() for step in found.steps)


def test_checks_judge_jenkins() -> None:
    texts = TESTS | {"Jenkinsfile": JENKINS}
    assert outcomes(texts, "CI01", "CI08", "CI10") == ["pass", "pass", "fail"]
    assert places(texts, "CI01") == [("Jenkinsfile", 8)]
    hidden = JENKINS.replace("pytest -q'", "pytest -q || true'")
    assert outcomes(TESTS | {"Jenkinsfile": hidden}, "CI03") == ["fail"]
    without = JENKINS.replace("      input { message 'Deploy?' }\n", "")
    assert outcomes(TESTS | {"ci/Jenkinsfile.release": without}, "CI08") == ["unknown"]
    assert outcomes(TESTS | {"Jenkinsfile": "pipeline { }"}, "CI01") == ["fail"]


def test_circleci_is_read_with_its_own_commands() -> None:
    found = flow(".circleci/config.yml", CIRCLE)
    assert found.host == "circleci"
    assert found.triggers == {"push", "schedule"}
    test, deploy = found.jobs
    assert [step.run or step.uses for step in test.steps] == [
        "checkout", "pip install .", "prepare", "python/install-packages",
        "pytest -q || true\n", "mypy src",
    ]  # fmt: skip
    assert (test.image, test.manual) == ("cimg/python:3.12", False)
    assert (deploy.image, deploy.manual) == ("ubuntu-2204:current", True)


def test_checks_judge_circleci() -> None:
    texts = TESTS | {".circleci/config.yml": CIRCLE}
    assert outcomes(texts, "CI01", "CI03", "CI08", "IN02") == ["pass", "fail", "pass", "pass"]
    assert places(texts, "CI03") == [(".circleci/config.yml", 20)]
    free = CIRCLE.replace("{hold: {type: approval}}, {deploy: {requires: [hold]}}", "deploy")
    assert outcomes(TESTS | {".circleci/config.yml": free}, "CI08") == ["fail"]


@pytest.mark.parametrize(
    "text",
    [
        "jobs: [1]\n",
        "jobs: {a: 1, b: {steps: 3}, c: {steps: [1, {run: [1]}, {run: {command: {}}}, null]}}\n",
        "jobs: {a: {docker: [1], machine: 3, steps: [{when: 3}]}}\nworkflows: [1]\ncommands: 3\n",
        "jobs: {a: {steps: [x]}}\ncommands: {x: {steps: [y]}, y: {steps: [x]}}\n"
        "workflows: {m: {jobs: [a, {b: 3}, {a: {requires: 1}}]}, n: 3}\n",
    ],
)
def test_an_odd_configuration_of_circleci_breaks_nothing(text: str) -> None:
    outcomes(TESTS | {".circleci/config.yml": text}, "CI01")


@pytest.mark.parametrize(
    "text",
    ["stage(", "}" * 1000, "stage('a') { sh '''", "sh 'a\\", "/*", '"""', "{" * 100_000,
     "sh x: " * 200_000, "input " * 200_000, "sh '" * 300_000, "stage(" * 200_000],
)  # fmt: skip
def test_an_odd_jenkinsfile_breaks_nothing_and_costs_little(text: str) -> None:
    started = time.process_time()
    outcomes(TESTS | {"Jenkinsfile": text}, "CI01")
    assert time.process_time() - started < 10


def test_terraform_and_bicep_by_text() -> None:
    repo = read_texts(
        {
            "infra/main.tf": '/*\nresource "no" "no" {}\n*/\n# resource "no" "no" {}\n'
            'resource "azurerm_storage_account" "data" {\n}\nmodule "net" {\n}\n',
            "infra/main.bicep": "param a string\n"
            "resource ws 'Microsoft.MachineLearningServices/workspaces@2024-04-01' = {\n}\n"
            "resource kv 'Microsoft.KeyVault/vaults@2023-07-01' existing = {\n}\n"
            "module net './net.bicep' = {\n}\n",
            "infra/variables.tf": 'variable "a" {}\n',
        }
    )
    assert [(e.path, e.line, e.kind, e.name) for e in repo.resources] == [
        (
            "infra/main.bicep",
            2,
            "Microsoft.MachineLearningServices/workspaces",
            "ws",
        ),
        ("infra/main.bicep", 6, "./net.bicep", "net"),
        ("infra/main.tf", 5, "azurerm_storage_account", "data"),
        ("infra/main.tf", 7, "net", "net"),
    ]
    deploys = {".circleci/config.yml": CIRCLE.replace("helm upgrade app chart", "az webapp deploy")}
    assert outcomes(deploys, "IN02") == ["fail"]
    assert outcomes(deploys | {"variables.tf": 'variable "a" {}\n'}, "IN02") == ["fail"]
    made = {"a/main.tf": '\nresource "a" "b" {\n}\n'}
    assert places(deploys | made, "IN02") == [("a/main.tf", 2)]


DEPLOYMENT = (
    "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json\n"
    "name: blue\nmodel: {}\n"
)


@pytest.mark.parametrize(
    ("model", "outcome"),
    [
        ("azureml:credit@latest", "fail"),
        ("azureml:credit:3", "pass"),
        ("azureml://registries/a/models/b/versions/3", "pass"),
        ("azureml:credit:${{VERSION}}", "not applicable"),
        ("{path: ./model}", "not applicable"),
    ],
)
def test_the_model_of_an_azure_ml_deployment(model: str, outcome: str) -> None:
    texts = {"deploy/blue.yml": DEPLOYMENT.format(model)}
    (found,) = read_texts(dict(texts)).azureml
    assert found.kind == "managedOnlineDeployment"
    assert outcomes(texts, "MO04") == [outcome]
    if outcome != "not applicable":
        assert places(texts, "MO04") == [("deploy/blue.yml", 3)]


def test_what_mlflow_has_saved() -> None:
    text = (
        "flavors:\n  sklearn: {}\n  python_function: {}\nrun_id: abc\nsignature:\n  inputs: '[]'\n"
    )
    repo = read_texts({"model/MLmodel": text, "other/MLmodel": "flavors: 3\n"})
    (found,) = repo.saved
    assert found.flavours == ("sklearn", "python_function")
    assert (found.path, found.line, found.signature, found.run) == ("model/MLmodel", 5, True, "abc")
