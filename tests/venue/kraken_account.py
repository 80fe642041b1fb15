"""Kraken's private endpoints beside orders: balances, the key, tokens for the websocket."""

import secrets
from collections.abc import Callable
from typing import Any

from tests.venue import kraken_shapes as shapes
from tests.venue.kraken_engine import KrakenEngine
from tests.venue.model import ZERO, Account
from tests.venue.spot import coins_of

Asked = dict[str, Any]
TOKEN_S = 900


class AccountEndpoints:
    """What one account may ask of itself."""

    def __init__(self, engine: KrakenEngine, nonces: dict[str, int]) -> None:
        self._engine, self._nonces = engine, nonces
        self._tokens: dict[str, tuple[str, int]] = {}  # token: key, valid until

    def routes(self) -> dict[str, Callable[[Account, Asked], Any]]:
        """By path after ``/0/private/``; the answer's ``result``."""
        return {
            "Balance": self._balance, "BalanceEx": lambda a, _: shapes.balances(self._engine, a),
            "TradeBalance": self._trade_balance, "OpenPositions": lambda *_: {},
            "GetApiKeyInfo": lambda a, _: shapes.key_info(self._engine, a, self._nonces[a.key]),
            "GetWebSocketsToken": self._token,
        }  # fmt: skip

    def key_of(self, token: str) -> str:
        """Whose token it is; nothing for one that is unknown or too old."""
        key, until_ms = self._tokens.get(token, ("", 0))
        return key if until_ms >= self._engine.now_ms() else ""

    def _balance(self, account: Account, _: Asked) -> Any:
        rows = shapes.balances(self._engine, account)
        return {coin: row["balance"] for coin, row in rows.items()}

    def _trade_balance(self, account: Account, _: Asked) -> Any:
        worth = coins_of(account).get("USD", ZERO)
        for market in self._engine.spot_markets():
            worth += coins_of(account).get(market.base, ZERO) * self._engine.prices[market.id]
        told = shapes.plain(worth, 4)
        nothing = dict.fromkeys(("m", "n", "c", "v", "uv"), "0.0000")
        return {"eb": told, "tb": told, "e": told, "mf": told, **nothing}

    def _token(self, account: Account, _: Asked) -> Any:
        """It must be used within 15 minutes."""
        token = secrets.token_urlsafe(32)
        self._tokens[token] = (account.key, self._engine.now_ms() + TOKEN_S * 1000)
        return {"token": token, "expires": TOKEN_S}
