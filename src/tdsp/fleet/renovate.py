"""A Renovate preset, for those who let Renovate carry the template's updates to their projects."""

import json
from typing import Any

# Read in the published packages: 44.42.0 commits conflict markers and stays green, 44.56.1 fails
# the status `renovate/artifacts` (renovatebot/renovate#45433), and so does 44.121.2. The preset is
# valid by the renovate-schema.json of 44.121.2; a key that is added here has to be tried by it.
NEEDED = "44.56.1"
SCHEMA = "https://docs.renovatebot.com/renovate-schema.json"


def preset(template: str = "") -> dict[str, Any]:
    """Return the preset; `template` narrows it to one template's address."""
    rule: dict[str, Any] = {
        "description": [
            "One request for each release of the template; nobody merges it unseen.",
            f"Conflict policy: needs Renovate {NEEDED} or newer, which fails renovate/artifacts"
            " when copier leaves a conflict. Make that status required: an older one commits"
            " conflict markers and stays green.",
        ],
        "matchManagers": ["copier"],
        "automerge": False,
        "branchTopic": "template",
        "commitMessageTopic": "template {{depName}}",
        "dependencyDashboardApproval": False,
        "labels": ["template"],
        # Tags of git have no time that Renovate knows; any age, a project's own too, would keep
        # each release back for ever.
        "minimumReleaseAge": None,
        "rebaseWhen": "conflicted",
        "schedule": ["before 6am on monday"],
    }
    if template:
        rule["matchPackageNames"] = [template]
    return {
        "$schema": SCHEMA,
        "description": f"Updates of a copier template. Renovate {NEEDED} or newer.",
        "constraints": {"copier": ">=9.18"},
        "copier": {"enabled": True, "ignoreScripts": True},
        "prConcurrentLimit": 5,
        "prHourlyLimit": 2,
        "packageRules": [rule],
    }


def text(template: str = "") -> str:
    """Return the preset as a file."""
    return json.dumps(preset(template), indent=2, ensure_ascii=False) + "\n"
