"""The rig with every address of an exchange moved to loopback, and requests without their noise."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from ccxt import pro

from signalbot.domain.orders import (
    Fill,
    Leg,
    Order,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderType,
)
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.types import FoundOrder
from signalbot.exchange.live.transport.exchange_api import RequestPriority
from signalbot.exchange.live.transport.request_executor import RequestExecutor
from tests.exchange.live import wire_fixtures

_METHODS = ("GET", "POST", "PUT", "DELETE")
# Signing, and what changes from one moment to the next.
_NOISE = frozenset(
    ("AccessKeyId", "SignatureMethod", "SignatureVersion", "deadline", "processBefore")
)


class LoopbackConnection:
    """One account at a loopback exchange; ``says`` is what the last request said."""

    def __init__(self, wire: wire_fixtures.Wire) -> None:
        self._wire = wire
        self.dialect: ExchangeAdapter = wire.dialect
        self.api: RequestExecutor = wire.api

    def neighbour(self) -> "LoopbackConnection":
        """Another account behind the same address."""
        return LoopbackConnection(self._wire.neighbour())

    def answer(self, path: str, *bodies: Any, status: int = 200) -> None:
        """Answer requests to ``path`` in turn, whatever the method; the last body stays."""
        for method in _METHODS:
            self._wire.venue.answers(f"{method} {path}", *bodies, status=status)

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self._wire.venue.asked]

    @property
    def called(self) -> str:
        """Method and path of the last request."""
        return self._wire.venue.last.call

    @property
    def params(self) -> dict[str, Any]:
        """Everything in the last request but its signature."""
        return self._wire.venue.last.params

    @property
    def says(self) -> Any:
        return _said(self.params)

    @property
    def all_said(self) -> list[Any]:
        return [_said(asked.params) for asked in self._wire.venue.asked]

    async def send(self, request: OrderRequest) -> FoundOrder:
        """Place an order as the broker would."""
        create = self.dialect.order_args(
            request,
            self._wire.instrument(request.symbol),
            stop=None,
            margin_mode=self._wire.margin_mode,
        )
        return self.dialect.to_found_order(
            await self.dialect.send(self.api, create, RequestPriority.ENTRY)
        )

    async def cancel(self, request: OrderRequest, *, exchange_order_id: str | None = None) -> None:
        order = Order(request=request, exchange_order_id=exchange_order_id)
        await self.dialect.cancel(self.api, order, priority=RequestPriority.PROTECT)

    async def report(self, request: OrderRequest) -> OrderReport | None:
        """What a look-up says of an order, in our words."""
        return await self._wire.lookup(request)

    async def fills(self, symbol: str, order_id: str, *, since_ms: Ms | None = None) -> list[Fill]:
        return await self._wire.fills(symbol, order_id=order_id, since_ms=since_ms)

    def instrument(self, symbol: str) -> Any:
        return self._wire.instrument(symbol)


def _said(params: Mapping[str, Any]) -> Any:
    if "list" in params and isinstance(params["list"], list):
        return params["list"]
    return {name: value for name, value in params.items() if name not in _NOISE}


@asynccontextmanager
async def loopback_to(
    dialect: ExchangeAdapter, *markets: Mapping[str, Any], secret: str = "a-secret"
) -> AsyncIterator[LoopbackConnection]:
    """A line to a fresh loopback exchange that trades ``markets``."""
    known = getattr(pro, dialect.capabilities.exchange)().urls["api"]
    urls = wire_fixtures.wire(dialect, urls=lambda host: _moved(known, host), markets=markets)
    async with urls as wire:
        wire.api.client.secret = secret
        yield LoopbackConnection(wire)


def _moved(urls: Any, host: str) -> Any:
    if isinstance(urls, dict):
        return {name: _moved(url, host) for name, url in urls.items()}
    if not isinstance(urls, str) or not urls.startswith("http"):
        return urls
    return host + urlsplit(urls.replace("{hostname}", "host")).path


def swap(market_id: str, *, size: str = "1", lot: str, quote: str = "USDT") -> dict[str, Any]:
    """A linear perpetual contract on bitcoin; ``lot`` in contracts."""
    return wire_fixtures.market(
        market_id, f"BTC/{quote}:{quote}", step=lot, least=lot, contract_size=size
    )


def spot(market_id: str, *, quote: str = "USDT") -> dict[str, Any]:
    """Bitcoin for ``quote``."""
    return wire_fixtures.market(market_id, f"BTC/{quote}", step="0.00001", least="0.00001")


def entry(
    symbol: str, *, side: OrderSide = OrderSide.BUY, price: str | None = None
) -> OrderRequest:
    """A market entry of 0.02 BTC, or a limit one where a price is given."""
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    return wire_fixtures.order(symbol, type_=kind, side=side, price=price)


def close(symbol: str) -> OrderRequest:
    """A market sale that may only reduce what ``entry`` bought."""
    return wire_fixtures.order(symbol, Leg.EXIT)
