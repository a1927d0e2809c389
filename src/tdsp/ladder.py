"""The scales of maturity: which checks and which questions stand for which step, in one place.

`tdsp check` proves steps from files, `tdsp assess` asks people, and both read this table. The forms
of a project, docs/governance/maturity.yaml, have these levels, areas and questions.
"""

from dataclasses import dataclass, field

FORM = "docs/governance/maturity.yaml"
Levels = dict[int, tuple[str, ...]]
# https://learn.microsoft.com/azure/architecture/ai-ml/guide/mlops-maturity-model
LEVELS = (
    "No MLOps",
    "DevOps but no MLOps",
    "Automated training",
    "Automated model deployment",
    "Full MLOps automated operations",
)


@dataclass(frozen=True, slots=True)
class Area:
    """An area of the scale: the checks of each level, and the questions that people answer.

    `records` are the levels that only a deed reaches: files that could do it are a lower step.
    """

    checks: Levels = field(default_factory=dict)
    questions: tuple[str, ...] = ()
    records: dict[int, str] = field(default_factory=dict)


# What was done, as files show it. A fresh project has none of it, whatever its workflows could do.
RECORDS = {
    "trained": "a run of training on record, such as dvc.lock, a metrics file or an MLmodel file",
    "released": "a registered or deployed model on record: a file that names its version",
}
AREAS: dict[str, Area] = {
    "People": Area(questions=("collaboration", "on-call")),
    "Model creation": Area(
        {
            1: ("TR15",),
            2: ("TR01", "DA02", "EV03", "SC02"),
            3: ("CI07", "EV05"),
            4: ("MN05", "MN03"),
        },
        ("data", "experiments", "training", "features"),
        {3: "trained", 4: "released"},
    ),
    "Model release": Area(
        {1: ("CI02",), 2: ("CI01", "EV05"), 3: ("CI08", "CI10"), 4: ("MN02", "MN03")},
        ("validation", "registry", "release"),
        {3: "released", 4: "released"},
    ),
    "Application integration": Area(
        {
            1: ("CI02",),
            2: ("CI01", "CI03"),
            3: ("MO08", "SE01", "SE04"),
            4: ("MN01", "MN02"),
        },
        ("tests", "dependence"),
        {3: "released", 4: "released"},
    ),
    "Operation": Area(questions=("monitoring", "rollback")),  # ours, beside Microsoft's
}
# https://cloud.google.com/architecture/mlops-continuous-delivery-and-automation-pipelines-in-machine-learning
GOOGLE: Levels = {
    1: ("TR15", "CI07", "DA02", "DA05", "DA06", "EV05", "MN05"),
    2: ("CI01", "CI02", "CI03", "CI08", "MN02", "MN03"),
}
GOOGLE_RECORDS = {2: "released"}
# What a fresh project of each level reaches: Microsoft's level, of the lowest area, and Google's.
# The same with `ci: none`, at each level: nobody is seen to run the tests.
FRESH = {"train": (2, 0), "operate": (2, 1), "govern": (2, 1)}
FRESH_WITHOUT_CI = (1, 0)
SECTIONS = {"D": "Data", "M": "Model", "I": "Infrastructure", "O": "Monitoring"}
# Breck et al., The ML Test Score (2017).
ITEMS = {
    "D1": "a schema holds what is expected of each feature",
    "D2": "every feature helps",
    "D3": "no feature costs too much",
    "D4": "features keep the rules of the organisation",
    "D5": "the pipeline protects personal data",
    "D6": "a new feature is quickly added",
    "D7": "the code of the features is tested",
    "M1": "changes of the model are reviewed",
    "M2": "offline figures follow online results",
    "M3": "hyper-parameters are tuned",
    "M4": "the effect of a stale model is known",
    "M5": "a simpler model is not better",
    "M6": "the model is good on each important slice",
    "M7": "the model treats groups fairly",
    "I1": "training can be repeated",
    "I2": "the code of the model is tested",
    "I3": "the whole pipeline is tested",
    "I4": "quality is checked before serving",
    "I5": "one example can be followed step by step",
    "I6": "a new model answers a few before it answers all",
    "I7": "a model can be taken back",
    "O1": "changes of what it depends on are noticed",
    "O2": "inputs keep what training relied on",
    "O3": "training and serving compute the same",
    "O4": "the model is not too old",
    "O5": "answers are numbers that make sense",
    "O6": "speed and memory do not get worse",
    "O7": "the quality of answers is watched",
}
# What no file shows. Breck et al. give half a point for what is done by hand and written down.
ASKED = {
    "D2": "Is each feature known to help the model?",
    "D3": "Is each feature worth what it costs to have?",
    "D6": "Is a new feature in use within weeks?",
    "M2": "Do the figures on test rows go with the results in use?",
    "M4": "Is it known what an old model costs?",
    "I6": "Does a new model answer a few before it answers all?",
    "O7": "Is the quality of the answers in use looked at?",
}
PRINCIPLES = {
    "P1": "code, data and outputs are versioned",
    "P2": "several environments",
    "P3": "infrastructure and configuration as code",
    "P4": "experiments are tracked",
    "P5": "code, data and models are tested",
    "P6": "continuous integration, delivery and training",
    "P7": "models are monitored",
}
# Items and principles that are kept by a model in use: without one there is nothing to keep.
IN_USE = {"I7": "released", "O4": "released", "P7": "released"}
# What each level of a tdsp project brings: `tdsp grow` is then the shortest way.
BRINGS = {
    "operate": frozenset(
        (
            "MN01",
            "MN02",
            "MN03",
            "MN05",
            "CI07",
            "CI08",
            "CI10",
            "EV04",
            "MO05",
            "PR03",
        )
    ),
    "govern": frozenset({"PR01"}),
}
# What an answer brings to a project of level operate or govern.
ANSWERED = {"EV08": "responsible_ai=yes", "EV09": "responsible_ai=yes"}
