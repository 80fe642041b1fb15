"""How an account's requests leave this machine, from what its owner wrote."""

from signalbot.exchange.live.transport.connection import DIRECT, Egress


def parse_egress(text: str) -> Egress:
    """``direct``, a proxy's URL, or an address of this machine."""
    if text == "direct":
        return DIRECT
    return Egress(proxy=text) if "://" in text else Egress(local_address=text)
