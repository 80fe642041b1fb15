"""Values that adapters take and return beside ccxt's own structures."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.parsing import CcxtDict


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOrderArgs:
    """Arguments of ccxt's ``create_order``; ``params`` is a new dictionary for every order."""

    symbol: str
    type: str
    side: str
    amount: str
    price: str | None
    params: dict[str, Any]

    @property
    def positional_args(self) -> tuple[Any, ...]:
        return (self.symbol, self.type, self.side, self.amount, self.price, self.params)


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolMargin:
    """Leverage and margin mode of an account in one symbol; None where not reported."""

    leverage: int | None
    mode: MarginMode | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundOrder:
    """An order that the exchange reported: ccxt's structure and its client order id."""

    raw: CcxtDict
    wire_id: str | None  #: the client order id in the exchange's form


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPermissions:
    """Permissions of an API key; None where the exchange does not report them."""

    may_trade: bool | None = None
    may_withdraw: bool | None = None
    is_ip_bound: bool | None = None  #: usable from listed addresses only
    expires_at_ms: Ms | None = None


def parse_margin(raw: CcxtDict) -> SymbolMargin:
    """The values of ccxt's leverage structure, as far as it is filled."""
    leverage = raw.get("longLeverage") or raw.get("shortLeverage")
    mode = raw.get("marginMode")
    return SymbolMargin(
        leverage=None if leverage is None else int(Decimal(str(leverage))),
        mode=MarginMode(mode) if mode in tuple(MarginMode) else None,
    )
