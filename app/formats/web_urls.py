"""Web addresses."""

import re
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

import idna

from app.text import clean_visible, shown

MAX_URL = 2_000
_URL_SAFE = "%/:?#[]@!$&'()*+,;=-._~"


def web_url(value: str) -> str:
    """An http or https address with a public-looking host, in ASCII; https:// is put before what has no scheme.

    Names and passwords inside it, other schemes and bare host names are refused. It is only shown, never fetched.
    """
    typed = clean_visible(value, MAX_URL)
    if re.search(r"[\s\\<>\"]", typed):
        raise ValueError(f"{shown(value)} is not a web address. Remove the blanks and quotation marks.")
    if not re.match(r"https?://", typed, re.IGNORECASE):
        if "://" in typed or re.match(r"[a-z][a-z0-9+.-]*:(?![0-9])", typed, re.IGNORECASE):
            raise ValueError(f"{shown(value)} is not a web address. It must begin with https:// or http://.")
        typed = f"https://{typed}"
    try:
        url = _ascii_url(urlsplit(typed))
    except ValueError:
        raise ValueError(f"{shown(value)} is not a web address. Write it as https://www.firma.cz.") from None
    if len(url) > MAX_URL:
        raise ValueError(f"The web address {shown(value)} is too long. Shorten it to {MAX_URL:,} characters.")
    return url


def _ascii_url(url: SplitResult) -> str:
    """Raises ValueError for user information, a bad port and a host without a dot."""
    host = idna.encode((url.hostname or "").removesuffix("."), uts46=True).decode("ascii")
    if "@" in url.netloc or "." not in host or url.port == 0:
        raise ValueError("no host")
    port = "" if url.port is None else f":{url.port}"
    path, query, fragment = (quote(part, safe=_URL_SAFE) for part in (url.path, url.query, url.fragment))
    return urlunsplit((url.scheme.lower(), host + port, path, query, fragment))
