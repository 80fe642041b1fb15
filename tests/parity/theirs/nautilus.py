"""nautilus_trader: the same market orders at the close of the same candles; fills and fees."""

import json
import sys
from decimal import Decimal

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

given = json.load(sys.stdin)
venue = Venue("SIM")
instrument = CryptoPerpetual(
    instrument_id=InstrumentId(Symbol("BTCUSDT-PERP"), venue), raw_symbol=Symbol("BTCUSDT"),
    base_currency=BTC, quote_currency=USDT, settlement_currency=USDT, is_inverse=False,
    price_precision=1, price_increment=Price.from_str("0.1"),
    size_precision=3, size_increment=Quantity.from_str("0.001"),
    max_quantity=Quantity.from_str("1000.000"), min_quantity=Quantity.from_str("0.001"),
    max_notional=None, min_notional=None, max_price=None, min_price=None,
    margin_init=Decimal("0.05"), margin_maint=Decimal("0.025"),
    maker_fee=Decimal(given["fee"]), taker_fee=Decimal(given["fee"]), ts_event=0, ts_init=0,
)  # fmt: skip
kind = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
orders = given["orders"]  # by close in ms: signed quantities, in their order
fills = []


class Follow(Strategy):
    def on_start(self):
        self.subscribe_bars(kind)

    def on_bar(self, bar):
        for quantity in orders.get(str(bar.ts_event // 1_000_000), ()):
            side = OrderSide.SELL if quantity.startswith("-") else OrderSide.BUY
            size = instrument.make_qty(Decimal(quantity.lstrip("-")))
            self.submit_order(self.order_factory.market(instrument.id, side, size))

    def on_order_filled(self, event):
        fills.append(
            [str(event.order_side.name if hasattr(event.order_side, "name") else event.order_side),
             str(event.last_qty), str(event.last_px), str(event.commission.as_decimal())]
        )  # fmt: skip


engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
engine.add_venue(
    venue=venue, oms_type=OmsType.NETTING, account_type=AccountType.MARGIN, base_currency=USDT,
    starting_balances=[Money(given["cash"], USDT)],
)  # fmt: skip
engine.add_instrument(instrument)
engine.add_data(
    [
        Bar(kind, *(instrument.make_price(Decimal(price)) for price in row[1:5]),
            instrument.make_qty(Decimal(1000)), row[0] * 1_000_000, row[0] * 1_000_000)
        for row in given["candles"]
    ]
)  # fmt: skip
engine.add_strategy(Follow())
engine.run()
balance = engine.cache.account_for_venue(venue).balance_total(USDT).as_decimal()
json.dump({"fills": fills, "balance": str(balance)}, sys.stdout)
