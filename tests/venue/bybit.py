"""Bybit v5, unified account: linear perpetuals in coins, stops attached to the position."""

import hashlib
import hmac
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from tests.venue import bybit_shapes as shapes
from tests.venue.bybit_errors import BAD_KEY, NO_SUCH_ORDER, REVOKED, No, no, wrong
from tests.venue.bybit_stream import INTERVALS, Streaming
from tests.venue.engine import Engine, Event
from tests.venue.matching import is_past
from tests.venue.model import (
    Account,
    Attached,
    Kind,
    MarginMode,
    Market,
    Order,
    Origin,
    Reason,
    Refused,
    Rules,
    Side,
    Ticket,
    TriggerBy,
)
from tests.venue.wire import Answer, Call, Dialect, Facts, Socket, Trouble, told

Asked = dict[str, Any]
_MODES = {"ISOLATED_MARGIN": MarginMode.ISOLATED, "REGULAR_MARGIN": MarginMode.CROSS}


class Bybit(Dialect):
    """REST under ``/v5``, candles under ``/v5/public/linear``, orders under ``/v5/private``."""

    ccxt_id: ClassVar = "bybit"
    rules: ClassVar = Rules(
        ids_unique_forever=True, separate_conditional_ids=False, trigger_spawns=False,
        attached_to_position=True, taker_fee=Decimal("0.00055"), default_leverage=10,
    )  # fmt: skip

    def __init__(self, engine: Engine) -> None:
        self.streaming = Streaming(engine, lambda: self.sockets)
        super().__init__(engine)
        self._public: dict[str, Callable[[Asked], Any]] = {
            "market/time": lambda _: {"timeSecond": str(engine.now_ms() // 1000)},
            "market/instruments-info": self._instruments,
            "market/tickers": self._tickers,
            "market/kline": self._klines,
        }
        self._private: dict[tuple[str, str], Callable[[Account, Asked], Any]] = {
            ("POST", "order/create"): self._create,
            ("POST", "order/amend"): self._amend,
            ("POST", "order/cancel"): self._cancel,
            ("GET", "order/realtime"): self._realtime,
            ("GET", "order/history"): self._history,
            ("GET", "execution/list"): self._executions,
            ("GET", "position/list"): self._positions,
            ("POST", "position/trading-stop"): self._trading_stop,
            ("POST", "position/set-leverage"): self._set_leverage,
            ("POST", "position/switch-mode"): self._switch_mode,
            ("GET", "account/wallet-balance"): lambda a, _: {"list": [shapes.wallet(engine, a)]},
            ("GET", "account/info"): self._info,
            ("POST", "account/set-margin-mode"): self._set_margin_mode,
            ("GET", "user/query-api"): self._key,
        }

    @classmethod
    def markets(cls) -> list[Market]:
        return [
            Market(id="BTCUSDT", base="BTC", max_leverage=100),
            Market(
                id="ETHUSDT", base="ETH", tick=Decimal("0.01"), lot=Decimal("0.01"),
                min_quantity=Decimal("0.01"), max_leverage=100,
            ),
        ]  # fmt: skip

    def urls(self, http: str, ws: str) -> dict[str, Any]:
        public = {kind: f"{ws}/v5/public/{kind}" for kind in ("spot", "linear", "inverse")}
        sockets = {"public": public, "private": {"contract": f"{ws}/v5/private"}}
        return {"api": {"public": http, "private": http, "ws": sockets}}

    def facts(self, call: Call) -> Facts:
        key = call.headers.get("X-BAPI-API-KEY", "")
        if call.method != "POST" or "/order/" not in call.path:
            return Facts(key=key)
        body = call.json
        return Facts(key=key, client_id=body.get("orderLinkId", ""), leg=_leg(call.path, body))

    def refusal(self, why: Reason | Trouble) -> Answer:
        return no(why).answer(self.engine.now_ms())

    def answer(self, call: Call) -> Answer:
        try:
            result = self._result(call)
        except No as e:
            return e.answer(self.engine.now_ms())
        except Refused as e:
            return self.refusal(e.reason)
        body = {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}}
        return told(body | {"time": self.engine.now_ms()})

    # --- who may ask -----------------------------------------------------------------------

    def _result(self, call: Call) -> Any:
        name = call.path.removeprefix("/v5/")
        if name in self._public and call.method == "GET":
            return self._public[name](dict(call.params))
        private = self._private.get((call.method, name))
        if private is None:
            raise no(Trouble.NO_SUCH_PATH)
        account = self._signed(call)
        if call.method == "POST" and not account.can_trade:
            raise No(10005, "Permission denied, please check your API key permissions.")
        return private(account, call.json if call.method == "POST" else dict(call.params))

    def _signed(self, call: Call) -> Account:
        sent = {name: call.headers.get(f"X-BAPI-{name}", "") for name in _HEADERS}
        account = self.engine.account_of(sent["API-KEY"])
        if account is None:
            raise No(*BAD_KEY)
        if account.is_revoked:
            raise No(*REVOKED)
        what = call.body if call.method == "POST" else call.query
        payload = sent["TIMESTAMP"] + sent["API-KEY"] + sent["RECV-WINDOW"] + what
        wanted = hmac.new(account.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, sent["SIGN"]):
            raise no(Trouble.BAD_SIGNATURE)
        now_ms, at_ms = self.engine.now_ms(), int(sent["TIMESTAMP"])
        if not now_ms - int(sent["RECV-WINDOW"] or 5_000) <= at_ms < now_ms + 1_000:
            raise no(Trouble.CLOCK)
        return account

    # --- public ------------------------------------------------------------------------------

    def _instruments(self, asked: Asked) -> Any:
        is_linear = asked.get("category") == "linear" and asked.get("status") != "PreLaunch"
        rows = map(shapes.instrument, self.engine.markets.values() if is_linear else ())
        return _listed(asked, list(rows))

    def _tickers(self, asked: Asked) -> Any:
        symbols = [asked["symbol"]] if asked.get("symbol") else list(self.engine.markets)
        rows = [shapes.ticker(self.engine, self.engine.market_of(each).id) for each in symbols]
        return _listed(asked, rows)

    def _klines(self, asked: Asked) -> Any:
        symbol = self.engine.market_of(asked.get("symbol", "")).id
        interval = INTERVALS.get(asked.get("interval", ""))
        if interval is None:
            raise wrong("Invalid period!")
        since_ms, until_ms = asked.get("start"), asked.get("end")
        rows = self.engine.candles.rows(
            symbol, interval, since_ms=None if since_ms is None else int(since_ms),
            until_ms=None if until_ms is None else int(until_ms),
            limit=min(int(asked.get("limit", 200)), 1_000),
        )  # fmt: skip
        return {"symbol": symbol} | _listed(asked, [shapes.candle(row) for row in reversed(rows)])

    # --- orders ------------------------------------------------------------------------------

    def _create(self, account: Account, asked: Asked) -> Any:
        order = self.engine.place(account, self._ticket(account, asked))
        return {"orderId": str(order.id), "orderLinkId": order.ask.client_id}

    def _ticket(self, account: Account, asked: Asked) -> Ticket:
        market = self._market(asked)
        if bool(asked.get("positionIdx")) is not account.is_hedged:
            raise wrong("position idx not match position mode")
        client_id = str(asked.get("orderLinkId", ""))
        if len(client_id) > 36 or client_id.strip(_ID_LETTERS):
            raise wrong("OrderLinkId is illegal")
        if asked.get("side") not in ("Buy", "Sell"):
            raise wrong("Side invalid")
        side = Side(asked["side"].lower())
        is_limit = {"Market": False, "Limit": True}.get(asked.get("orderType", ""))
        if is_limit is None:
            raise wrong("OrderType invalid")
        ask = Ticket(
            client_id=client_id, symbol=market.id, side=side, kind=_kind(asked, side),
            quantity=_number(asked, "qty"), price=_number(asked, "price") if is_limit else None,
            trigger=_number(asked, "triggerPrice") if "triggerPrice" in asked else None,
            trigger_by=TriggerBy.MARK if asked.get("triggerBy") == "MarkPrice" else TriggerBy.LAST,
            reduce_only=bool(asked.get("reduceOnly")), attached=_attached(asked),
        )  # fmt: skip
        self._on_the_right_side(ask)
        return ask

    def _on_the_right_side(self, ask: Ticket) -> None:
        base = ask.price or self.engine.prices[ask.symbol]
        for each in ask.attached:
            closing = Ticket(
                client_id="", symbol=ask.symbol, side=ask.side.other, kind=each.kind,
                trigger=each.trigger,
            )  # fmt: skip
            if is_past(closing, base):
                raise wrong("StopLoss or TakeProfit is on the wrong side of base_price")

    def _amend(self, account: Account, asked: Asked) -> Any:
        """What is not named stays; what changes nothing is an error."""
        self._market(asked)
        order = self._find(account, asked)
        if order is None:
            raise No(*NO_SUCH_ORDER)
        fields = (("triggerPrice", "trigger"), ("qty", "quantity"), ("price", "price"))
        wanted = {field: _number(asked, name) for name, field in fields if name in asked}
        if all(getattr(order.ask, field) == value for field, value in wanted.items()):
            raise wrong("The order remains unchanged as the parameters entered match")
        self.engine.amend(account, order, **wanted)
        return {"orderId": str(order.id), "orderLinkId": order.ask.client_id}

    def _cancel(self, account: Account, asked: Asked) -> Any:
        self._market(asked)
        order = self._find(account, asked)
        if order is None:
            raise No(*NO_SUCH_ORDER)
        self.engine.cancel(account, order)
        return {"orderId": str(order.id), "orderLinkId": order.ask.client_id}

    def _find(self, account: Account, asked: Asked) -> Order | None:
        if asked.get("orderId"):
            number = str(asked["orderId"])
            order_id = int(number) if number.isdigit() else 0
            return self.engine.find(account, order_id=order_id)
        return self.engine.find(account, client_id=asked.get("orderLinkId") or "?")

    def _realtime(self, account: Account, asked: Asked) -> Any:
        """Open orders; by id, or with ``openOnly``, closed ones too. An id unknown is no filter."""
        found = self._find(account, asked)
        if found is not None:
            return _page(asked, [shapes.order_row(found)])
        closed = asked.get("openOnly") == "1"
        orders = [each for each in account.orders.values() if each.is_open is not closed]
        return self._rows(asked, orders)

    def _history(self, account: Account, asked: Asked) -> Any:
        """What has ended, and nothing that is open."""
        named = asked.get("orderLinkId") or asked.get("orderId")
        found = self._find(account, asked)
        chosen = account.orders.values() if not named else [found] if found else []
        ended = [each for each in chosen if not each.is_open]
        return self._rows(asked, ended)

    def _rows(self, asked: Asked, orders: list[Order]) -> Any:
        symbol, wanted = asked.get("symbol", ""), asked.get("orderFilter", "")
        since_ms, until_ms = _span(asked)
        rows = [
            shapes.order_row(order) for order in reversed(orders)
            if symbol in ("", order.ask.symbol) and self.engine.shown(order)
            and (not wanted or (wanted == "StopOrder") is order.is_conditional)
            and since_ms <= order.created_ms <= until_ms
        ]  # fmt: skip
        return _page(asked, rows)

    def _executions(self, account: Account, asked: Asked) -> Any:
        since_ms, until_ms = _span(asked)
        rows = [
            shapes.execution(trade) for trade in reversed(account.trades)
            if asked.get("symbol", trade.symbol) == trade.symbol
            and asked.get("orderId", str(trade.order_id)) == str(trade.order_id)
            and asked.get("orderLinkId", trade.client_id) == trade.client_id
            and since_ms <= trade.at_ms <= until_ms
        ]  # fmt: skip
        kind = asked.get("execType", "Trade")
        return _page(asked, [row for row in rows if row["execType"] == kind])

    # --- the account -------------------------------------------------------------------------

    def _positions(self, account: Account, asked: Asked) -> Any:
        """A symbol's is told even when it is empty; of a coin, those that are held."""
        if asked.get("symbol"):
            symbols = [self._market(asked).id]
        elif asked.get("settleCoin"):
            symbols = [each for each in self.engine.markets if account.held(each)]
        else:
            raise wrong("Missing some parameters that must be filled in, symbol or settleCoin")
        return _page(asked, [shapes.position(self.engine, account, each) for each in symbols])

    def _trading_stop(self, account: Account, asked: Asked) -> Any:
        """The stop of the whole position: moved, made, or with "0" taken away."""
        symbol, trigger = self._market(asked).id, _number(asked, "stopLoss")
        if asked.get("tpslMode") != "Full" or "positionIdx" not in asked:
            raise wrong("tpslMode or positionIdx invalid")
        position = account.position(symbol)
        if not position.quantity:
            raise no(Reason.NO_POSITION)
        stops = (order for order in account.open.values() if shapes.is_the_positions(order))
        resting = next((each for each in stops if each.ask.symbol == symbol), None)
        if trigger == (resting.ask.trigger if resting is not None else 0):
            raise No(34040, "not modified")
        if not trigger and resting is not None:
            self.engine.cancel(account, resting)
        elif resting is not None:
            self.engine.amend(account, resting, trigger=trigger)
        else:
            stop = Ticket(
                client_id="", symbol=symbol, side=position.closing, kind=Kind.STOP,
                trigger=trigger, reduce_only=True, close_position=True,
                quantity=abs(position.quantity), origin=Origin.VENUE,
            )  # fmt: skip
            self.engine.place(account, stop)
        return {}

    def _set_leverage(self, account: Account, asked: Asked) -> Any:
        symbol, wanted = self._market(asked).id, asked.get("buyLeverage")
        if wanted is None or wanted != asked.get("sellLeverage"):
            raise wrong("buy leverage invalid")
        if self.engine.leverage(account, symbol) == int(wanted):
            raise No(110043, "leverage not modified")
        self.engine.set_leverage(account, symbol, int(wanted))
        return {}

    def _switch_mode(self, account: Account, asked: Asked) -> Any:
        hedged = int(asked.get("mode", 0)) == 3
        if hedged is account.is_hedged:
            raise No(110025, "Position mode is not modified")
        account.is_hedged = hedged
        return {}

    def _info(self, account: Account, _: Asked) -> Any:
        isolated = shapes.is_isolated(self.engine, account)
        mode = "ISOLATED_MARGIN" if isolated else "REGULAR_MARGIN"
        return {"unifiedMarginStatus": 6, "marginMode": mode, "dcpStatus": "OFF"}

    def _set_margin_mode(self, account: Account, asked: Asked) -> Any:
        mode = _MODES.get(asked.get("setMarginMode", ""))
        if mode is None:
            raise wrong("setMarginMode invalid")
        for symbol in self.engine.markets:
            self.engine.set_margin_mode(account, symbol, mode)
        return {"reasons": []}

    def _key(self, account: Account, _: Asked) -> Any:
        wallet = ["AccountTransfer"] + (["Withdraw"] if account.can_withdraw else [])
        trade = ["Order", "Position"] if account.can_trade else []
        return {
            "readOnly": 0 if account.can_trade else 1, "ips": ["127.0.0.1"],
            "permissions": {"ContractTrade": trade, "Wallet": wallet}, "uta": 1,
        }  # fmt: skip

    def _market(self, asked: Asked) -> Market:
        if asked.get("category") != "linear":
            raise wrong("category only support linear")
        return self.engine.market_of(asked.get("symbol", ""))

    # --- websocket -----------------------------------------------------------------------------

    def opened(self, socket: Socket) -> None:
        """Who it is for, it tells later."""

    def heard(self, socket: Socket, text: str) -> None:
        self.streaming.heard(socket, text)

    def happened(self, event: Event) -> None:
        self.streaming.happened(event)


_HEADERS = ("API-KEY", "TIMESTAMP", "RECV-WINDOW", "SIGN")
_ID_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"


def _leg(path: str, body: Asked) -> str:
    if path.endswith("/cancel"):
        return "cancel"
    if "triggerPrice" in body:
        falls = body.get("triggerDirection") == 2
        return "stop" if falls == (body.get("side") == "Sell") else "target"
    return "exit" if body.get("reduceOnly") else "entry"


def _kind(asked: Asked, side: Side) -> Kind:
    if "triggerPrice" not in asked:
        return Kind.LIMIT if asked["orderType"] == "Limit" else Kind.MARKET
    direction = asked.get("triggerDirection")
    if direction not in (1, 2):
        raise wrong("TriggerDirection invalid")
    return Kind.STOP if (direction == 2) == (side is Side.SELL) else Kind.TAKE_PROFIT


def _attached(asked: Asked) -> tuple[Attached, ...]:
    wanted = (("stopLoss", Kind.STOP), ("takeProfit", Kind.TAKE_PROFIT))
    found = tuple(
        Attached(kind=kind, trigger=_number(asked, name)) for name, kind in wanted if name in asked
    )
    if found and asked.get("tpslMode") != "Full":
        raise wrong("tpslMode invalid")
    return found


def _number(asked: Asked, name: str) -> Decimal:
    """Money goes as text."""
    value = asked.get(name)
    if not isinstance(value, str):
        raise wrong(f"params error: {name} invalid")
    try:
        return Decimal(value)
    except ArithmeticError:
        raise wrong(f"params error: {name} invalid") from None


def _span(asked: Asked) -> tuple[int, int]:
    return int(asked.get("startTime", 0)), int(asked.get("endTime", shapes.FOREVER))


def _listed(asked: Asked, rows: list[Any]) -> Asked:
    return {"category": asked.get("category", "linear"), "list": rows, "nextPageCursor": ""}


def _page(asked: Asked, rows: list[Any]) -> Asked:
    """Where the next page begins is the cursor."""
    begin, most = int(asked.get("cursor") or 0), int(asked.get("limit", 20))
    end = begin + most
    cursor = str(end) if end < len(rows) else ""
    return _listed(asked, rows[begin:end]) | {"nextPageCursor": cursor}


DIALECT = Bybit
