"""Tell people what happened, at the addresses that NOTIFY_URLS holds.

They are apprise's: for Slack, Teams, e-mail and over a hundred other services, with white space or
commas between. They hold tokens and passwords, so none is ever printed. With none nobody is told.
"""

import os
import re
import sys
from collections.abc import Iterator
from typing import Any

from .. import paths

SECONDS = 20.0  # that all receivers together have; apprise gives a connection and an answer 4 each
LONGEST = 3000  # characters of the text; receivers refuse very long ones
LOCAL = ("localhost", "127.0.0.1", "::1")


def send(title: str, text: str) -> bool:
    """Tell every receiver; return whether there is one.

    Never raises: what fails is a warning, without the secret address.
    """
    title, text = " ".join(title.split()), text[:LONGEST]
    if addresses := os.environ.get("NOTIFY_URLS", "").strip():
        try:
            failures = [*_deliver(addresses, title, text)]
        except Exception as error:  # whose own words may hold an address
            failures = [f"nobody was told: {type(error).__name__}"]
        for failure in failures:
            sys.stderr.write(f"warning: NOTIFY_URLS, {title!r}: {failure}\n")
    return bool(addresses)


def _deliver(addresses: str, title: str, text: str) -> Iterator[str]:
    """Send, and say whom it did not reach: by kind and cause, which hold no secret."""
    from apprise import Apprise, AppriseAsset, NotifyFormat

    # A redirected POST would arrive as an empty GET, and count as delivered. The picture would be
    # fetched from apprise's own place by who reads the message.
    asset = AppriseAsset(app_id=paths.PROJECT, image_url_mask="", http_redirects=False)
    everyone = Apprise(asset=asset)
    if not everyone.add(addresses) or "://" not in re.split(r"[,\s]", addresses)[0]:
        yield "apprise does not know one of the addresses"
    for number, receiver in reversed([*enumerate(everyone)]):
        if instead := _in_the_clear(receiver):
            everyone.pop(number)
            yield f"{receiver.schema}:// would send in the clear; take {instead}://"
    if not len(everyone):
        return
    for result in everyone.notify(text, title, body_format=NotifyFormat.TEXT, timeout=SECONDS):
        if not result:
            answer = re.search(r"\berror=(\d{3})\b", " ".join(map(str, result.logs())))
            cause = f"answer {answer[1]}" if answer else result.status.name.lower()
            yield f"{result.name} was not told: {cause}"


def _in_the_clear(receiver: Any) -> str | None:
    """Name the encrypted variant of what is not encrypted, if it leaves the machine."""
    plain, safe = receiver.protocol or (), receiver.secure_protocol
    names = (plain,) if isinstance(plain, str) else plain
    if receiver.schema not in names or not safe or receiver.host in LOCAL:
        return None
    return str(safe if isinstance(safe, str) else safe[0])
