"""Tell people what happened, in Slack, in Teams or by e-mail: what the environment names.

NOTIFY_SLACK_URL and NOTIFY_TEAMS_URL (a Workflows webhook) are secret addresses. NOTIFY_EMAIL,
one or more addresses with commas between, goes through SMTP_URL: smtp:// or
smtps://user:password@host:port. With nothing set nobody is told.
"""

import html
import json
import os
import smtplib
import ssl
import sys
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ..errors import ProjectError

SECONDS = 5.0  # that a receiver has to answer
LONGEST = 3000  # characters of the text; receivers refuse very long ones
LOCAL = ("localhost", "127.0.0.1", "::1")


def send(title: str, text: str) -> None:
    """Tell every receiver. Never raises: what fails is a warning, without the secret address."""
    title, text = " ".join(title.split()), text[:LONGEST]
    for name, deliver in RECEIVERS.items():
        if address := os.environ.get(name):
            try:
                deliver(address, title, text)
            except Exception as error:
                sys.stderr.write(f"warning: {name} was not told {title!r}: {_why(error)}\n")


def _why(error: Exception) -> str:
    """Name the error without its own words, in which the address or the password can stand."""
    if isinstance(error, ProjectError):
        return str(error)
    code = getattr(error, "code", None) or getattr(error, "smtp_code", None)
    cause = getattr(error, "reason", None)
    name = type(cause if isinstance(cause, Exception) else error).__name__
    return f"answer {code}" if isinstance(code, int) else name


def _slack(url: str, title: str, text: str) -> None:
    _post(url, {"text": html.escape(f"*{title}*\n{text}", quote=False)})


def _teams(url: str, title: str, text: str) -> None:
    heading = {"type": "TextBlock", "text": title, "weight": "bolder", "wrap": True}
    lines = [{"type": "TextBlock", "text": line, "wrap": True} for line in text.splitlines()]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [heading, *lines],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    _post(url, {"type": "message", "attachments": [attachment]})


class _Stay(HTTPRedirectHandler):
    """A redirected POST would arrive as an empty GET, and count as delivered."""

    def redirect_request(self, *_: object) -> None:
        return None


def _post(url: str, content: dict[str, Any]) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and (parts.scheme, parts.hostname in LOCAL) != ("http", True):
        raise ProjectError("it is not an https:// address")
    request = Request(  # noqa: S310  the scheme was looked at
        url, json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    build_opener(_Stay).open(request, timeout=SECONDS).close()


def _email(addresses: str, title: str, text: str) -> None:
    server, tls = urlsplit(os.environ.get("SMTP_URL", "")), ssl.create_default_context()
    if server.scheme not in ("smtp", "smtps") or not server.hostname:
        raise ProjectError("SMTP_URL is not smtp:// or smtps://user:password@host:port")
    user, password = unquote(server.username or ""), unquote(server.password or "")
    message = EmailMessage()
    message["Subject"], message["To"] = title, addresses
    message["From"] = user if "@" in user else addresses.partition(",")[0]
    message.set_content(text)
    if server.scheme == "smtps":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            server.hostname, server.port or 465, timeout=SECONDS, context=tls
        )
    else:
        smtp = smtplib.SMTP(server.hostname, server.port or 587, timeout=SECONDS)
    with smtp:
        smtp.ehlo_or_helo_if_needed()
        if smtp.has_extn("starttls"):
            smtp.starttls(context=tls)
        elif user and server.scheme == "smtp" and server.hostname not in LOCAL:
            raise ProjectError("the server has no TLS: the password was not sent")
        if user:
            smtp.login(user, password)
        if smtp.send_message(message):
            raise ProjectError("the server refused some of the addresses")


RECEIVERS = {"NOTIFY_SLACK_URL": _slack, "NOTIFY_TEAMS_URL": _teams, "NOTIFY_EMAIL": _email}
