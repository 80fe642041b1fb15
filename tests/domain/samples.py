"""One plausible thing of every kind the domain knows; a test changes what it is about."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import strategies as st

from signalbot.domain.market import Candle, Instrument
from signalbot.domain.orders import (
    ClientOrderId,
    Fill,
    Leg,
    Order,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
    client_order_id_of,
)
from signalbot.domain.positions import Position
from signalbot.domain.signals import (
    Action,
    Side,
    Signal,
    SignalSource,
    Strength,
    position_id_of,
    signal_id_of_key,
)
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import Mode, UserId

BTC = "BTC/USDT:USDT"
ETH = "ETH/USDT:USDT"
ANNA = UserId("anna")
NOW = Ms(1_700_000_100_000)  # on the boundary of every timeframe up to five minutes

INSTRUMENT = Instrument(
    symbol=BTC,
    base="BTC",
    quote="USDT",
    tick=Decimal("0.1"),
    lot=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    min_notional=Decimal(5),
)

CANDLE = Candle(
    symbol=BTC,
    timeframe=Timeframe.M5,
    open_ms=NOW,
    open=Decimal(100),
    high=Decimal(110),
    low=Decimal(90),
    close=Decimal(105),
    volume=Decimal(7),
)

SIGNAL = Signal(
    signal_id=signal_id_of_key(strategy="trend", key="1"),
    strategy="trend",
    source=SignalSource.STRATEGY,
    exchange="sim",
    symbol=BTC,
    timeframe=Timeframe.M5,
    action=Action.LONG,
    strength=Strength.STRONG,
    confidence=0.8,
    price=Decimal(100),
    stop_loss=Decimal(95),
    take_profits=(Decimal(110), Decimal(120)),
    reason="crossed upwards",
    candle_close_ms=NOW,
    created_at_ms=NOW,
    expires_at_ms=Ms(NOW + 300_000),
)

CLIENT_ORDER_ID = client_order_id_of(signal_id=SIGNAL.signal_id, user_id=ANNA, leg=Leg.ENTRY)

REQUEST = OrderRequest(
    client_order_id=CLIENT_ORDER_ID,
    user_id=ANNA,
    exchange="sim",
    symbol=BTC,
    leg=Leg.ENTRY,
    side=OrderSide.BUY,
    type=OrderType.MARKET,
    quantity=Decimal(10),
    signal_id=SIGNAL.signal_id,
    position_id=position_id_of(signal_id=SIGNAL.signal_id, user_id=ANNA),
    intended_at_ms=NOW,
)

ORDER = Order(request=REQUEST)

POSITION = Position(
    position_id=position_id_of(signal_id=SIGNAL.signal_id, user_id=ANNA),
    user_id=ANNA,
    signal_id=SIGNAL.signal_id,
    strategy="trend",
    exchange="sim",
    symbol=BTC,
    side=Side.LONG,
    mode=Mode.PAPER,
    opened_at_ms=NOW,
)


def report(status: OrderStatus, filled: Decimal | int = 0, *, at_ms: int = NOW) -> OrderReport:
    """A report of ``ORDER``."""
    return OrderReport(
        client_order_id=CLIENT_ORDER_ID,
        exchange_order_id="77",
        symbol=BTC,
        status=status,
        filled=Decimal(filled),
        average_price=Decimal(100) if filled else None,
        updated_at_ms=Ms(at_ms),
    )


def fill(
    side: OrderSide,
    quantity: Decimal | int | str,
    price: Decimal | int | str,
    *,
    fee: Decimal | int | str = 0,
    trade_id: str = "1",
    at_ms: int = NOW,
    client_order_id: ClientOrderId = CLIENT_ORDER_ID,
) -> Fill:
    """One match in ``BTC``."""
    return Fill(
        trade_id=trade_id,
        client_order_id=client_order_id,
        symbol=BTC,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=Decimal(fee),
        fee_currency="USDT",
        filled_at_ms=Ms(at_ms),
    )


def held(
    side: Side = Side.LONG, *, quantity: str = "1", entry: str = "100", symbol: str = BTC
) -> Position:
    """An open position."""
    return replace(
        POSITION,
        symbol=symbol,
        side=side,
        quantity=Decimal(quantity),
        entry_quantity=Decimal(quantity),
        entry_price=Decimal(entry),
    )


def decimals(*, least: int = 1, most: int, places: int) -> st.SearchStrategy[Decimal]:
    """Decimals from ``least`` to ``most`` units of the digit at ``places``."""
    return st.integers(least, most).map(lambda digits: Decimal(digits).scaleb(-places))
