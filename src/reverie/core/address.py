"""Where a server listens, and by whom a browser says that it is asked."""

import ipaddress
import socket
from collections.abc import Mapping, Set
from urllib.parse import urlsplit

from reverie.core.errors import UserError

LOOPBACK = frozenset(["127.0.0.1", "localhost", "[::1]"])
"""The names under which a browser of this machine reaches it."""
ANY_ADDRESS = ("0.0.0.0", "::")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens at `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def host_names(host: str, port: int) -> frozenset[str]:
    """What requests to a listener may name as their host, with the port."""
    own = socket.gethostname() if host in ANY_ADDRESS else _in_address(host)
    return frozenset(f"{name}:{port}" for name in LOOPBACK | {own})


def address_of(host: str, port: int) -> str:
    """The address to print for a listener."""
    name = socket.gethostname() if host in ANY_ADDRESS else _in_address(host)
    return f"http://{name}:{port}"


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at the address; port 0 takes any that is free.

    Raises:
        UserError: if the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it an answer takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, UnicodeError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or "it is no name of a host"
        raise UserError(
            f"the address {host}:{port} cannot be used ({reason}): choose another --port or --host."
        ) from None
    return listener


def is_of_another_site(headers: Mapping[str, str], method: str, hosts: Set[str]) -> bool:
    """Whether a browser says that a page of another site makes this request.

    Args:
        headers: of the request, by their names in lower case.
        method: of the request.
        hosts: the own names, with the port.
    """
    origin = headers.get("origin")
    try:
        if origin is not None and urlsplit(origin).netloc.lower() not in hosts:
            return True
    except ValueError:  # it is no address at all
        return True
    return headers.get("sec-fetch-site") == "cross-site" and method != "GET"
