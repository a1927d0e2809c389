"""The contrast of two colours, as WCAG 2 computes it, and the colour schemes of a style sheet."""

import re

VARIABLE = re.compile(r"--([a-z]+): (#[0-9a-f]{6});")


def contrast(one: str, other: str) -> float:
    """Return the ratio of two colours such as #1c2430, from 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return sum(f * s for f, s in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def schemes(style: str) -> list[dict[str, str]]:
    """Return the variables of each `:root` of a style sheet."""
    return [dict(VARIABLE.findall(block)) for block in re.findall(r":root \{(.*?)\}", style, re.S)]
