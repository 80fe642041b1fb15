"""MEXC's account requests: balance, leverage and margin mode of perpetuals."""

from typing import Final

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.money import ZERO
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters.account_requests import AccountRequests
from signalbot.exchange.live.adapters.types import SymbolMargin
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

OPEN_TYPES: Final = {MarginMode.ISOLATED: 1, MarginMode.CROSS: 2}
_MODES = {str(number): mode for mode, number in OPEN_TYPES.items()}
_LONG, _SHORT = 1, 2


class MexcAccountRequests(AccountRequests):
    """Leverage and margin mode are one setting, of each side."""

    async def balance(
        self, api: ExchangeApi, currency: str, *, now_ms: Ms, priority: RequestPriority
    ) -> Balance:
        """ccxt's total omits the margin of positions."""
        raw = await api.read(
            "fetch_balance", {"type": "swap"}, priority=priority, cost=self.balance_cost
        )
        rows = raw["info"].get("data") or ()
        row: CcxtDict = next((each for each in rows if each.get("currency") == currency), {})
        free = parse_decimal(row.get("availableOpen"))
        return Balance(
            equity=parse_decimal(row.get("equity")) or ZERO,
            free=parse_decimal(row.get("availableBalance")) or ZERO if free is None else free,
            as_of_ms=now_ms,
        )

    async def symbol_margin(
        self, api: ExchangeApi, symbol: str, *, wanted: MarginMode | None = None
    ) -> SymbolMargin:
        """Every order names margin mode and leverage; a position keeps those of its opening.

        The leverage of a mode that the account has not used is not reported.
        """
        request_params = {"symbol": api.client.market(symbol)["id"]}
        held = await api.read(
            "contractPrivateGetPositionOpenPositions", request_params, priority=RequestPriority.POLL
        )
        modes = [_MODES.get(str(row.get("openType"))) for row in held.get("data") or ()]
        mode = next(filter(None, modes), wanted)
        response = await api.read(
            "contractPrivateGetPositionLeverage", request_params, priority=RequestPriority.POLL
        )
        rows = response.get("data") or ()
        mode = mode or next((_MODES.get(str(row.get("openType"))) for row in rows), None)
        levers = {
            int(row["leverage"]) for row in rows if _MODES.get(str(row.get("openType"))) is mode
        }
        return SymbolMargin(leverage=levers.pop() if len(levers) == 1 else None, mode=mode)

    async def set_leverage(
        self, api: ExchangeApi, symbol: str, leverage: int, mode: MarginMode
    ) -> None:
        """Leverage and mode are one setting, of longs and of shorts."""
        for side in (_LONG, _SHORT):
            params = {"openType": OPEN_TYPES[mode], "positionType": side}
            await api.execute(
                "set_leverage", leverage, symbol, params, priority=RequestPriority.POLL
            )

    async def set_margin_mode(
        self, api: ExchangeApi, symbol: str, leverage: int, mode: MarginMode
    ) -> None:
        """``set_leverage``, which always follows, sets both."""
