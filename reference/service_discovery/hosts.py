"""Checks of host names, addresses and ZooKeeper connection strings; every refusal says what to write instead."""

from __future__ import annotations

import ipaddress
import re

from kazoo.hosts import collect_hosts

from .errors import BadInput

# RFC 1123 labels, with the underscore that container networks use.
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
# What resolvers take for an IPv4 address: a last label that is a decimal or hexadecimal number.
_NUMBER = re.compile(r"\d+|0[xX][0-9A-Fa-f]*")
# The names of the loopback addresses in /etc/hosts of common distributions; RFC 6761 for all names below `localhost`.
_LOOPBACK_NAMES = {"localhost", "localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"}
LONGEST = 253


def check_host(host: object) -> str:
    """Return a host that a client can connect to.

    Args:
        host: A name of ASCII labels, an IPv4 or an IPv6 address (optionally with a `%zone`), without a port.

    Raises:
        BadInput: The host has another form, or is an address that no client can connect to, such as `0.0.0.0`.
    """
    if not isinstance(host, str):
        raise BadInput(f"a host is a name or an IP address, not {_short(host)}")
    if "://" in host:
        raise BadInput(f"a host has no URL scheme: write {host.partition('://')[2]!r} instead of {_short(host)}")
    labels = host.removesuffix(".").split(".")
    if ":" in host or _NUMBER.fullmatch(labels[-1]):
        return _check_address(host)
    if len(host) > LONGEST or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadInput(
            f"a host is a name or an IP address, not {_short(host)}: use letters, digits, '-', '_' and '.', "
            "and write an international name in its ASCII form (xn--...)"
        )
    return host


def _check_address(host: str) -> str:
    name, colon, port = host.rpartition(":")
    if colon and port.isdecimal() and name.count(":") == 0:
        raise BadInput(f"a host has no port: write the host {name!r} and the port {port} separately")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise BadInput(f"a host is a name or an IP address, not {_short(host)}") from None
    embedded = getattr(address, "ipv4_mapped", None) or address
    if embedded.is_unspecified or embedded.is_multicast or str(embedded) == "255.255.255.255":
        raise BadInput(
            f"{host} is an address to listen on or to send to many, which no client can connect to: "
            "write the name or the address of this machine"
        )
    return host


def is_loopback(host: str) -> bool:
    """Say whether a host leads back to the machine that connects to it, as `localhost` does."""
    if host.removesuffix(".").lower().split(".")[-1] in _LOOPBACK_NAMES:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def check_connection_string(hosts: str) -> tuple[str, str]:
    """Divide a ZooKeeper connection string into its servers and its chroot.

    Args:
        hosts: `HOST:PORT,HOST:PORT`, optionally with one `/PATH` at the end.

    Returns:
        The servers as they were written, and the path; it is empty where there is none.

    Raises:
        BadInput: The text is not of that form.
    """
    form = "hosts are written HOST:PORT,HOST:PORT, optionally with a /PATH at the end"
    if not isinstance(hosts, str):
        raise BadInput(f"{form}, not {_short(hosts)}")
    if "://" in hosts:
        raise BadInput(f"{form}, and without a URL scheme, unlike {_short(hosts)}")
    if ";" in hosts:
        raise BadInput(f"{form}: separate the servers by commas, not by semicolons as in {_short(hosts)}")
    servers, slash, rest = hosts.partition("/")
    path = slash + rest
    if "," in path:
        raise BadInput(f"{form}: write the path once, after the last server, unlike {_short(hosts)}")
    if path and any(part in ("", ".", "..") or not part.isprintable() for part in rest.split("/")):
        raise BadInput(f"{form}: each part of the path has a name, unlike those of {_short(path)}")
    try:
        found, _ = collect_hosts(servers)
        for host, port in found:
            check_host(host)
            if not 0 < port < 65536:
                raise ValueError(port)
    except ValueError as error:
        reason = f": {error}" if isinstance(error, BadInput) else ""
        raise BadInput(f"{form}, not {_short(hosts)}{reason}") from None
    if any(re.search(r"[\s@?#\\]", server.strip()) or not server.strip() for server in servers.split(",")):
        raise BadInput(f"{form}, not {_short(hosts)}")
    return servers, path


def _short(value: object, most: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."
