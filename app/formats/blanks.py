"""Blanks that people and programs put between the digits of a number."""

import re

from app.text import clean_visible

BLANKS = re.compile(r"[ \u00a0\u2007\u202f]+")


def compact(value: str) -> str:
    return BLANKS.sub("", clean_visible(value, 200))
