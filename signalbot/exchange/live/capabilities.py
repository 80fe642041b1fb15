"""Capabilities of exchanges, checked before an account trades there."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from signalbot.domain.market import BracketUnit, MarketKind
from signalbot.domain.orders import OrderType
from signalbot.domain.timeframe import Timeframe
from signalbot.domain.users import MarginMode


class StopSupport(StrEnum):
    """ATTACHED: the entry carries its stop; later stops are separate orders."""

    ATTACHED = "attached"
    SEPARATE = "separate"
    NONE = "none"


class QuantityUnit(StrEnum):
    """The unit of an exchange's order quantities."""

    BASE = "base"
    CONTRACTS = "contracts"


ALL_TYPES = frozenset(OrderType)


COMMON_TIMEFRAMES = frozenset(Timeframe) - {Timeframe.M10}
"""Candles of most exchanges."""

MINUTES_TO_FOUR_HOURS = frozenset((
    Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.M30, Timeframe.H1, Timeframe.H4,
))  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """At most ``cost`` units in any ``per_ms`` milliseconds."""

    cost: int
    per_ms: int
    is_aligned: bool = False  #: counted in windows that begin at multiples of ``per_ms``


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageTierRequest:
    """The ccxt call that returns an exchange's leverage tiers, and what its numbers mean."""

    method: str  #: ``fetch_leverage_tiers`` for all, or ``fetch_market_leverage_tiers`` for one
    unit: BracketUnit  #: of ``minNotional``: contracts, despite its name, where QUANTITY
    deduction: str = ""  #: where the exchange's own answer has it; empty: the whole rate holds
    by_leverage: bool = False  #: a tier holds for its leverage alone
    params: Mapping[str, Any] | None = None
    cost: int = 1
    is_private: bool = False

    @property
    def is_per_market(self) -> bool:
        return self.method == "fetch_market_leverage_tiers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """One row of the capability table: one exchange, one kind of market."""

    exchange: str  #: ccxt id
    kind: MarketKind
    order_types: frozenset[OrderType] = ALL_TYPES
    stops: StopSupport = StopSupport.SEPARATE
    stop_lifetime_ms: int | None = None  #: when stops and targets expire; None: never
    can_amend_stops: bool = False  #: a resting stop can be given another price and size
    reduce_only: bool = True
    stop_locks_coins: bool = False  #: other orders cannot sell the coins of a resting spot stop
    unit: QuantityUnit = QuantityUnit.BASE
    client_id: str = "32 hex digits"  #: the form in which ours are sent
    client_id_retention: str = "as its order"  #: how long an order is found by it
    order_retention_days: int | None = None  #: how long ended orders are listed; None: not known
    fill_retention_days: int | None = None  #: how long fills are listed; None: not known
    lookup: str  #: the lists in which an order is found
    position_mode: str = "one-way"
    margin_modes: frozenset[MarginMode] = frozenset(MarginMode)
    leverage: bool = True
    #: Timeframes with candles that open at multiples of their length in UTC.
    timeframes: frozenset[Timeframe] = COMMON_TIMEFRAMES
    max_candle_history: int | None = None  #: the longest history of candles; None: no limit known
    streams_candles: bool = True  #: else they are read over REST
    candle_page: int = 500  #: candles of one response
    trigger_price: str = "last"  #: the price that triggers stops and targets; always sent
    rates: tuple[RateLimit, ...]  #: published limits of one address, in the exchange's own weights

    @property
    def has_take_profit(self) -> bool:
        return OrderType.TAKE_PROFIT in self.order_types

    @property
    def stop_move_method(self) -> str:
        """How a stop moves; on spot the old one locks the coins of the new one."""
        if self.stops is StopSupport.NONE:
            return "never"
        if self.can_amend_stops:
            return "in place"
        return "old goes first" if self.kind is MarketKind.SPOT else "new comes first"

    @property
    def can_short(self) -> bool:
        return self.kind is MarketKind.SWAP
