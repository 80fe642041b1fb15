"""Fills of Kraken Futures: a hundred at once, and without their fees, which the history tells.

https://docs.kraken.com/api/docs/futures-api/trading/get-fills: "the last 100 fills", or those
before ``lastFillTime``.
https://docs.kraken.com/api/docs/futures-api/history/get-execution-events: ``orderData.fee``, with a
``continuationToken`` while there is more.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from signalbot.domain.errors import Unavailable
from signalbot.domain.money import ZERO
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.dialects.base import Api
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw, number

_PAGE, _MOST_PAGES = 100, 200
_COST, _COST_OF_BEFORE = 2, 25
_SETTLED_MS: Final = 300_000  # an execution is in the history by then, or has no fee


async def fills(api: Api, symbol: str, *, since_ms: int, lane: Lane) -> list[Raw]:
    """The account's fills in a symbol since an instant, newest first; without fees.

    Raises:
        Unavailable: there are more than anybody's orders make.
    """
    market_id, found, known = api.client.market(symbol)["id"], list[Raw](), set[str]()
    asked: dict[str, Any] = {}
    for _ in range(_MOST_PAGES):
        cost = _COST_OF_BEFORE if asked else _COST
        answer = await api.read("privateGetFills", dict(asked), lane=lane, cost=cost)
        rows = [row for row in answer["fills"] if row["fill_id"] not in known]
        known.update(row["fill_id"] for row in rows)
        trades = [api.client.parse_trade(row) for row in rows]
        found += [
            trade
            for trade, row in zip(trades, rows, strict=True)
            if row["symbol"].upper() == market_id.upper() and trade["timestamp"] >= since_ms
        ]
        if len(answer["fills"]) < _PAGE or not rows:
            return found
        oldest_ms = min(int(trade["timestamp"]) for trade in trades)
        if oldest_ms < since_ms:
            return found
        asked = {"lastFillTime": api.client.iso8601(oldest_ms + 1)}  # fills of one instant
    raise Unavailable(f"the fills of {symbol} do not end")


async def with_fees(api: Api, trades: Sequence[Raw], *, now_ms: Ms, lane: Lane) -> list[Raw]:
    """The same fills with their fees, in dollars.

    Raises:
        Unavailable: the history does not tell of one of them yet.
    """
    if not trades:
        return []
    fees = await _fees(api, since_ms=min(int(trade["timestamp"]) for trade in trades), lane=lane)
    for trade in trades:
        if trade["id"] not in fees and now_ms - int(trade["timestamp"]) < _SETTLED_MS:
            raise Unavailable("the fee of a fill is not told yet")
    return [
        {**trade, "fee": {"cost": fees.get(str(trade["id"]), ZERO), "currency": "USD"}}
        for trade in trades
    ]


async def _fees(api: Api, *, since_ms: int, lane: Lane) -> Mapping[str, Decimal]:
    """What each execution has cost, by its id."""
    found: dict[str, Decimal] = {}
    async for element in history(api, "historyGetExecutions", since_ms=since_ms, lane=lane):
        told = element["event"].get("Execution") or element["event"].get("execution") or {}
        execution = told.get("execution") or {}
        fee = _own_fee(execution)
        if fee is not None:
            found[str(execution.get("uid"))] = fee
    return found


async def history(api: Api, method: str, *, since_ms: int, lane: Lane) -> AsyncIterator[Raw]:
    """Every event since an instant, newest first: a page is followed while there is more.

    https://docs.kraken.com/api/docs/futures-api/history/get-order-events: "continuationToken".

    Raises:
        Unavailable: there are more than anybody's orders make.
    """
    asked: dict[str, Any] = {"since": since_ms}
    for _ in range(_MOST_PAGES):
        answer = await api.read(method, dict(asked), lane=lane)
        for element in answer["elements"]:
            yield element
        token = answer.get("continuationToken")
        if not token or not answer["elements"]:
            return
        asked["continuation_token"] = token
    raise Unavailable(f"{method} does not end")


def _own_fee(execution: Raw) -> Decimal | None:
    """Version 2 of the history tells the fee of the own side only."""
    for name in ("orderData", "takerOrderData", "makerOrderData"):
        fee = number((execution.get(name) or {}).get("fee"))
        if fee is not None:
            return fee
    return None
