"""IP addresses, as sockets and proxies tell them."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

#: With a port, as some proxies tell it.
_HOST_AND_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[\d.]+):\d+")
#: An IPv6 address with a zone, brackets and a port, and some.
LONGEST_HOST = 100


def ip_address_or_empty(told: str) -> str:
    """The address of a connection's other end, in its one form; empty for what is none.

    A socket may name a path, a proxy a port, a zone, `unknown`, or whatever its own client sent: none of it must keep
    anybody from being served. Raises nothing.
    """
    return _ip_address_or_empty(told) if len(told) <= LONGEST_HOST else ""


@lru_cache(maxsize=2_048)
def _ip_address_or_empty(told: str) -> str:
    host = told.strip()
    if with_port := _HOST_AND_PORT.fullmatch(host):
        host = with_port["v6"] or with_port["v4"] or ""
    try:
        address = ip_address(host.partition("%")[0])  # a zone says something on the proxy's own machine only
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
