"""Reading OKX's requests, and cutting its lists into windows and pages."""

from decimal import Decimal
from typing import Any

from tests.venue.engine import Engine
from tests.venue.model import Account, Market, PositionSide
from tests.venue.okx_errors import No, wrong

Asked = dict[str, Any]
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
THREE_MONTHS_MS = 90 * DAY_MS


def number(asked: Asked, name: str) -> Decimal:
    """Money goes as text."""
    value = asked.get(name)
    if not isinstance(value, str):
        raise wrong(name)
    try:
        return Decimal(value)
    except ArithmeticError:
        raise wrong(name) from None


def market_of(engine: Engine, asked: Asked) -> Market:
    symbol = asked.get("instId", "")
    if symbol not in engine.markets:
        raise No(51001, "Instrument ID does not exist")
    return engine.markets[symbol]


def kind_of(market: Market) -> str:
    """``instType``."""
    return "SPOT" if market.is_spot else "SWAP"


def fits(engine: Engine, asked: Asked, symbol: str) -> bool:
    """Whether a market is of the kind and the id that a list asks for, if it asks."""
    market = engine.markets[symbol]
    kinds = ("", "ANY", kind_of(market))
    return asked.get("instType", "") in kinds and asked.get("instId", symbol) == symbol


def position_side(account: Account, market: Market, asked: Asked) -> PositionSide:
    """``posSide``: net in net mode, long or short in long/short mode."""
    named = asked.get("posSide") or "net"
    if market.is_spot:
        return PositionSide.BOTH
    sides = {"net": PositionSide.BOTH, "long": PositionSide.LONG, "short": PositionSide.SHORT}
    if named not in sides or (named == "net") is account.is_hedged:
        raise wrong("posSide")
    return sides[named]


def since(asked: Asked, engine: Engine, oldest_ms: int, *, documented: bool = False) -> int:
    """The first instant of a list: ``begin``, and as documented nothing older than it keeps."""
    begin = int(asked.get("begin") or 0)
    if not (documented or engine.switches.windows):
        return begin
    return max(begin, engine.now_ms() - oldest_ms)


def until(asked: Asked) -> int:
    return int(asked.get("end") or 10**18)


def page(asked: Asked, rows: list[Asked], name: str) -> list[Asked]:
    """Newest first, a hundred at most.

    The next page begins after the oldest of this one; ``before`` names what is too old.
    """
    after, before = asked.get("after"), asked.get("before")
    left = [
        row for row in rows
        if (after is None or int(row[name]) < int(after))
        and (before is None or int(row[name]) > int(before))
    ]  # fmt: skip
    return left[: min(int(asked.get("limit", 100)), 100)]
