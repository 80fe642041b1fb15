"""Determines the address of a client, and its bucket for rate limits."""

from ipaddress import IPv6Address, ip_address

from signalbot.api.auth import AsgiScope

_PREFIX_BITS = 64  # of an IPv6 address: a client chooses the rest


def address_of(scope: AsgiScope, *, trusts_proxy: bool) -> str | None:
    """Return the sender's address: from the local proxy's header, or the peer's.

    A proxy appends the address it sees to whatever the client has sent, as a line or as the end of
    one: only the last entry of the last line is the proxy's.
    """
    client = scope.get("client")
    peer = None if client is None else _plain(str(client[0]))
    if not trusts_proxy or peer is None or not is_loopback(peer):
        return peer
    forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    last: str = forwarded[-1].decode("latin-1").rpartition(",")[2].strip() if forwarded else ""
    return _plain(last) if last else peer


def _plain(address: str) -> str:
    """Normalize an address.

    A dual-stack listener reports an IPv4 peer as an IPv6 address.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)


def is_loopback(address: str) -> bool:
    """Whether an address is of this machine."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def bucket_of(address: str | None) -> str:
    """Return the bucket of an address: IPv4 address, or prefix of an IPv6 client."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        return f"{int(found) >> _PREFIX_BITS:x}"
    return str(found)
