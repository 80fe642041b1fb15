"""Random rejections and partial fills, reproducible by seed and client order id."""

import hashlib
from decimal import Decimal

from signalbot.domain.market import Instrument
from signalbot.domain.orders import OrderRequest
from signalbot.settings.simulation import SimulationRules

_MIN_FILL_SHARE = 0.2
_FILL_SHARE_RANGE = 0.6


def should_reject(rules: SimulationRules, request: OrderRequest) -> bool:
    """Whether the venue rejects this entry at random."""
    if request.reduce_only or not rules.reject_probability:
        return False
    return _draw(rules.seed, "reject", request) < rules.reject_probability


def first_fill_quantity(
    rules: SimulationRules, request: OrderRequest, instrument: Instrument
) -> Decimal:
    """The quantity that an order's first match fills: all, or at random 20 to 80 % of an entry.

    Rounded down to the lot, but never less than one lot.
    """
    if request.reduce_only or not rules.partial_fill_probability:
        return request.quantity
    if _draw(rules.seed, "partial", request) >= rules.partial_fill_probability:
        return request.quantity
    share = Decimal(_MIN_FILL_SHARE + _FILL_SHARE_RANGE * _draw(rules.seed, "part", request))
    part = instrument.floor_quantity(request.quantity * share)
    return min(request.quantity, max(part, instrument.lot))


def _draw(seed: int, purpose: str, request: OrderRequest) -> float:
    """A number in [0, 1) that depends on its arguments only."""
    text = f"{seed}|{purpose}|{request.client_order_id}"
    digest = hashlib.blake2b(text.encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / (1 << 48)
