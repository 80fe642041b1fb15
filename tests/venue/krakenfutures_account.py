"""What one account may read at Kraken Futures, and its leverage.

Sources: "Get Open Orders", "Get Specific Orders' Status", "Get your fills", "Get Open
Positions", "Get Wallets", "Set the leverage setting for a market", "Check v3 API key".
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.venue import krakenfutures_shapes as shapes
from tests.venue.krakenfutures_engine import KrakenFuturesEngine, account_uid, to_text
from tests.venue.krakenfutures_errors import No
from tests.venue.krakenfutures_market import MarketEndpoints
from tests.venue.krakenfutures_orders import OrderEndpoints
from tests.venue.model import Account, MarginMode, Order

Asked = dict[str, Any]
FILLS_A_PAGE = 100


class AccountEndpoints:
    """Lists, positions, the wallet, preferences."""

    def __init__(
        self, engine: KrakenFuturesEngine, market: MarketEndpoints, orders: OrderEndpoints
    ) -> None:
        self._engine, self._public, self._orders = engine, market, orders

    def routes(self) -> dict[tuple[str, str], Callable[[Account, Asked], dict[str, Any]]]:
        """By method and path after ``/derivatives/api/v3/``."""
        return {
            ("GET", "openorders"): self._open, ("GET", "orders/status"): self._status,
            ("POST", "orders/status"): self._status, ("GET", "fills"): self._fills,
            ("GET", "openpositions"): self._positions, ("GET", "accounts"): self._accounts,
            ("GET", "leveragepreferences"): self._leverages,
            ("PUT", "leveragepreferences"): self._set_leverage,
        }  # fmt: skip

    def _open(self, account: Account, _: Asked) -> dict[str, Any]:
        """All of them, triggers included, newest first."""
        orders = reversed(self._engine.open_orders(account))
        return {"openOrders": [shapes.open_order(order) for order in orders]}

    def _status(self, account: Account, asked: Asked) -> dict[str, Any]:
        """Only what is open or has ended within five seconds; what is unknown is left out."""
        ids, names = set(asked["orderIds"]), set(asked["cliOrdIds"])
        if not ids and not names:
            raise No("requiredArgumentMissing")

        def is_meant(order: Order) -> bool:
            return to_text(order.id) in ids or (bool(names) and order.ask.client_id in names)

        rows = [
            shapes.lifecycle(self._engine, order) for order in account.orders.values()
            if is_meant(order) and self._orders.is_remembered(order) and self._engine.shown(order)
        ]  # fmt: skip
        return {"orders": rows}

    def _fills(self, account: Account, asked: Asked) -> dict[str, Any]:
        """A hundred, newest first, of all markets; those before ``lastFillTime`` if it is given."""
        before_ms = 2**62
        if asked.get("lastFillTime"):
            try:
                at = datetime.fromisoformat(str(asked["lastFillTime"]))
            except ValueError:
                raise No("invalidArgument") from None
            before_ms = round(at.timestamp() * 1000)
        trades = [
            each for each in reversed(account.trades)
            if each.at_ms < before_ms and self._engine.shown(account.orders[each.order_id])
        ]  # fmt: skip
        return {"fills": [shapes.fill(each) for each in trades[:FILLS_A_PAGE]]}

    def _positions(self, account: Account, _: Asked) -> dict[str, Any]:
        return {
            "openPositions": [
                shapes.position(self._engine, account, held)
                for held in account.positions.values()
                if held.quantity
            ]
        }

    def _accounts(self, account: Account, _: Asked) -> dict[str, Any]:
        cash = {"type": "cashAccount", "balances": {}}
        return {"accounts": {"cash": cash, "flex": shapes.flex(self._engine, account)}}

    # --- leverage ---------------------------------------------------------------------------

    def _leverages(self, account: Account, asked: Asked) -> dict[str, Any]:
        """Only what was set: a market without a preference has cross margin."""
        symbol = str(asked.get("symbol") or "")
        fixed = {each: self._engine.fixed_leverage(account, each) for each in self._engine.markets}
        return {"leveragePreferences": [
            {"symbol": each, "maxLeverage": float(leverage)} for each, leverage in fixed.items()
            if leverage is not None and symbol in ("", each)
        ]}  # fmt: skip

    def _set_leverage(self, account: Account, asked: Asked) -> dict[str, Any]:
        """A leverage makes the market isolated; none makes it cross again."""
        symbol = str(asked.get("symbol") or "")
        if symbol not in self._engine.markets:
            raise No("contractNotFound" if symbol else "requiredArgumentMissing")
        said = asked.get("maxLeverage")
        if account.keeps_leverage:
            return {}
        if not said:
            account.leverage.pop(symbol, None)
            account.margin_mode[symbol] = MarginMode.CROSS
            return {}
        leverage, market = Decimal(str(said)), self._engine.markets[symbol]
        if not 1 <= leverage <= market.max_leverage:
            raise No("invalidArgument: maxLeverage")
        held = account.position(symbol)
        needed = abs(held.quantity) * self._engine.marks[symbol] / leverage
        if needed - self._engine.margin_of(account, held) > self._engine.available(account):
            raise No("INSUFFICIENT_MARGIN", 500)
        self._engine.set_leverage(account, symbol, int(leverage))
        account.margin_mode[symbol] = MarginMode.ISOLATED
        return {}

    def key_check(self, account: Account) -> dict[str, Any]:
        """The answer of ``/api/auth/v1/api-keys/v3/check``."""
        block = "127.0.0.1/32" if account.is_ip_bound else None
        return {
            "apiKey": account.key, "accountUid": account_uid(account), "iiban": None,
            "createdAt": "2019-08-24T14:15:22Z",
            "permissions": {
                "general": "FULL_ACCESS" if account.can_trade else "READ_ONLY",
                "transfer": "FULL_ACCESS" if account.can_withdraw else "NO_ACCESS",
            },
            "allowedCidrBlock": block, "allowedCidrBlocks": [block] if block else [],
        }  # fmt: skip
