"""Known vulnerabilities in the locked versions: `poe audit`, online; not to know is a failure.

A package that the service does not know is an error, never a pass. An advisory that does not affect
the project is accepted by a line of expiry.yaml that has its number (GHSA-..., CVE-..., PYSEC-...)
as `pin`, the reason under `do`, and a day of `review`.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from tools.expiry import ADVISORY, MANIFEST, Pin, read
from tools.sources import SourceError

LOCK = "requirements.lock"
GROUP = "It is in the group `audit`: uv run --group audit poe audit"
MIRROR = (
    "Behind a proxy or offline, name a mirror of OSV: PIP_AUDIT_VULNERABILITY_SERVICE=osv"
    " PIP_AUDIT_OSV_URL=https://.../v1/query"
)


class AuditError(Exception):
    """The audit could not be made, or has no answer for a package."""


def accepted(pins: Iterable[Pin], today: date) -> list[str]:
    """Return the advisories that the manifest accepts today."""
    return [pin.pin for pin in pins if ADVISORY.match(pin.pin) and pin.until >= today]


def audit(lock: str, ignored: list[str]) -> list[dict[str, Any]]:
    """Return every locked package with its `vulns`. Raises AuditError."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", lock, "--require-hashes"]
    command += ["--disable-pip", "--format", "json", "--desc", "off", "--progress-spinner", "off"]
    command += [f"--ignore-vuln={name}" for name in ignored]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        output = done.stderr.strip().splitlines() or ["pip-audit printed nothing"]
        way_out = GROUP if output[-1].endswith("No module named pip_audit") else MIRROR
        raise AuditError(f"the audit could not be made: {output[-1]}\n{way_out}") from None
    if unknown := [package["name"] for package in packages if "skip_reason" in package]:
        names = f"{', '.join(unknown[:5])}{', ...' if len(unknown) > 5 else ''}"
        raise AuditError(f"the service does not know {len(unknown)} packages ({names})\n{MIRROR}")
    return packages


def main() -> int:
    """Print the vulnerabilities; return 1 if there are any, or if nothing can be known."""
    try:
        packages = audit(LOCK, accepted(read(Path(MANIFEST)), date.today()))
    except (AuditError, SourceError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    weak = [(package, found) for package in packages for found in package["vulns"]]
    for package, found in weak:
        names = ", ".join([found["id"], *found["aliases"]])
        fixed = ", ".join(found["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {names}; fixed in {fixed}")
    print(f"{len(packages)} locked packages, {len(weak)} known vulnerabilities")
    return 1 if weak else 0


if __name__ == "__main__":
    sys.exit(main())
