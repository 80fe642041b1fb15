"""Binance USDⓈ-M futures: plain orders at one endpoint, conditional ("algo") orders at another."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from signalbot.domain.market import MarketKind
from signalbot.domain.orders import OrderRequest
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.capability import Capabilities, Rate
from signalbot.exchange.live.codes import Codes
from signalbot.exchange.live.dialects.base import Api, Dialect, Found, Margin
from signalbot.exchange.live.lanes import Lane

_ALGO = {"trigger": True}


class BinanceUsdm(Dialect):
    capabilities: ClassVar = Capabilities(
        exchange="binanceusdm",
        kind=MarketKind.SWAP,
        lookup="order, or algoOrder for stops and targets, by client id",
        rates=(Rate(cost=2_400, per_ms=60_000),),
    )
    codes: ClassVar = Codes(
        rejected=frozenset(
            (
                "-1013",
                "-1100",
                "-1102",
                "-1106",
                "-1111",
                "-1116",
                "-1117",
                "-1121",
                "-2010",
                "-2020",
                "-2022",
                "-2024",
                "-2025",
                "-2027",
                "-2028",
                "-4001",
                "-4003",
                "-4005",
                "-4013",
                "-4014",
                "-4015",
                "-4016",
                "-4023",
                "-4024",
                "-4061",
                "-4118",
                "-4120",
                "-4131",
                "-4164",
                "-4400",
                "-5021",
                "-5022",
            )
        ),
        duplicate=frozenset(("-4116",)),
        would_trigger=frozenset(("-2021",)),
        no_margin=frozenset(("-2018", "-2019", "-4050", "-4051", "-4161")),
        access_denied=frozenset(("-1002", "-1022", "-2014", "-2015", "-4087", "-4088")),
        clock=frozenset(("-1021", "-5028")),
        limited=frozenset(("-1003", "-1015")),
        already_set=frozenset(("-4046", "-4059")),
        not_found=frozenset(("-2011", "-2013")),
    )
    options: ClassVar[Mapping[str, Any]] = {
        "leverageBrackets": {},  # else fetch_positions asks for them once per account
        "fetchOpenOrders": {"warnWithoutSymbol": False},
        "watchPositions": {"fetchPositionsSnapshot": False},
        "recvWindow": 5_000,
    }

    def trigger_params(self, request: OrderRequest) -> dict[str, Any]:
        if request.trigger_price is None:
            return {}
        return super().trigger_params(request) | {"workingType": "CONTRACT_PRICE"}

    async def lookup(self, api: Api, request: OrderRequest, *, lane: Lane) -> Found | None:
        """A conditional order that has triggered goes on as another order, under another id."""
        found = await super().lookup(api, request, lane=lane)
        if found is None or request.trigger_price is None:
            return found
        actual_id = found.raw["info"].get("actualOrderId")
        if not actual_id:
            return found
        raw = await self.maybe(api, "fetch_order", actual_id, request.symbol, {}, lane=lane)
        return found if raw is None else Found(raw=raw, wire_id=found.wire_id)

    def open_order_lists(self) -> Sequence[Mapping[str, Any]]:
        return ({}, _ALGO)

    async def liquidations(self, api: Api, symbol: str, *, since_ms: Ms) -> frozenset[str]:
        """Trades do not say that they were forced; this list does."""
        market = api.client.market(symbol)
        rows = await api.read(
            "fapiPrivateGetForceOrders",
            {"symbol": market["id"], "startTime": since_ms},
            lane=Lane.SETTLE,
            cost=20,
        )
        return frozenset(str(row["orderId"]) for row in rows)

    async def margin(self, api: Api, symbol: str) -> Margin:
        market = api.client.market(symbol)
        rows = await api.read(
            "fapiPrivateGetSymbolConfig", {"symbol": market["id"]}, lane=Lane.POLL, cost=5
        )
        row = next((each for each in rows if each.get("symbol") == market["id"]), None)
        if row is None:
            return Margin(leverage=None, mode=None)
        crossed = str(row.get("marginType", "")).lower() in ("cross", "crossed")
        return Margin(
            leverage=int(row["leverage"]),
            mode=MarginMode.CROSS if crossed else MarginMode.ISOLATED,
        )
