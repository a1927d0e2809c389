"""Signed tags: made with the key that git is set up for, verified against keys in this repository.

SSH keys stand in docs/governance/allowed_signers, PGP keys in docs/governance/pgp/E-MAIL.asc. What
is in no such file proves nothing, whatever the keyring of this machine says.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path("docs/governance")

SIGNERS, PGP = FOLDER / "allowed_signers", FOLDER / "pgp"
HOW = f"""git has no key to sign with. With an SSH key, once:
  git config gpg.format ssh
  git config user.signingkey ~/.ssh/id_ed25519.pub
  echo "$(git config user.email) namespaces=\\"git\\" $(cat ~/.ssh/id_ed25519.pub)" >> {SIGNERS}
With PGP: git config user.signingkey KEY-ID; gpg --armor --export KEY-ID > {PGP}/E-MAIL.asc
Have the changed file merged by a pull request before the first approval."""


class ApprovalError(Exception):
    """Something that people can put right, told in full."""


def git(*words: str, env: Mapping[str, str] | None = None) -> str:
    """Return what git prints, on both channels. Raises ApprovalError when it fails."""
    command = ["git", *words]
    try:
        done = subprocess.run(  # noqa: S603  no shell, and the arguments are ours
            command,
            env={**os.environ, "LC_ALL": "C", **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise ApprovalError(f"git: {error}") from None
    if done.returncode:
        raise ApprovalError(f"git {words[0]}: {done.stdout.strip() or 'failed'}")
    return done.stdout


def config(name: str) -> str:
    """Return a setting of git, empty where there is none."""
    return git("config", "--default", "", "--get", name).strip()


def identity() -> str:
    """Name who signs here. Raises ApprovalError, which says how, when there is no key."""
    if not config("user.signingkey") and not config("gpg.ssh.defaultKeyCommand"):
        raise ApprovalError(HOW)
    found = re.search(r"<([^>]+)>", git("var", "GIT_COMMITTER_IDENT"))
    if not found:
        raise ApprovalError("git does not know your e-mail address: git config user.email")
    return found[1]


def message(tag: str) -> str:
    """Return the text that the signature of a tag covers."""
    ref = f"refs/tags/{tag}"
    if not git("tag", "--list", tag).strip():
        raise ApprovalError(f"the tag {tag} is not here: `git fetch --tags`, or nobody signed")
    if git("cat-file", "-t", ref).strip() != "tag":
        raise ApprovalError(f"the tag {tag} carries no signature")
    return re.split(r"(?m)^-----BEGIN (?:SSH|PGP) SIGNATURE-----$", git("cat-file", "tag", ref))[0]


def verify(tag: str, who: str) -> None:
    """Raise ApprovalError unless a key of this person, kept in the repository, signed the tag."""
    signed = git("cat-file", "tag", f"refs/tags/{tag}").removeprefix(message(tag))
    if not signed:
        raise ApprovalError(f"the tag {tag} carries no signature")
    if signed.startswith("-----BEGIN SSH"):
        _verify_ssh(tag, who)
    else:
        _verify_pgp(tag, who)


def _verify_ssh(tag: str, who: str) -> None:
    keys = f"gpg.ssh.allowedSignersFile={SIGNERS.resolve()}"
    said = _said(tag, who, "-c", keys)
    if not re.search(rf'(?m)^Good "git" signature for {re.escape(who)} with ', said):
        raise ApprovalError(f"{_not(tag, who)}: {said.strip()}")


def _verify_pgp(tag: str, who: str) -> None:
    key = PGP / f"{who}.asc"
    if "/" in who or not key.is_file():
        raise ApprovalError(f"the tag {tag} is signed with PGP, but {key} is not there")
    with tempfile.TemporaryDirectory(prefix="gpg") as home:  # a keyring with this one person
        command = ["gpg", "--homedir", home, "--batch", "--quiet", "--import", str(key.resolve())]
        try:
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603
        except (OSError, subprocess.CalledProcessError) as error:
            raise ApprovalError(f"{key} cannot be imported: {error}") from None
        said = _said(tag, who, env={"GNUPGHOME": home})
    if not re.search(r"(?m)^\[GNUPG:\] GOODSIG ", said):
        raise ApprovalError(f"{_not(tag, who)}: {said.strip()}")


def _said(tag: str, who: str, *words: str, env: Mapping[str, str] | None = None) -> str:
    """Return what git says of a good signature. Raises ApprovalError for any other."""
    try:
        return git(*words, "verify-tag", "--raw", f"refs/tags/{tag}", env=env)
    except ApprovalError as error:
        raise ApprovalError(f"{_not(tag, who)}: {str(error).splitlines()[-1]}") from None


def _not(tag: str, who: str) -> str:
    return f"no key of {who} in {FOLDER} made the signature of {tag}"
