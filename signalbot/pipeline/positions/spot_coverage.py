"""What to believe of a spot wallet that shows less than the fills of a position say.

Fees may be kept in the coins that were bought: a little less is right at once. Much less is a late
answer, or coins that the owner has moved: it is believed once several looks agree.
"""

from decimal import Decimal
from typing import Final

from signalbot.domain.positions import Position
from signalbot.domain.timeframe import Ms
from signalbot.pipeline.account import Account

WITHOUT_FEE: Final = Decimal("0.98")  # a fee kept in coins may be booked after them


def is_short(held: Decimal, quantity: Decimal) -> bool:
    """Whether coins are missing beyond any fee."""
    return held < quantity * WITHOUT_FEE


def stop_size(
    account: Account, position: Position, held: Decimal, *, guarded: Decimal, now_ms: Ms
) -> Decimal | None:
    """How many coins a stop is to sell when the wallet shows ``held``; None: leave it as it is.

    ``guarded`` is what live stops would sell. A wallet that is short right after the purchase is
    late: the exchange itself refuses a stop for coins that are not there.
    """
    proof, lag_ms = f"coins of {position.position_id}", account.trading_broker.visibility_lag_ms
    if not is_short(held, position.quantity):
        account.absences.record_seen(proof)
        return held
    if account.absences.record_miss(proof, now_ms, apart_ms=lag_ms):
        return held or None
    if guarded and not is_short(guarded, position.quantity):
        return None
    if now_ms - position.opened_at_ms < lag_ms:
        return position.quantity * WITHOUT_FEE
    return max(held, guarded) or None
