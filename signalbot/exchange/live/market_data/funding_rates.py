"""Past funding rates, page by page."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from signalbot.domain.errors import Unavailable
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.parsing import parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

_PAGE: Final = 100  # every supported exchange returns as many, or fewer
_WINDOW_MS: Final = 96 * 3_600_000
"""Never more payments than a page: the shortest interval is an hour. Of a longer window some
exchanges return the newest rates, others the oldest."""


async def fetch_funding_rates(
    api: ExchangeApi, symbol: str, *, since_ms: Ms, until_ms: Ms
) -> Sequence[tuple[Ms, Decimal]]:
    """Times and rates from ``since_ms`` to ``until_ms``, both included, oldest first.

    Raises:
        Unavailable: they cannot be read.
    """
    found: dict[Ms, Decimal] = {}
    for at_ms in range(since_ms, until_ms + 1, _WINDOW_MS):
        end_ms = min(at_ms + _WINDOW_MS - 1, until_ms)
        rows = await api.read(
            "fetch_funding_rate_history",
            symbol,
            at_ms,
            _PAGE,
            {"until": end_ms},
            priority=RequestPriority.POLL,
        )
        if not isinstance(rows, list):
            raise Unavailable(f"no funding rates of {symbol} in the response")
        found |= {
            Ms(int(paid_ms)): rate
            for row in rows
            if isinstance(row, Mapping)
            and (paid_ms := parse_decimal(row.get("timestamp"))) is not None
            and (rate := parse_decimal(row.get("fundingRate"))) is not None
        }
    return [
        (paid_ms, found[paid_ms]) for paid_ms in sorted(found) if since_ms <= paid_ms <= until_ms
    ]
