"""While an order is on its way, the price moves along the candle that is forming."""

from decimal import Decimal

import pytest

from signalbot.domain.orders import OrderStatus
from signalbot.domain.timeframe import Ms
from tests.exchange.simulated.trader import BUY, SELL, START_MS, Trader, candle

RISING, FALLING = (100, 112, 94, 106), (100, 112, 94, 97)


@pytest.mark.parametrize(
    ("path", "after_ms", "price"),
    [
        (RISING, 0, "100"),  # the candle opens: the last price is still that of the one before
        (RISING, 10_000, "97"),  # half of the way from 100 down to 94
        (RISING, 20_000, "94"),
        (RISING, 30_000, "103"),  # half of the way up to 112
        (RISING, 50_000, "109"),  # and half of the way back to its close
        (FALLING, 10_000, "106"),  # this one goes up first
        (FALLING, 40_000, "94"),
        (FALLING, 60_000, "100"),  # it has closed: what is told is not ahead any more
    ],
)
def test_a_market_order_meets_the_price_where_it_has_come_to(
    path: tuple[int, int, int, int], after_ms: int, price: str
) -> None:
    """Open, the extreme away from the close, the other one, the close: in equal times."""
    trader = Trader()
    trader.venue.upcoming(candle(*path))
    trader.now_ms = Ms(START_MS + after_ms)
    assert trader.order(BUY, 1).average_price == Decimal(price)


def test_a_trigger_is_measured_against_the_price_on_its_way() -> None:
    """A stop at 96 is refused while the price is below it, and rests when it is back."""
    trader = Trader()
    trader.order(BUY, 1)
    trader.venue.upcoming(candle(*RISING))
    trader.now_ms = Ms(START_MS + 20_000)
    with pytest.raises(Exception, match="last price 94"):
        trader.stop(SELL, 1, 96)
    trader.now_ms = Ms(START_MS + 30_000)
    assert trader.stop(SELL, 1, 96).status is OrderStatus.OPEN


def test_where_nothing_is_known_to_come_the_last_price_holds() -> None:
    """As on every market whose prices are told as they happen."""
    trader = Trader()
    trader.now_ms = Ms(START_MS + 10_000)
    assert trader.order(BUY, 1).average_price == 100
