"""OKX's perpetuals."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from signalbot.domain.funding import FundingPayment
from signalbot.domain.market import MarketKind
from signalbot.domain.money import ZERO, text
from signalbot.domain.orders import OrderRequest
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters.okx import LOOKUP, MAX_PAGE, RATES, OkxAdapter
from signalbot.exchange.live.adapters.types import SymbolMargin
from signalbot.exchange.live.capabilities import Capabilities, QuantityUnit, StopSupport
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

_BILLS_MS = 7 * 86_400_000 - 60_000


class OkxSwap(OkxAdapter):
    """Quantities are counts of contracts."""

    capabilities: ClassVar = Capabilities(
        exchange="okx",
        kind=MarketKind.SWAP,
        stops=StopSupport.ATTACHED,
        can_amend_stops=True,
        unit=QuantityUnit.CONTRACTS,
        lookup=LOOKUP,
        rates=RATES,
    )
    sends_margin_mode: ClassVar = True

    def attached_params(self, stop: OrderRequest) -> dict[str, Any]:
        """ccxt would omit the id; the stop is placed when the entry has filled completely."""
        assert stop.trigger_price is not None  # noqa: S101 - a stop has one
        attached = {
            "attachAlgoClOrdId": self.wire_id(stop.client_order_id),
            "slTriggerPx": text(stop.trigger_price),
            "slTriggerPxType": "last",
            "slOrdPx": "-1",  # at market
        }
        return {"attachAlgoOrds": [attached]}

    async def funding(
        self, api: ExchangeApi, symbols: Collection[str], *, since_ms: Ms, priority: RequestPriority
    ) -> Sequence[FundingPayment]:
        """Bills of type 8, newest first; those of three months are at another endpoint.

        https://www.okx.com/docs-v5/en/#trading-account-rest-api-get-bills-details-last-7-days
        """
        ids = {api.client.market(symbol)["id"]: symbol for symbol in symbols}
        is_old = since_ms < api.client.milliseconds() - _BILLS_MS
        method = "privateGetAccountBillsArchive" if is_old else "privateGetAccountBills"
        request_params = {
            "instType": "SWAP",
            "type": "8",
            "begin": str(since_ms),
            "limit": str(MAX_PAGE),
        }
        found: list[FundingPayment] = []
        while True:
            rows = (await api.read(method, request_params, priority=priority))["data"]
            found += [
                _parse_payment(row, ids)
                for row in rows
                if row.get("instId") in ids and int(row["ts"]) >= since_ms
            ]
            if len(rows) < MAX_PAGE or int(rows[-1]["ts"]) < since_ms:
                return found
            request_params["after"] = str(rows[-1]["billId"])

    def is_mode_error(self, rejection: str) -> bool:
        """51000 names ``posSide`` where the position mode differs."""
        return "posside" in rejection.lower()

    # --- the account ----------------------------------------------------------------------

    async def holdings(
        self, api: ExchangeApi, symbols: Collection[str], *, priority: RequestPriority
    ) -> Sequence[CcxtDict]:
        raws: Sequence[CcxtDict] = await api.read(
            "fetch_positions", None, {"instType": "SWAP"}, priority=priority
        )
        return raws

    async def symbol_margin(
        self, api: ExchangeApi, symbol: str, *, wanted: MarginMode | None = None
    ) -> SymbolMargin:
        """Leverage is set for each mode. A position keeps the mode in which it was opened.

        Otherwise the orders that close it would be rejected.
        """
        mode = await self._position_mode(api, symbol, RequestPriority.POLL) or wanted
        if mode is None:
            return SymbolMargin(leverage=None, mode=None)
        return SymbolMargin(leverage=await self._fetch_leverage(api, symbol, mode), mode=mode)

    async def _fetch_leverage(self, api: ExchangeApi, symbol: str, mode: MarginMode) -> int | None:
        raw = await api.read(
            "fetch_leverage", symbol, {"marginMode": mode.value}, priority=RequestPriority.POLL
        )
        leverage = parse_decimal(raw.get("longLeverage"))
        return None if leverage is None else int(leverage)

    async def set_leverage(
        self, api: ExchangeApi, symbol: str, leverage: int, mode: MarginMode
    ) -> None:
        """Set only if it differs: with resting orders setting the same can be rejected."""
        if await self._fetch_leverage(api, symbol, mode) != leverage:
            params = {"marginMode": mode.value}
            await api.execute(
                "set_leverage", leverage, symbol, params, priority=RequestPriority.POLL
            )

    async def set_margin_mode(
        self, api: ExchangeApi, symbol: str, leverage: int, mode: MarginMode
    ) -> None:
        """Nothing to set: every order names its mode."""

    async def _position_mode(
        self, api: ExchangeApi, symbol: str, priority: RequestPriority
    ) -> MarginMode | None:
        raws = await api.read("fetch_positions", [symbol], priority=priority)
        held = (raw.get("marginMode") for raw in raws if parse_decimal(raw.get("contracts")))
        return next((MarginMode(mode) for mode in held if mode in tuple(MarginMode)), None)


def _parse_payment(row: CcxtDict, symbols: Mapping[str, str]) -> FundingPayment:
    return FundingPayment(
        payment_id=str(row["billId"]),
        symbol=symbols[row["instId"]],
        amount=parse_decimal(row.get("balChg")) or parse_decimal(row.get("posBalChg")) or ZERO,
        paid_at_ms=Ms(int(row["ts"])),
    )
