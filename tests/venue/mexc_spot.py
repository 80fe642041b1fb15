"""MEXC's spot v3 endpoints: public data, orders, trades, listen keys.

Sources: the sections "Market Data Endpoints", "Spot Account/Trade" and "Websocket User Data
Streams" in MEXC's spot v3 documents.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any

from tests.venue import mexc_shapes as shapes
from tests.venue.mexc_engine import HOUR_MS, MexcEngine
from tests.venue.mexc_errors import No, no
from tests.venue.model import Account, Kind, Order, Reason, Side, Ticket
from tests.venue.spot import SpotMarket, to_lot

Asked = dict[str, str]
Handler = Callable[[Account, Asked], Any]
DAY_MS = 24 * HOUR_MS
INTERVALS = {
    "1m": "1m", "5m": "5m", "15m": "15m", "30m": "30m", "60m": "1h", "4h": "4h", "1d": "1d",
}  # fmt: skip
_TIMES = {
    "LIMIT": "GTC", "MARKET": "GTC", "LIMIT_MAKER": "GTX", "IMMEDIATE_OR_CANCEL": "IOC",
    "FILL_OR_KILL": "FOK",
}  # fmt: skip
#: The documents say 1000; clients have seen 500.
_MOST_CANDLES = 500


@dataclass(slots=True)
class ListenKey:
    key: str  #: of the account
    expires_ms: int


class SpotEndpoints:
    """The endpoints of spot, public and private."""

    def __init__(self, engine: MexcEngine) -> None:
        self._engine = engine
        self.listen_keys: dict[str, ListenKey] = {}
        self._numbers = count(1)

    def public(self) -> dict[str, Callable[[Asked], Any]]:
        """By path after ``/api/v3/``."""
        return {
            "ping": lambda _: {},
            "time": lambda _: {"serverTime": self._engine.now_ms()},
            "exchangeInfo": self._info,
            "klines": self._klines,
            "ticker/24hr": self._tickers,
            "ticker/price": self._tickers,
            "ticker/bookTicker": self._tickers,
        }

    def private(self) -> dict[tuple[str, str], Handler]:
        """By method and path after ``/api/v3/``."""
        return {
            ("POST", "order"): self._create,
            ("POST", "order/test"): self._try,
            ("GET", "order"): self._order,
            ("DELETE", "order"): self._cancel,
            ("GET", "openOrders"): self._opens,
            ("DELETE", "openOrders"): self._cancel_all,
            ("GET", "allOrders"): self._all,
            ("GET", "myTrades"): self._trades,
            ("GET", "account"): lambda a, _: shapes.spot_account(self._engine, a),
            ("GET", "apiKeyInfo"): self._key,
            ("GET", "capital/config/getall"): self._coins,
            ("POST", "userDataStream"): self._open_stream,
            ("GET", "userDataStream"): self._streams,
            ("PUT", "userDataStream"): self._keep_stream,
            ("DELETE", "userDataStream"): self._close_stream,
        }

    def account_of(self, listen_key: str) -> Account | None:
        """The account of a listen key; empty once an hour has passed without a renewal."""
        found = self.listen_keys.get(listen_key)
        if found is None or found.expires_ms < self._engine.now_ms():
            return None
        return self._engine.account_of(found.key)

    # --- public -----------------------------------------------------------------------------

    def _info(self, asked: Asked) -> Any:
        names = [each for each in asked.get("symbols", asked.get("symbol", "")).split(",") if each]
        rows = [
            shapes.spot_symbol(each) for each in self._engine.spot_markets()
            if not names or each.id in names
        ]  # fmt: skip
        return {"timezone": "CST", "serverTime": self._engine.now_ms(), "rateLimits": [],
                "exchangeFilters": [], "symbols": rows}  # fmt: skip

    def _klines(self, asked: Asked) -> Any:
        """The newest of the window; the end of it is not included."""
        market = self._market(asked)
        if asked.get("interval") not in INTERVALS:
            raise No(-1121, "Invalid interval.")
        until = asked.get("endTime")
        rows = self._engine.candles.rows(
            market.id, INTERVALS[asked["interval"]], since_ms=int(asked.get("startTime", 0)),
            until_ms=None if until is None else int(until) - 1, limit=1_000_000,
        )  # fmt: skip
        most = min(int(asked.get("limit", 500)), _MOST_CANDLES)
        return [shapes.spot_candle(row) for row in rows[-most:]]

    def _tickers(self, asked: Asked) -> Any:
        if asked.get("symbol"):
            return shapes.spot_ticker(self._engine, self._market(asked))
        return [shapes.spot_ticker(self._engine, each) for each in self._engine.spot_markets()]

    # --- orders -----------------------------------------------------------------------------

    def _create(self, account: Account, asked: Asked) -> Any:
        order = self._engine.place(account, self._ticket(asked))
        return {
            "symbol": order.ask.symbol, "orderId": shapes.spot_id(order), "orderListId": -1,
            "price": shapes.plain(order.ask.price or order.average),
            "origQty": shapes.plain(order.ask.quantity), "type": shapes.spot_type(order),
            "side": order.ask.side.value.upper(), "transactTime": order.created_ms,
        }  # fmt: skip

    def _try(self, _: Account, asked: Asked) -> Any:
        self._ticket(asked)
        return {}

    def _ticket(self, asked: Asked) -> Ticket:
        market, kind = self._market(asked), asked.get("type", "")
        if kind not in _TIMES:
            raise No(700004, "Param 'type' is error")
        if asked.get("side") not in ("BUY", "SELL"):
            raise No(700004, "Param 'side' is error")
        name = asked.get("newClientOrderId", "")
        if name and not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", name):
            raise No(700008, "Illegal characters found in parameter 'newClientOrderId'")
        extra: dict[str, Any] = {"type": kind}
        price = None if kind == "MARKET" else _number(asked, "price")
        if kind == "MARKET" and asked.get("quoteOrderQty"):
            cost = _number(asked, "quoteOrderQty")
            quantity, extra["cost"] = self._bought(market, cost), shapes.plain(cost)
        else:
            quantity = _number(asked, "quantity")
        return Ticket(
            client_id=name, symbol=market.id, side=Side(asked["side"].lower()), price=price,
            kind=Kind.MARKET if price is None else Kind.LIMIT, quantity=quantity,
            time_in_force=_TIMES[kind], extra=extra,
        )  # fmt: skip

    def _bought(self, market: SpotMarket, cost: Decimal) -> Decimal:
        slippage = self._engine.slippage.get(market.id, Decimal(0))
        return to_lot(cost / (self._engine.prices[market.id] * (1 + slippage)), market)

    def _market(self, asked: Asked) -> SpotMarket:
        market = self._engine.markets.get(asked.get("symbol", ""))
        if not isinstance(market, SpotMarket):
            raise no(Reason.UNKNOWN_SYMBOL, contract=False)
        return market

    def _find(self, account: Account, asked: Asked) -> Order | None:
        """By the exchange's id, else the newest with the client's."""
        market = self._market(asked)
        if asked.get("orderId"):
            said = asked["orderId"].removeprefix("C02__")
            found = self._engine.find(account, order_id=int(said) if said.isdigit() else 0)
        elif asked.get("origClientOrderId"):
            found = self._engine.find(account, client_id=asked["origClientOrderId"])
        else:
            raise No(700004, "Param 'origClientOrderId' or 'orderId' must be sent")
        return found if found is not None and found.ask.symbol == market.id else None

    def _order(self, account: Account, asked: Asked) -> Any:
        order = self._find(account, asked)
        if order is None:
            raise no(Reason.NO_SUCH_ORDER, contract=False)
        return shapes.spot_order(order)

    def _cancel(self, account: Account, asked: Asked) -> Any:
        order = self._find(account, asked)
        if order is None or not order.is_open:
            raise no(Reason.NOT_OPEN, contract=False)
        self._engine.cancel(account, order)
        return shapes.spot_order(order)

    def _spots(self, account: Account, market: SpotMarket | None = None) -> list[Order]:
        return [
            order for order in account.orders.values()
            if self._engine.is_spot(order.ask.symbol) and self._engine.shown(order)
            and (market is None or order.ask.symbol == market.id)
        ]  # fmt: skip

    def _opens(self, account: Account, asked: Asked) -> Any:
        market = self._market(asked) if asked.get("symbol") else None
        orders = [order for order in self._spots(account, market) if order.is_open]
        return [shapes.spot_order(order) for order in reversed(orders)]

    def _cancel_all(self, account: Account, asked: Asked) -> Any:
        ended = [order for order in self._spots(account, self._market(asked)) if order.is_open]
        for order in ended:
            self._engine.cancel(account, order)
        return [shapes.spot_order(order) for order in ended]

    def _all(self, account: Account, asked: Asked) -> Any:
        """The latest 24 hours by default, the latest seven days at most."""
        market, now_ms = self._market(asked), self._engine.now_ms()
        until_ms = int(asked.get("endTime", now_ms))
        since_ms = int(asked.get("startTime", until_ms - DAY_MS))
        oldest_ms = max(since_ms, now_ms - 7 * DAY_MS)
        rows = [
            shapes.spot_order(order) for order in self._spots(account, market)
            if oldest_ms <= order.created_ms <= until_ms
        ]  # fmt: skip
        return rows[::-1][: min(int(asked.get("limit", 500)), 1_000)]

    def _trades(self, account: Account, asked: Asked) -> Any:
        """The past month, newest first, a hundred at most."""
        market, now_ms = self._market(asked), self._engine.now_ms()
        oldest_ms = max(int(asked.get("startTime", 0)), now_ms - 30 * DAY_MS)
        until_ms = int(asked.get("endTime", now_ms))
        rows = [
            shapes.spot_trade(self._engine, account, trade) for trade in reversed(account.trades)
            if trade.symbol == market.id and oldest_ms <= trade.at_ms <= until_ms
            and self._engine.shown(account.orders[trade.order_id])
        ]  # fmt: skip
        wanted = asked.get("orderId")
        rows = [row for row in rows if wanted in (None, row["orderId"])]
        return rows[: min(int(asked.get("limit", 100)), 100)]

    # --- the account ------------------------------------------------------------------------

    def _key(self, account: Account, _: Asked) -> Any:
        rights = ["SPOT_ACCOUNT_READ", "SPOT_DEAL_READ"]
        rights += ["SPOT_DEAL_WRITE", "CONTRACT_DEAL_WRITE"] if account.can_trade else []
        rights += ["SPOT_WITHDRAW_WRITE"] if account.can_withdraw else []
        return {"permissions": rights, "ips": ["127.0.0.1"] if account.is_ip_bound else []}

    def _coins(self, _: Account, __: Asked) -> Any:
        codes = {code for each in self._engine.spot_markets() for code in (each.base, each.quote)}
        return [shapes.coin(each) for each in sorted(codes)]

    def _open_stream(self, account: Account, _: Asked) -> Any:
        key = f"{next(self._numbers):064x}"
        expires_ms = self._engine.now_ms() + HOUR_MS
        self.listen_keys[key] = ListenKey(account.key, expires_ms)
        return {"listenKey": key}

    def _streams(self, account: Account, _: Asked) -> Any:
        return {"listenKey": [each for each, owned in self.listen_keys.items()
                              if owned.key == account.key]}  # fmt: skip

    def _owned(self, account: Account, asked: Asked) -> str:
        key = asked.get("listenKey", "")
        if self.account_of(key) is not account:
            raise No(33333, "param is error: listenKey")
        return key

    def _keep_stream(self, account: Account, asked: Asked) -> Any:
        key = self._owned(account, asked)
        self.listen_keys[key].expires_ms = self._engine.now_ms() + HOUR_MS
        return {"listenKey": key}

    def _close_stream(self, account: Account, asked: Asked) -> Any:
        key = self._owned(account, asked)
        del self.listen_keys[key]
        return {"listenKey": key}


def _number(asked: Asked, name: str) -> Decimal:
    said = asked.get(name, "")
    if not re.fullmatch(r"\d{1,20}(\.\d{1,20})?", said) or not Decimal(said):
        raise No(10097 if name == "quantity" else 33333, f"param is error: {name}")
    return Decimal(said)
