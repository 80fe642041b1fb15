"""OKX's spot market."""

from typing import ClassVar, Final

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.errors import Unavailable
from signalbot.domain.money import ZERO
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.adapters.okx import LOOKUP, RATES, OkxAdapter
from signalbot.exchange.live.adapters.spot import SpotAdapter, spot_capabilities
from signalbot.exchange.live.adapters.types import CreateOrderArgs
from signalbot.exchange.live.capabilities import StopSupport
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

_CASH_OR_CROSS: Final = "signalbot.spotMode"  # an option of the client: its value is kept there


class OkxSpot(SpotAdapter, OkxAdapter):
    capabilities: ClassVar = spot_capabilities(
        "okx", lookup=LOOKUP, rates=RATES, stops=StopSupport.SEPARATE, can_amend_stops=True
    )

    async def send(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CcxtDict:
        """Unified margin accounts reject "cash"; under "cross" a market buy would count quote."""
        mode = await _spot_mode(api, priority)
        create.params["tdMode"] = mode
        if mode == "cross" and create.type == "market" and "stopLossPrice" not in create.params:
            create.params["tgtCcy"] = "base_ccy"
        return await super().send(api, create, priority)

    async def balance(
        self, api: ExchangeApi, currency: str, *, now_ms: Ms, priority: RequestPriority
    ) -> Balance:
        """Free is the available balance, not the available margin."""
        raw = await api.read("fetch_balance", self.balance_params(), priority=priority)
        coins = {each["ccy"]: each for each in raw["info"]["data"][0]["details"]}
        mine = coins.get(currency, {})
        return Balance(
            equity=parse_decimal(mine.get("eq")) or ZERO,
            free=parse_decimal(mine.get("availBal")) or ZERO,
            as_of_ms=now_ms,
        )


async def _spot_mode(api: ExchangeApi, priority: RequestPriority) -> str:
    """The trade mode of spot orders by the account's level; read once."""
    mode = api.client.options.get(_CASH_OR_CROSS)
    if mode is None:
        response = await api.read("privateGetAccountConfig", {}, priority=priority)
        level = str(response["data"][0].get("acctLv"))
        mode = {"1": "cash", "2": "cash", "3": "cross", "4": "cross"}.get(level)
        if mode is None:
            raise Unavailable(f"never sent: account level {level} is not known")
        api.client.options[_CASH_OR_CROSS] = mode
    return str(mode)
