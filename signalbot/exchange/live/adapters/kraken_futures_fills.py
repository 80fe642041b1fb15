"""Fills of Kraken Futures: a hundred per page, without their fees, which are in the history.

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
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

_PAGE, _MAX_PAGES = 100, 200
_COST, _COST_OF_BEFORE = 2, 25
_SETTLED_MS: Final = 300_000  # an execution is in the history by then, or has no fee


async def fetch_fills(
    api: ExchangeApi, symbol: str, *, since_ms: int, priority: RequestPriority
) -> list[CcxtDict]:
    """The account's fills in a symbol since an instant, newest first; without fees.

    Raises:
        Unavailable: there are more than our orders can make.
    """
    market_id, found, seen_ids = api.client.market(symbol)["id"], list[CcxtDict](), set[str]()
    request_params: dict[str, Any] = {}
    for _ in range(_MAX_PAGES):
        cost = _COST_OF_BEFORE if request_params else _COST
        response = await api.read(
            "privateGetFills", dict(request_params), priority=priority, cost=cost
        )
        rows = [row for row in response["fills"] if row["fill_id"] not in seen_ids]
        seen_ids.update(row["fill_id"] for row in rows)
        trades = [api.client.parse_trade(row) for row in rows]
        found += [
            trade
            for trade, row in zip(trades, rows, strict=True)
            if row["symbol"].upper() == market_id.upper() and trade["timestamp"] >= since_ms
        ]
        if len(response["fills"]) < _PAGE or not rows:
            return found
        oldest_ms = min(int(trade["timestamp"]) for trade in trades)
        if oldest_ms < since_ms:
            return found
        request_params = {"lastFillTime": api.client.iso8601(oldest_ms + 1)}  # fills of one instant
    raise Unavailable(f"the fills of {symbol} do not end")


async def with_fees(
    api: ExchangeApi, trades: Sequence[CcxtDict], *, now_ms: Ms, priority: RequestPriority
) -> list[CcxtDict]:
    """The same fills with their fees, in dollars.

    Raises:
        Unavailable: the history does not list one of them yet.
    """
    if not trades:
        return []
    fees = await _fetch_fees(
        api, since_ms=min(int(trade["timestamp"]) for trade in trades), priority=priority
    )
    for trade in trades:
        if trade["id"] not in fees and now_ms - int(trade["timestamp"]) < _SETTLED_MS:
            raise Unavailable("the fee of a fill is not listed yet")
    return [
        {**trade, "fee": {"cost": fees.get(str(trade["id"]), ZERO), "currency": "USD"}}
        for trade in trades
    ]


async def _fetch_fees(
    api: ExchangeApi, *, since_ms: int, priority: RequestPriority
) -> Mapping[str, Decimal]:
    """The fee of each execution by its id."""
    found: dict[str, Decimal] = {}
    async for element in history(api, "historyGetExecutions", since_ms=since_ms, priority=priority):
        reported = element["event"].get("Execution") or element["event"].get("execution") or {}
        execution = reported.get("execution") or {}
        fee = _own_fee(execution)
        if fee is not None:
            found[str(execution.get("uid"))] = fee
    return found


async def history(
    api: ExchangeApi, method: str, *, since_ms: int, priority: RequestPriority
) -> AsyncIterator[CcxtDict]:
    """Every event since an instant, newest first, page by page.

    https://docs.kraken.com/api/docs/futures-api/history/get-order-events: "continuationToken".

    Raises:
        Unavailable: there are more than our orders can make.
    """
    request_params: dict[str, Any] = {"since": since_ms}
    for _ in range(_MAX_PAGES):
        response = await api.read(method, dict(request_params), priority=priority)
        for element in response["elements"]:
            yield element
        token = response.get("continuationToken")
        if not token or not response["elements"]:
            return
        request_params["continuation_token"] = token
    raise Unavailable(f"{method} does not end")


def _own_fee(execution: CcxtDict) -> Decimal | None:
    """The fee of our side: version 2 of the history has no other."""
    for name in ("orderData", "takerOrderData", "makerOrderData"):
        fee = parse_decimal((execution.get(name) or {}).get("fee"))
        if fee is not None:
            return fee
    return None
