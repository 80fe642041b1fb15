"""OKX v5: perpetuals in contracts, stops and targets at an endpoint of their own."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from tests.venue import okx_shapes as shapes
from tests.venue.engine import Engine, Event
from tests.venue.matching import is_past
from tests.venue.model import (
    Account,
    Attached,
    Kind,
    MarginMode,
    Market,
    Order,
    Reason,
    Refused,
    Rules,
    Side,
    Ticket,
)
from tests.venue.okx_errors import NO_SUCH_ORDER, No, no, wrong
from tests.venue.okx_stream import BARS, Streaming
from tests.venue.wire import Answer, Call, Dialect, Facts, Socket, Trouble, told

Asked = dict[str, Any]
_VALID_MS = 30_000


class Okx(Dialect):
    """REST under ``/api/v5``, candles under ``/ws/v5/business``, orders under ``…/private``."""

    ccxt_id: ClassVar = "okx"
    rules: ClassVar = Rules(
        ids_unique_forever=True, taker_fee=Decimal("0.0005"), default_leverage=3,
        attached_when_filled=True,
    )  # fmt: skip

    def __init__(self, engine: Engine) -> None:
        self.streaming = Streaming(engine, lambda: self.sockets)
        super().__init__(engine)
        self._public: dict[str, Callable[[Asked], Any]] = {
            "public/time": lambda _: [{"ts": str(engine.now_ms())}],
            "public/instruments": self._instruments,
            "market/ticker": lambda p: [shapes.ticker(engine, self._market(p).id)],
            "market/tickers": lambda _: [shapes.ticker(engine, each) for each in engine.markets],
            "public/mark-price": self._mark,
            "market/candles": self._candles,
            "market/history-candles": self._candles,
        }
        self._private: dict[tuple[str, str], Callable[[Account, Any], Any]] = {
            ("POST", "trade/order"): self._create,
            ("GET", "trade/order"): self._order,
            ("POST", "trade/cancel-order"): self._cancel,
            ("GET", "trade/orders-pending"): self._pending,
            ("POST", "trade/order-algo"): self._create_algo,
            ("GET", "trade/order-algo"): self._algo,
            ("POST", "trade/amend-algos"): self._amend_algo,
            ("POST", "trade/cancel-algos"): self._cancel_algos,
            ("GET", "trade/orders-algo-pending"): self._algos_pending,
            ("GET", "trade/fills"): self._fills,
            ("GET", "trade/fills-history"): self._fills,
            ("GET", "account/positions"): self._positions,
            ("GET", "account/balance"): lambda a, _: [shapes.balance(engine, a)],
            ("GET", "account/config"): self._config,
            ("GET", "account/leverage-info"): self._leverage,
            ("POST", "account/set-leverage"): self._set_leverage,
            ("POST", "account/set-position-mode"): self._set_position_mode,
        }

    @classmethod
    def markets(cls) -> list[Market]:
        contract = Decimal("0.01")
        return [
            Market(
                id="BTC-USDT-SWAP", base="BTC", contract_size=contract, min_notional=Decimal(0),
                max_leverage=100,
            ),
            Market(
                id="ETH-USDT-SWAP", base="ETH", tick=contract, lot=contract, min_quantity=contract,
                contract_size=Decimal("0.1"), min_notional=Decimal(0), max_leverage=100,
            ),
        ]  # fmt: skip

    def urls(self, http: str, ws: str) -> dict[str, Any]:
        return {"api": {"rest": http, "ws": f"{ws}/ws/v5"}}

    def facts(self, call: Call) -> Facts:
        key = call.headers.get("OK-ACCESS-KEY", "")
        name = _name(call.path)
        if call.method != "POST" or not name.startswith("trade/"):
            return Facts(key=key)
        body = call.json[0] if isinstance(call.json, list) else call.json
        named = body.get("algoClOrdId") or body.get("clOrdId", "")
        return Facts(key=key, client_id=named, leg=_leg(name, body))

    def refusal(self, why: Reason | Trouble) -> Answer:
        return no(why).answer()

    def answer(self, call: Call) -> Answer:
        try:
            return told({"code": "0", "msg": "", "data": self._found(call)})
        except No as e:
            return e.answer()
        except Refused as e:
            return self.refusal(e.reason)

    # --- who may ask -----------------------------------------------------------------------

    def _found(self, call: Call) -> Any:
        name = _name(call.path)
        if name in self._public and call.method == "GET":
            return self._public[name](dict(call.params))
        private = self._private.get((call.method, name))
        if private is None:
            raise no(Trouble.NO_SUCH_PATH)
        account = self._signed(call)
        if call.method == "POST" and not account.can_trade:
            raise No(50120, "This API key doesn't have permission to use this function", 401)
        return private(account, call.json if call.method == "POST" else dict(call.params))

    def _signed(self, call: Call) -> Account:
        sent = {name: call.headers.get(f"OK-ACCESS-{name}", "") for name in _HEADERS}
        account = self.engine.account_of(sent["KEY"])
        if account is None or account.is_revoked:
            raise no(Trouble.BAD_KEY)
        if sent["PASSPHRASE"] != account.password:
            raise No(50105, "Request header OK-ACCESS-PASSPHRASE incorrect.", 401)
        query = f"?{call.query}" if call.query else ""
        payload = sent["TIMESTAMP"] + call.method + call.path + query + call.body
        digest = hmac.new(account.secret.encode(), payload.encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(base64.b64encode(digest).decode(), sent["SIGN"]):
            raise no(Trouble.BAD_SIGNATURE)
        at_ms = datetime.fromisoformat(sent["TIMESTAMP"]).timestamp() * 1000
        if abs(self.engine.now_ms() - at_ms) > _VALID_MS:
            raise no(Trouble.CLOCK)
        return account

    def _market(self, asked: Asked) -> Market:
        symbol = asked.get("instId", "")
        if symbol not in self.engine.markets:
            raise No(51001, "Instrument ID does not exist")
        return self.engine.markets[symbol]

    # --- public ------------------------------------------------------------------------------

    def _instruments(self, asked: Asked) -> Any:
        is_swap = asked.get("instType") == "SWAP"
        return [shapes.instrument(each) for each in self.engine.markets.values() if is_swap]

    def _mark(self, asked: Asked) -> Any:
        symbol = self._market(asked).id
        price = shapes.plain(self.engine.marks[symbol])
        now_ms = str(self.engine.now_ms())
        return [{"instType": "SWAP", "instId": symbol, "markPx": price, "ts": now_ms}]

    def _candles(self, asked: Asked) -> Any:
        """Those between ``before`` and ``after``, newest first."""
        market, bar = self._market(asked), BARS.get(asked.get("bar", "1m").removesuffix("utc"))
        if bar is None:
            raise No(51000, "Parameter bar error")
        before, after = asked.get("before"), asked.get("after")
        rows = self.engine.candles.rows(
            market.id, bar, since_ms=None if before is None else int(before) + 1,
            until_ms=None if after is None else int(after) - 1,
            limit=min(int(asked.get("limit", 100)), 300),
        )  # fmt: skip
        return [shapes.candle(row, market) for row in reversed(rows)]

    # --- plain orders --------------------------------------------------------------------------

    def _create(self, account: Account, asked: Asked) -> Any:
        kind = {"market": Kind.MARKET, "limit": Kind.LIMIT}.get(asked.get("ordType", ""))
        if kind is None:
            raise wrong("ordType")
        ask = self._ticket(account, asked, kind, asked.get("clOrdId", ""))
        self._on_the_right_side(ask)
        order = self.engine.place(account, ask)
        return [
            {"ordId": str(order.id), "clOrdId": ask.client_id, "tag": "", "sCode": "0",
             "sMsg": "Order placed", "ts": str(order.created_ms)}
        ]  # fmt: skip

    def _ticket(
        self, account: Account, asked: Asked, kind: Kind, client_id: str,
        trigger: Decimal | None = None,
    ) -> Ticket:  # fmt: skip
        symbol = asked.get("instId", "")
        market = self.engine.market_of(symbol)
        if client_id and not (client_id.isalnum() and client_id.isascii() and len(client_id) <= 32):
            raise wrong("clOrdId")
        if (asked.get("posSide", "net") == "net") is account.is_hedged:
            raise wrong("posSide")
        if asked.get("side") not in ("buy", "sell"):
            raise wrong("side")
        self._use_mode(account, symbol, asked.get("tdMode", ""))
        return Ticket(
            client_id=client_id, symbol=symbol, side=Side(asked["side"]), kind=kind,
            quantity=_number(asked, "sz") * market.contract_size, trigger=trigger,
            price=_number(asked, "px") if kind is Kind.LIMIT else None,
            reduce_only=asked.get("reduceOnly") in (True, "true"), attached=_attached(asked),
        )  # fmt: skip

    def _use_mode(self, account: Account, symbol: str, said: str) -> None:
        """Every order says its margin mode; a position keeps the one it was opened in."""
        if said not in ("cross", "isolated"):
            raise wrong("tdMode")
        mode = MarginMode(said)
        if account.held(symbol) and self.engine.margin_mode(account, symbol) is not mode:
            raise No(51169, "You don't have any positions in this direction.", of_order=True)
        account.margin_mode[symbol] = mode

    def _on_the_right_side(self, ask: Ticket) -> None:
        base = ask.price or self.engine.prices[ask.symbol]
        for each in ask.attached:
            closing = Ticket(
                client_id="", symbol=ask.symbol, side=ask.side.other, kind=each.kind,
                trigger=each.trigger,
            )  # fmt: skip
            if is_past(closing, base):
                raise no(Reason.WOULD_TRIGGER)

    def _find(self, account: Account, asked: Asked, *, algo: bool = False) -> Order | None:
        """What an algo order became is not to be found under the id of the algo order."""
        number, name = ("algoId", "algoClOrdId") if algo else ("ordId", "clOrdId")
        if asked.get(number):
            said = str(asked[number])
            order_id = int(said) if said.isdigit() else 0
            return self.engine.find(account, order_id=order_id, conditional=algo)
        if not asked.get(name):
            raise No(51000, f"Parameter {number} or {name} error")
        order = self.engine.find(account, client_id=asked[name], conditional=algo)
        return None if order is None or (order.parent_id and not algo) else order

    def _order(self, account: Account, asked: Asked) -> Any:
        self._market(asked)
        order = self._find(account, asked)
        if order is None:
            raise No(*NO_SUCH_ORDER)
        return [shapes.order_row(self.engine, account, order)]

    def _cancel(self, account: Account, asked: Asked) -> Any:
        order = self._find(account, asked)
        if order is None:
            raise no(Reason.NOT_OPEN)
        self.engine.cancel(account, order)
        return [{"ordId": str(order.id), "clOrdId": order.ask.client_id, "sCode": "0", "sMsg": ""}]

    def _pending(self, account: Account, asked: Asked) -> Any:
        orders = self.engine.open_orders(account, asked.get("instId", ""), conditional=False)
        rows = [shapes.order_row(self.engine, account, each) for each in reversed(orders)]
        return _page(asked, rows, "ordId")

    # --- algo orders ---------------------------------------------------------------------------

    def _create_algo(self, account: Account, asked: Asked) -> Any:
        if asked.get("ordType") != "conditional":
            raise wrong("ordType")
        is_stop = "slTriggerPx" in asked
        if is_stop is ("tpTriggerPx" in asked) or asked.get(f"{_side(asked)}OrdPx") != "-1":
            raise wrong("slTriggerPx or tpTriggerPx")
        trigger = _number(asked, f"{_side(asked)}TriggerPx")
        kind = Kind.STOP if is_stop else Kind.TAKE_PROFIT
        ask = self._ticket(account, asked, kind, asked.get("algoClOrdId", ""), trigger)
        order = self.engine.place(account, ask)
        return [
            {"algoId": str(order.id), "algoClOrdId": ask.client_id, "clOrdId": "", "tag": "",
             "sCode": "0", "sMsg": ""}
        ]  # fmt: skip

    def _algo(self, account: Account, asked: Asked) -> Any:
        order = self._find(account, asked, algo=True)
        if order is None:
            raise No(*NO_SUCH_ORDER)
        return [shapes.algo_row(self.engine, account, order)]

    def _amend_algo(self, account: Account, asked: Asked) -> Any:
        """A stop's price and size; what it becomes is a market order, whatever it was."""
        market = self._market(asked)
        order = self._find(account, asked, algo=True)
        if order is None or not order.is_open:
            raise No(51503, "Modification failed as the order does not exist", of_order=True)
        if asked.get("newSlOrdPx") != "-1" or order.ask.kind is not Kind.STOP:
            raise wrong("newSlOrdPx")
        size = _number(asked, "newSz") * market.contract_size
        try:
            self.engine.amend(
                account, order, trigger=_number(asked, "newSlTriggerPx"), quantity=size
            )
        except Refused as e:
            if e.reason is Reason.WOULD_TRIGGER:
                text = "SL trigger price cannot be higher than the last price"
                raise No(51278, text, of_order=True) from None
            raise
        return [{"algoId": str(order.id), "algoClOrdId": order.ask.client_id, "reqId": "",
                 "sCode": "0", "sMsg": ""}]  # fmt: skip

    def _cancel_algos(self, account: Account, asked: list[Asked]) -> Any:
        if not isinstance(asked, list):
            raise No(50002, "JSON syntax error")
        done = []
        for each in asked:
            order = self._find(account, each, algo=True)
            if order is None:
                raise no(Reason.NOT_OPEN)
            self.engine.cancel(account, order)
            done.append({"algoId": str(order.id), "sCode": "0", "sMsg": ""})
        return done

    def _algos_pending(self, account: Account, asked: Asked) -> Any:
        kinds = asked.get("ordType", "").split(",")
        if not kinds[0]:
            raise No(51000, "Parameter ordType error")
        orders: Iterable[Order] = ()
        if "conditional" in kinds:
            orders = self.engine.open_orders(account, asked.get("instId", ""), conditional=True)
        rows = [shapes.algo_row(self.engine, account, each) for each in reversed([*orders])]
        return _page(asked, rows, "algoId")

    # --- the account -------------------------------------------------------------------------

    def _fills(self, account: Account, asked: Asked) -> Any:
        begin, end = int(asked.get("begin", 0)), int(asked.get("end", 10**18))
        rows = [
            shapes.fill(self.engine, account, trade) for trade in reversed(account.trades)
            if asked.get("instId", trade.symbol) == trade.symbol
            and asked.get("ordId", str(trade.order_id)) == str(trade.order_id)
            and begin <= trade.at_ms <= end
        ]  # fmt: skip
        return _page(asked, rows, "billId")

    def _positions(self, account: Account, asked: Asked) -> Any:
        wanted = asked["instId"].split(",") if asked.get("instId") else list(self.engine.markets)
        held = [each for each in wanted if account.held(each)]
        return [shapes.position(self.engine, account, each) for each in held]

    def _config(self, account: Account, _: Asked) -> Any:
        rights = ["read_only", "trade"] + (["withdraw"] if account.can_withdraw else [])
        mode = "long_short_mode" if account.is_hedged else "net_mode"
        return [{"uid": "1", "acctLv": "2", "posMode": mode, "perm": ",".join(rights), "ip": ""}]

    def _leverage(self, account: Account, asked: Asked) -> Any:
        symbol = self._market(asked).id
        lever = str(self.engine.leverage(account, symbol))
        return [{"instId": symbol, "mgnMode": asked["mgnMode"], "posSide": "net", "lever": lever}]

    def _set_leverage(self, account: Account, asked: Asked) -> Any:
        symbol = self._market(asked).id
        self.engine.set_leverage(account, symbol, int(asked["lever"]))
        return self._leverage(account, asked)

    def _set_position_mode(self, account: Account, asked: Asked) -> Any:
        account.is_hedged = asked.get("posMode") == "long_short_mode"
        return [{"posMode": asked.get("posMode")}]

    # --- websocket -----------------------------------------------------------------------------

    def opened(self, socket: Socket) -> None:
        """Who it is for, it tells later."""

    def heard(self, socket: Socket, text: str) -> None:
        self.streaming.heard(socket, text)

    def happened(self, event: Event) -> None:
        self.streaming.happened(event)


_HEADERS = ("KEY", "PASSPHRASE", "TIMESTAMP", "SIGN")


def _name(path: str) -> str:
    return path.removeprefix("/api/v5/")


def _side(asked: Asked) -> str:
    return "sl" if "slTriggerPx" in asked else "tp"


def _leg(name: str, body: Asked) -> str:
    if name.startswith("trade/cancel"):
        return "cancel"
    if name == "trade/order-algo":
        return "stop" if "slTriggerPx" in body else "target"
    return "exit" if body.get("reduceOnly") else "entry"


def _attached(asked: Asked) -> tuple[Attached, ...]:
    found = []
    for each in asked.get("attachAlgoOrds", ()):
        if each.get("slOrdPx") != "-1" or not each.get("attachAlgoClOrdId", "").isalnum():
            raise wrong("attachAlgoOrds")
        found.append(
            Attached(
                kind=Kind.STOP, trigger=_number(each, "slTriggerPx"),
                client_id=each["attachAlgoClOrdId"],
            )
        )  # fmt: skip
    return tuple(found)


def _number(asked: Asked, name: str) -> Decimal:
    """Money goes as text."""
    value = asked.get(name)
    if not isinstance(value, str):
        raise wrong(name)
    try:
        return Decimal(value)
    except ArithmeticError:
        raise wrong(name) from None


def _page(asked: Asked, rows: list[Asked], number: str) -> list[Asked]:
    """Newest first; the next page begins after the oldest of this one."""
    after = asked.get("after")
    left = [row for row in rows if after is None or int(row[number]) < int(after)]
    return left[: min(int(asked.get("limit", 100)), 100)]


DIALECT = Okx
