"""Bitget's fills: a hundred a page, newest first, of the last 90 days.

https://www.bitget.com/api-doc/contract/trade/Get-Order-Fills and
https://www.bitget.com/api-doc/spot/trade/Get-Fills: ``limit`` is 100 at most, ``idLessThan`` goes
on after the smallest id of a page.
"""

from typing import Any, Final

from signalbot.domain.errors import Unavailable
from signalbot.exchange.live.parsing import CcxtDict
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority

_PAGE, _MAX_PAGES = 100, 200
_RETENTION_MS: Final = 89 * 86_400_000


async def fetch_fills(
    api: ExchangeApi,
    symbol: str,
    *,
    since_ms: int,
    order_id: str | None,
    priority: RequestPriority,
    cost: int,
) -> list[CcxtDict]:
    """All fills since an instant, or of one order.

    Raises:
        Unavailable: there are more than anybody's orders make.
    """
    now_ms, found = api.client.milliseconds(), list[CcxtDict]()
    params: dict[str, Any] = {"until": now_ms} if order_id is None else {"orderId": order_id}
    start_ms = max(since_ms, now_ms - _RETENTION_MS) if order_id is None else None
    for _ in range(_MAX_PAGES):
        page = await api.read(
            "fetch_my_trades", symbol, start_ms, _PAGE, dict(params), priority=priority, cost=cost
        )
        found += page
        if len(page) < _PAGE:
            return [raw for raw in found if order_id in (None, raw.get("order"))]
        params["idLessThan"] = str(min(int(raw["id"]) for raw in page))
    raise Unavailable(f"the fills of {symbol} do not end")
