"""The symbols that an account trades, their adapters, and what reads of them cost."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from signalbot.domain.market import Instrument, MarketKind
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.ports import Market

AdaptersByKind = Mapping[MarketKind, ExchangeAdapter]
SymbolsByKind = Mapping[MarketKind, Sequence[str]]


class AccountMarkets:
    """Costs are in the exchange's own weights."""

    def __init__(self, adapters: AdaptersByKind, market: Market, symbols: Collection[str]) -> None:
        self.adapters = adapters
        self.market = market
        self.symbols = sorted(symbols)

    def adapter_of(self, symbol: str) -> ExchangeAdapter:
        return self.adapters[self.market.instrument(symbol).kind]

    def adapter_and_instrument(self, symbol: str) -> tuple[ExchangeAdapter, Instrument]:
        instrument = self.market.instrument(symbol)
        return self.adapters[instrument.kind], instrument

    def by_kind(self, symbols: Iterable[str]) -> dict[MarketKind, list[str]]:
        """Symbols grouped by kind of market, each once."""
        kinds: dict[MarketKind, list[str]] = {}
        for symbol in dict.fromkeys(symbols):
            kinds.setdefault(self.market.instrument(symbol).kind, []).append(symbol)
        return kinds

    # --- costs ----------------------------------------------------------------------------

    def open_orders_cost(self, symbols: SymbolsByKind) -> int:
        """The cost of every list of open orders."""
        return sum(
            self.adapters[kind].open_orders_cost_of(len(each)) for kind, each in symbols.items()
        )

    def comparison_cost(self, symbols: SymbolsByKind) -> int:
        """The cost of one comparison with the ledger: every list, and the holdings."""
        held = sum(self.adapters[kind].holdings_cost for kind in symbols)
        return self.open_orders_cost(symbols) + held

    def balance_cost(self, symbols: SymbolsByKind) -> int:
        return sum(self.adapters[kind].balance_cost for kind in symbols)

    def margins_cost(self, symbols: SymbolsByKind) -> int:
        return sum(self.adapters[kind].margins_cost(len(each)) for kind, each in symbols.items())
