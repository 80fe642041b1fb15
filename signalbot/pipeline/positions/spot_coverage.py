"""Sizes a spot stop when the balance holds fewer coins than the position.

Fees may be kept in the bought coins, so a small shortfall is accepted at once. A larger one is a
late response, or the owner moved coins: it is accepted after several consistent reads.
"""

from decimal import Decimal
from typing import Final

from signalbot.domain.positions import Position
from signalbot.domain.timeframe import Ms
from signalbot.pipeline.account import Account

WITHOUT_FEE: Final = Decimal("0.98")  # tolerance: fees kept in the coins may be booked after fills


def is_short(held: Decimal, quantity: Decimal) -> bool:
    """Whether coins are missing beyond any fee."""
    return held < quantity * WITHOUT_FEE


def stop_size(
    account: Account, position: Position, held: Decimal, *, guarded: Decimal, now_ms: Ms
) -> Decimal | None:
    """Return how many coins a stop sells when the balance is ``held``; None: leave it as it is.

    ``guarded`` is what live stops sell. A balance that is short right after the purchase lags:
    then the stop covers the position, as the exchange rejects a stop for coins that are not there.
    """
    key, lag_ms = f"coins of {position.position_id}", account.trading_broker.visibility_lag_ms
    if not is_short(held, position.quantity):
        account.absences.record_seen(key)
        return held
    if account.absences.record_miss(key, now_ms, apart_ms=lag_ms):
        return held or None
    if guarded and not is_short(guarded, position.quantity):
        return None
    if now_ms - position.opened_at_ms < lag_ms:
        return position.quantity * WITHOUT_FEE
    return max(held, guarded) or None
