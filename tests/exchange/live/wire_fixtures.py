"""A dialect on the wire: real ccxt builds the requests, a loopback exchange answers by the book.

Answers are what the exchange's documentation shows. A request that no answer was given for is
refused, so a test sees every request its dialect makes.
"""

import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import web

from signalbot.domain.market import Instrument
from signalbot.domain.orders import (
    ClientOrderId,
    Fill,
    Leg,
    Order,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderType,
    client_order_id_of,
)
from signalbot.domain.signals import SignalId
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode, UserId
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.types import FoundOrder
from signalbot.exchange.live.instruments import parse_instrument
from signalbot.exchange.live.parsing import CcxtDict, parse_fill, parse_report
from signalbot.exchange.live.registry import exchange_row
from signalbot.exchange.live.transport.client_profile import ClientProfile
from signalbot.exchange.live.transport.connection import Connection
from signalbot.exchange.live.transport.exchange_api import RequestPriority
from signalbot.exchange.live.transport.rate_limiter import RateLimiter
from signalbot.exchange.live.transport.request_executor import RequestExecutor
from signalbot.tasks import SystemClock

SWAP: Final = "BTC/USDT:USDT"
SPOT: Final = "BTC/USDT"
NOW: Final = Ms(1_700_000_000_000)
KEYS: Final = {"apiKey": "a-key", "secret": "a-secret", "password": "a-phrase"}

# Our own ids are 32 hex digits; one of each leg.
ENTRY_ID: Final = ClientOrderId("e" * 32)
SIGNAL_ID: Final = SignalId("sig_rig")
STOP_ID: Final = client_order_id_of(
    signal_id=SIGNAL_ID, user_id=UserId("anna"), leg=Leg.STOP_LOSS
)  # fmt: skip
TARGET_ID: Final = ClientOrderId("7" * 32)
EXIT_ID: Final = ClientOrderId("0" * 31 + "1")
_IDS = {
    Leg.ENTRY: ENTRY_ID,
    Leg.STOP_LOSS: STOP_ID,
    Leg.TAKE_PROFIT: TARGET_ID,
    Leg.EXIT: EXIT_ID,
}

# What only authenticates a request says nothing about the order.
_SIGNING = frozenset(("timestamp", "recvWindow", "signature", "nonce", "Signature", "Timestamp"))


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request as the exchange got it, query and body together, without its signature."""

    method: str
    path: str
    params: dict[str, Any]

    @property
    def call(self) -> str:
        return f"{self.method} {self.path}"


class LoopbackExchange:
    """The loopback exchange: records what it is asked, answers what it was given."""

    def __init__(self) -> None:
        self.asked: list[RecordedRequest] = []
        self._answers: dict[str, deque[tuple[int, Any]]] = {}
        self.url = ""

    def answers(self, call: str, *bodies: Any, status: int = 200) -> None:
        """Answer ``call``, such as ``"GET /v5/order"``, in this order; the last one stays."""
        self._answers[call] = deque((status, body) for body in bodies)

    @property
    def last(self) -> RecordedRequest:
        return self.asked[-1]

    def calls(self) -> list[str]:
        """Everything that was asked, in order."""
        return [each.call for each in self.asked]

    async def handle(self, request: web.Request) -> web.Response:
        asked = RecordedRequest(request.method, request.path, await _params(request))
        self.asked.append(asked)
        waiting = self._answers.get(asked.call)
        if waiting is None:
            return web.json_response({"rig": f"no answer for {asked.call}"}, status=501)
        status, body = waiting.popleft() if len(waiting) > 1 else waiting[0]
        return web.json_response(body, status=status)


async def _params(request: web.Request) -> dict[str, Any]:
    params: dict[str, Any] = dict(request.query)
    body = await request.text()
    if body.startswith("{"):
        params |= json.loads(body)
    elif body.startswith("["):
        params["list"] = json.loads(body)
    else:
        params |= dict(parse_qsl(body, keep_blank_values=True))
    return {name: value for name, value in params.items() if name not in _SIGNING}


class Wire:
    """One account of one exchange, as far as a dialect goes."""

    def __init__(
        self,
        dialect: ExchangeAdapter,
        venue: LoopbackExchange,
        admit: Callable[[], RequestExecutor],
    ) -> None:
        self.dialect = dialect
        self.venue = venue
        self.api = admit()
        self.margin_mode = MarginMode.CROSS  #: of the account, as its broker would know it
        self._admit = admit

    def neighbour(self) -> "Wire":
        """Another account behind the same address."""
        return Wire(self.dialect, self.venue, self._admit)

    def instrument(self, symbol: str) -> Instrument:
        row = exchange_row(self.api.client.id)
        return parse_instrument(self.api.client.market(symbol), has_minimum=row.has_minimum)

    async def send(self, request: OrderRequest, *, stop: OrderRequest | None = None) -> OrderReport:
        """Send an order and read its acknowledgement; ``venue.last`` is what went out."""
        create = self.dialect.order_args(
            request,
            self.instrument(request.symbol),
            stop=stop,
            margin_mode=self.margin_mode,
        )
        found = self.dialect.to_found_order(
            await self.dialect.send(self.api, create, RequestPriority.ENTRY)
        )
        assert found.wire_id in (None, self.dialect.wire_id(request.client_order_id))
        return self.report(found, request)

    async def cancel(self, request: OrderRequest, *, exchange_order_id: str | None = None) -> None:
        order = Order(request=request, exchange_order_id=exchange_order_id)
        await self.dialect.cancel(self.api, order, priority=RequestPriority.PROTECT)

    async def lookup(self, request: OrderRequest) -> OrderReport | None:
        """What the exchange knows of an order, if it says that it is this one."""
        found = await self.dialect.lookup(self.api, request, priority=RequestPriority.SETTLE)
        if found is None:
            return None
        assert found.wire_id == self.dialect.wire_id(request.client_order_id)
        return self.report(found, request)

    async def open_orders(self, symbol: str) -> Sequence[FoundOrder]:
        return await self.dialect.open_orders(self.api, [symbol], priority=RequestPriority.POLL)

    async def fills(
        self, symbol: str, *, order_id: str | None = None, since_ms: Ms | None = None
    ) -> list[Fill]:
        raws = await self.dialect.trades(
            self.api,
            symbol,
            priority=RequestPriority.SETTLE,
            order_id=order_id,
            since_ms=since_ms or Ms(self.api.client.milliseconds() - 3_600_000),
        )
        return [self.fill(raw, symbol) for raw in raws]

    def report(self, found: FoundOrder, request: OrderRequest) -> OrderReport:
        return parse_report(
            found.raw,
            client_order_id=request.client_order_id,
            instrument=self.instrument(request.symbol),
            requested=request.quantity,
            now_ms=NOW,
        )

    def fill(self, raw: CcxtDict, symbol: str) -> Fill:
        return parse_fill(
            raw,
            client_order_id=ENTRY_ID,
            instrument=self.instrument(symbol),
            forced=self.dialect.forced_reason(raw),
        )


@asynccontextmanager
async def wire(
    dialect: ExchangeAdapter,
    *,
    urls: Callable[[str], Mapping[str, Any]],
    markets: Sequence[Mapping[str, Any]],
) -> AsyncIterator[Wire]:
    """A loopback exchange and an account there; ``urls`` is ccxt's ``urls["api"]`` for an address.

    Nothing has been asked yet: the markets are given.
    """
    venue = LoopbackExchange()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", venue.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    venue.url = f"http://{host}:{port}"
    connection = Connection(
        "rig",
        ClientProfile(
            dialect.capabilities.exchange, options=dialect.options, shapes=dialect.shapes
        ),
        config={"urls": {"api": dict(urls(venue.url))}, "timeout": 5_000},
    )
    try:
        await connection.open()
        connection.template.set_markets([dict(market) for market in markets])
        budget = RateLimiter("rig", rates=dialect.capabilities.rates, clock=SystemClock())

        def admit() -> RequestExecutor:
            return RequestExecutor(
                connection.client(KEYS),
                rate_limiter=budget,
                codes=dialect.codes,
                on_clock_skew=lambda: None,
                serial=dialect.requires_serial_requests,
            )

        yield Wire(dialect, venue, admit)
    finally:
        await connection.close()
        await runner.cleanup()


def market(
    market_id: str,
    symbol: str,
    *,
    tick: str = "0.1",
    step: str = "0.001",
    contract_size: str = "1",
    least: str = "0.001",
    info: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """ccxt's structure of a spot market, or of a linear perpetual where the symbol has a colon."""
    pair, _, settle = symbol.partition(":")
    base, quote = pair.split("/")
    is_swap = bool(settle)
    return {
        "id": market_id, "symbol": symbol, "base": base, "quote": quote, "settle": settle or None,
        "baseId": base, "quoteId": quote, "settleId": settle or None,
        "type": "swap" if is_swap else "spot", "spot": not is_swap, "swap": is_swap,
        "margin": False, "future": False, "option": False, "active": True, "contract": is_swap,
        "linear": True if is_swap else None, "inverse": False if is_swap else None,
        "contractSize": float(contract_size) if is_swap else None,
        "precision": {"amount": float(step), "price": float(tick)},
        "limits": {"amount": {"min": float(least)}, "cost": {"min": 5.0}},
        "info": dict(info or {}),
    }  # fmt: skip


def order(
    symbol: str,
    leg: Leg = Leg.ENTRY,
    type_: OrderType = OrderType.MARKET,
    *,
    side: OrderSide | None = None,
    quantity: str = "0.02",
    price: str | None = None,
    trigger: str | None = None,
) -> OrderRequest:
    """An order of a long position: bought by its entry, sold by everything else."""
    is_entry = leg is Leg.ENTRY
    return OrderRequest(
        client_order_id=_IDS[leg],
        user_id=UserId("anna"),
        exchange="rig",
        symbol=symbol,
        leg=leg,
        side=side or (OrderSide.BUY if is_entry else OrderSide.SELL),
        type=type_,
        quantity=Decimal(quantity),
        price=None if price is None else Decimal(price),
        trigger_price=None if trigger is None else Decimal(trigger),
        reduce_only=not is_entry,
        leverage=5,
        signal_id=SIGNAL_ID,
        intended_at_ms=NOW,
    )


def stop(symbol: str, trigger: str = "48000", **more: Any) -> OrderRequest:
    return order(symbol, Leg.STOP_LOSS, OrderType.STOP, trigger=trigger, **more)


def target(symbol: str, trigger: str = "55000", **more: Any) -> OrderRequest:
    return order(symbol, Leg.TAKE_PROFIT, OrderType.TAKE_PROFIT, trigger=trigger, **more)
