"""What is Kraken's own: coins under its names, ids of letters, stops that hold coins."""

from base64 import b64encode
from decimal import Decimal
from itertools import count
from typing import Any, ClassVar

from tests.venue.model import Account, Market
from tests.venue.spot import SpotEngine

#: Kraken's names of coins; ccxt and the second websocket use the usual ones.
ASSETS = {"BTC": "XXBT", "ETH": "XETH", "DOGE": "XXDG", "USD": "ZUSD"}
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class KrakenEngine(SpotEngine):
    """A stop or target holds the coins it will sell, and the fee is paid in the quote coin."""

    initial_coins: ClassVar = {"USD": Decimal(10_000)}
    conditional_orders_hold = True
    buy_fee_in_base = False
    spot_taker_fee = Decimal("0.004")
    spot_maker_fee = Decimal("0.0025")

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._ids = count(4_738_381_338_321_616_896_000_001)
        self._trade_ids = count(6_631_234_338_321_616_896_000_001)

    def add(self, key: str, **more: Any) -> Account:
        """Open an account; its secret is ``KEY-secret`` in base64."""
        return super().add(key, **{"secret": secret_of(key), **more})


def secret_of(key: str) -> str:
    """What an account's secret is unless said otherwise."""
    return b64encode(f"{key}-secret".encode()).decode()


def to_text(number: int, kind: str) -> str:
    """An id as Kraken writes it: ``O`` or ``T``, then 16 letters and digits in three groups."""
    letters = ""
    while number:
        number, digit = divmod(number, 36)
        letters = _DIGITS[digit] + letters
    letters = kind + letters.rjust(16, "0")
    return f"{letters[:6]}-{letters[6:11]}-{letters[11:]}"


def to_number(text: str) -> int | None:
    """The number of an id; None when it is not written as one."""
    parts = text.split("-")
    if [len(part) for part in parts] != [6, 5, 6] or not text.isascii():
        return None
    letters = "".join(parts)[1:]
    return int(letters, 36) if letters.isalnum() else None


def asset(coin: str) -> str:
    """How Kraken calls a coin."""
    return ASSETS.get(coin, coin)


def places(step: Decimal) -> int:
    """How many digits a step has after the point."""
    return max(0, -int(step.normalize().as_tuple().exponent))


def pair_name(market: Market) -> str:
    """The pair in an order's description: ``XBTUSD``."""
    return market.name
