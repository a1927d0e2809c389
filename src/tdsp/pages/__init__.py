"""Pages that people open in a browser: one file each, which loads nothing and runs only its own.

All texts of a repository are escaped by jinja2; signs that would steer a page or turn its text
around are replaced. A content security policy allows the page's own style and script by digest.
"""

import base64
import hashlib
import json
import math
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import jinja2
from markupsafe import Markup, escape

from tdsp.plain import plain


def render(package: str, page: str, /, **values: Any) -> str:
    """Return the page of a package's `page`.html, with `page`.css and `page`.js if they are there.

    Each text among the values is escaped, and shown as `plain` shows it.
    """
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader(package, "."), jinja2.PackageLoader("tdsp.pages", ".")]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: plain(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["code"] = _code
    environment.filters["percent"] = lambda share: f"{share:.0%}"
    style = _text("tdsp.pages", "base.css") + _text(package, f"{page}.css")
    script = _text(package, f"{page}.js")
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)};"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )
    own = {"style": Markup(style), "script": Markup(script)}  # noqa: S704  they are this package's
    return environment.get_template(f"{page}.html").render(policy=policy, **own, **values)


def as_data(value: Any) -> Markup:
    """Return JSON that may stand in a script element: no sign in it can end the element."""
    text = json.dumps(_cleaned(value), separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704  no `<` and no `&` is left in it


def web(address: str) -> str:
    """Return an address that a page may link to, without a name or password in it, or ""."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        if parts.scheme not in {"http", "https"} or not host or plain(address) != address:
            return ""
        place = f"{host}:{parts.port}" if parts.port else host
    except ValueError:
        return ""
    return parts._replace(netloc=place).geturl()


def _code(text: str) -> Markup:
    """Return a text with what stands between backticks as code."""
    parts = map(escape, plain(text).split("`"))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part
        for number, part in enumerate(parts)
    )


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isprintable() else plain(value)
    if isinstance(value, dict):
        return {plain(key): _cleaned(each) for key, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list | tuple):
        return [_cleaned(each) for each in value]
    return value


def _text(package: str, name: str) -> str:
    file = resources.files(package) / name
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _digest(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"
