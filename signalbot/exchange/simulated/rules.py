"""Rules of a simulated exchange: markets, fees, latency, random rejections."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from signalbot.domain.market import Fees, Instrument, MarketKind
from signalbot.domain.money import HUNDRED


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSymbol:
    """One market: the center of its price and its trading grid."""

    price: Decimal  #: the seeded path stays around it, > 0
    annual_volatility_percent: Decimal = Decimal(60)
    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal("0.001")  #: base units
    min_quantity: Decimal = Decimal("0.001")  #: base units
    min_notional: Decimal = Decimal(5)  #: quote units
    contract_size: Decimal = Decimal(1)  #: base units per contract

    def __post_init__(self) -> None:
        for name in ("price", "annual_volatility_percent", "tick", "lot", "contract_size"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above zero, not {getattr(self, name)}")
        if self.min_quantity < 0 or self.min_notional < 0:
            raise ValueError("min_quantity and min_notional must not be negative")
        if self.tick > self.price:
            raise ValueError(f"tick {self.tick} is larger than the price {self.price}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationRules:
    """``speed`` is that of the exchange's clock; all others are its own settings.

    Rejections and partial fills are drawn per client order id, not in turn: the same seed treats
    the same order alike, independent of others.
    """

    seed: int = 1
    speed: Decimal = Decimal(1)  #: simulated seconds per real second, > 0
    taker_fee_percent: Decimal = Decimal("0.05")
    maker_fee_percent: Decimal = Decimal("0.02")
    slippage_bps: Decimal = Decimal(1)  #: against market orders and stops
    latency_ms: int = 0  #: there and back
    reject_probability: float = 0.0  #: of an entry
    partial_fill_probability: float = 0.0  #: of an entry
    symbols: Mapping[str, SimulatedSymbol] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("reject_probability", "partial_fill_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, not {getattr(self, name)}")
        for name in ("taker_fee_percent", "maker_fee_percent", "slippage_bps", "latency_ms"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, but is {getattr(self, name)}")
        if not self.speed > 0:
            raise ValueError(f"speed must be above zero, not {self.speed}")

    @property
    def fees(self) -> Fees:
        """The same as fractions."""
        return Fees(maker=self.maker_fee_percent / HUNDRED, taker=self.taker_fee_percent / HUNDRED)


def _symbol(price: str, volatility: str, tick: str, lot: str) -> SimulatedSymbol:
    return SimulatedSymbol(
        price=Decimal(price),
        annual_volatility_percent=Decimal(volatility),
        tick=Decimal(tick),
        lot=Decimal(lot),
        min_quantity=Decimal(lot),
    )


PRESET_SYMBOLS: Mapping[str, SimulatedSymbol] = {
    "BTC/USDT:USDT": _symbol("60000", "50", "0.1", "0.001"),
    "ETH/USDT:USDT": _symbol("3000", "65", "0.01", "0.001"),
    "SOL/USDT:USDT": _symbol("150", "85", "0.01", "0.01"),
    "XRP/USDT:USDT": _symbol("2.5", "80", "0.0001", "0.1"),
    "DOGE/USDT:USDT": _symbol("0.2", "90", "0.00001", "1"),
}
"""Markets with the grids of large exchanges, which need no configuration."""

_DEFAULT_SYMBOL = SimulatedSymbol(price=Decimal(100))


def default_symbol(symbol: str) -> SimulatedSymbol:
    """The market of an unconfigured symbol: a known one, else generic."""
    return PRESET_SYMBOLS.get(symbol, _DEFAULT_SYMBOL)


def symbol_rules(rules: SimulationRules, symbol: str) -> SimulatedSymbol:
    """The market of a symbol: configured, else known, else generic."""
    return rules.symbols.get(symbol) or default_symbol(symbol)


def instrument_of(symbol: str, rules: SimulatedSymbol) -> Instrument:
    """The market's rules as an ``Instrument``.

    Raises:
        KeyError: ``symbol`` is not written ``BASE/QUOTE`` or ``BASE/QUOTE:SETTLE``.
    """
    pair, _, settle = symbol.partition(":")
    base, _, quote = pair.partition("/")
    if not base or not quote:
        raise KeyError(symbol)
    return Instrument(
        symbol=symbol,
        base=base,
        quote=quote,
        kind=MarketKind.SWAP if settle else MarketKind.SPOT,
        tick=rules.tick,
        lot=rules.lot,
        min_quantity=rules.min_quantity,
        min_notional=rules.min_notional,
        contract_size=rules.contract_size,
    )
