"""What is Kraken Futures' own: ids of 32 digits, and collateral of several coins.

Gains, losses and fees are in USD. Every other coin of the wallet counts as margin with a haircut.
"""

from base64 import b64encode
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any, cast
from uuid import UUID

from tests.venue.engine import Engine
from tests.venue.model import ZERO, Account, MarginMode

HAIRCUT = Decimal("0.05")
_COINS = {"XBT": "BTC", "XDG": "DOGE"}


@dataclass(slots=True, kw_only=True)
class FlexAccount(Account):
    """A multi-collateral wallet; ``wallet`` is its USD, which losses may make negative."""

    currency: str = "USD"
    collateral: dict[str, Decimal] = field(default_factory=dict)  #: other coins, as XBT


class KrakenFuturesEngine(Engine):
    """Perpetuals that settle in USD."""

    account_class = FlexAccount

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._ids = count(0x59302619_41D2_4F0B_941F_7E7900000001)
        self._trade_ids = count(0x3D57ED09_FBD6_44F1_8E8B_B10E00000001)

    def add(self, key: str, **more: Any) -> Account:
        """Open an account; its secret is ``KEY-secret`` in base64."""
        secret = b64encode(f"{key}-secret".encode()).decode()
        return super().add(key, **{"secret": secret, **more})

    def coin_price(self, coin: str) -> Decimal:
        """What a coin of the collateral is worth in USD."""
        return super().coin_price(_COINS.get(coin, coin))

    def collateral_value(self, account: Account) -> Decimal:
        """The worth of every coin but USD, before the haircut."""
        held = cast("FlexAccount", account).collateral
        return sum((amount * self.coin_price(coin) for coin, amount in held.items()), ZERO)

    def collateral(self, account: Account) -> Decimal:
        return super().collateral(account) + self.collateral_value(account) * (1 - HAIRCUT)

    def fixed_leverage(self, account: Account, symbol: str) -> int | None:
        """The preference that makes a market isolated; None for cross margin."""
        is_isolated = self.margin_mode(account, symbol) is MarginMode.ISOLATED
        return account.leverage.get(symbol) if is_isolated else None


def to_text(number: int) -> str:
    """An id as it is written."""
    return str(UUID(int=number))


def to_number(text: str) -> int | None:
    """The number of an id; None when it is not written as one."""
    try:
        return UUID(text).int
    except ValueError:
        return None


def account_uid(account: Account) -> str:
    """The number of an account, made of its key."""
    return str(UUID(bytes=account.key.encode().ljust(16, b"0")[:16]))
