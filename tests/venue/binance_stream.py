"""Binance's websockets: market streams by subscription, user streams by listen key."""

import secrets
import time
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

from tests.venue import binance_shapes as shapes
from tests.venue.binance_errors import No
from tests.venue.candles import Candle
from tests.venue.engine import (
    AccountChanged,
    CandleMoved,
    Engine,
    Event,
    MarginCalled,
    OrderChanged,
    PriceMoved,
)
from tests.venue.http_wire import Socket
from tests.venue.journal import Deed
from tests.venue.model import ZERO, Account, Order, Origin, Position, Reason, Status

LISTEN_KEY_S = 3_600.0
MOST_TOPICS = 1_024
_PUBLIC = ("bookTicker", "depth", "rpiDepth", "trade")
EXECUTION = {
    Deed.ACCEPTED: "NEW",
    Deed.FILLED: "TRADE",
    Deed.CANCELED: "CANCELED",
    Deed.EXPIRED: "EXPIRED",
    Deed.AMENDED: "AMENDMENT",
}


class Streaming:
    """Who listens to what. Topics are only served under the path they belong to."""

    def __init__(self, engine: Engine, sockets: Callable[[], set[Socket]]) -> None:
        self._engine = engine
        self._sockets = sockets
        self._keys: dict[str, tuple[str, float]] = {}  # account key: listen key, valid until

    # --- listen keys -------------------------------------------------------------------------

    def listen_key(self, account: Account) -> str:
        """The account's listen key, valid for another hour: the same while it lives."""
        named, until_s = self._keys.get(account.key, ("", 0.0))
        now_s = time.monotonic()
        if until_s <= now_s:
            named = secrets.token_hex(32)
        self._keys[account.key] = (named, now_s + LISTEN_KEY_S)
        return named

    def prolong(self, account: Account) -> str:
        """Keep it for another hour; a dead one is -1125."""
        if self._keys.get(account.key, ("", 0.0))[1] <= time.monotonic():
            raise No(-1125, "This listenKey does not exist.")
        return self.listen_key(account)

    def end(self, account: Account) -> None:
        self._keys.pop(account.key, None)

    def expire(self, key: str) -> None:
        """For tests: the listen key of an account dies now; its streams are told, then silent."""
        sockets, now_ms = self._of(key), self._engine.now_ms()
        named, _ = self._keys.pop(key, ("", 0.0))
        for socket in sockets:
            socket.send(
                {"e": "listenKeyExpired", "E": now_ms, "listenKey": named},
                topic="listenKeyExpired",
            )
            socket.key = ""

    # --- connections -------------------------------------------------------------------------

    def opened(self, socket: Socket) -> None:
        """A private connection names its listen key in the query, or as the path's last part."""
        named = socket.query.get("listenKey") or socket.path.rsplit("/", 1)[-1]
        now_s = time.monotonic()
        for key, (listen_key, until_s) in self._keys.items():
            if listen_key == named and until_s > now_s:
                socket.key = key

    def heard(self, socket: Socket, text: str) -> None:
        if self._is_talkative(socket):
            socket.hang_up()
            return
        try:
            message = orjson.loads(text)
            method, number = message["method"], message.get("id")
            topics = message.get("params") or []
        except (ValueError, KeyError, TypeError):
            socket.send({"code": 2, "msg": "Invalid request: unable to parse"})
            return
        match method:
            case "SUBSCRIBE":
                self._subscribe(socket, topics, number)
            case "UNSUBSCRIBE":
                socket.topics.difference_update(topics)
                socket.send({"result": None, "id": number})
            case "LIST_SUBSCRIPTIONS":
                socket.send({"result": sorted(socket.topics), "id": number})
            case _:
                socket.send({"error": {"code": 2, "msg": "Invalid request"}, "id": number})

    def _subscribe(self, socket: Socket, topics: list[str], number: Any) -> None:
        if len(socket.topics | set(topics)) > MOST_TOPICS:
            socket.send({"error": {"code": 3, "msg": "Too many streams"}, "id": number})
            return
        socket.topics.update(topics)
        socket.send({"result": None, "id": number})

    def _is_talkative(self, socket: Socket) -> bool:
        """More than ten messages in a second end the connection."""
        heard: deque[float] = socket.memory.setdefault("heard", deque(maxlen=11))
        heard.append(time.monotonic())
        return len(heard) == 11 and heard[-1] - heard[0] < 1.0

    def _of(self, key: str) -> list[Socket]:
        """The living private connections of an account."""
        until_s = self._keys.get(key, ("", 0.0))[1]
        if until_s <= time.monotonic():
            return []
        return [socket for socket in self._sockets() if socket.key == key]

    # --- news --------------------------------------------------------------------------------

    def happened(self, event: Event) -> None:
        match event:
            case CandleMoved():
                self._candle(event.candle)
            case PriceMoved():
                self._price(event)
            case AccountChanged():
                self._account(event)
            case MarginCalled():
                self._margin_call(event)
            case OrderChanged():
                self._order(event)

    def _publish(self, topic: str, body: Any) -> None:
        side = "public" if topic.split("@")[1].startswith(_PUBLIC) else "market"
        for socket in self._sockets():
            first = socket.path.split("/")[1]
            if topic in socket.topics and first in (side, "ws"):
                socket.send(body, topic=topic)

    def _candle(self, candle: Candle) -> None:
        at_ms = self._engine.now_ms()
        k = {
            "t": candle.open_ms, "T": candle.close_ms - 1, "s": candle.symbol,
            "i": candle.timeframe, "f": 1, "L": 100, "o": candle.open, "c": candle.close,
            "h": candle.high, "l": candle.low, "v": candle.volume, "n": 100,
            "x": candle.closed, "q": candle.volume * candle.close, "V": candle.volume / 2,
            "Q": candle.volume * candle.close / 2, "B": "0",
        }  # fmt: skip
        body = {"e": "kline", "E": at_ms, "s": candle.symbol, "k": k}
        self._publish(f"{candle.symbol.lower()}@kline_{candle.timeframe}", body)

    def _price(self, event: PriceMoved) -> None:
        at_ms, symbol = self._engine.now_ms(), event.symbol
        name, tick = symbol.lower(), self._engine.markets[symbol].tick
        self._publish(
            f"{name}@bookTicker",
            {"e": "bookTicker", "u": at_ms, "E": at_ms, "T": at_ms, "s": symbol,
             "b": event.price - tick, "B": "10", "a": event.price + tick, "A": "10"},
        )  # fmt: skip
        self._publish(
            f"{name}@aggTrade",
            {"e": "aggTrade", "E": at_ms, "s": symbol, "a": at_ms, "p": event.price, "q": "0.010",
             "f": at_ms, "l": at_ms, "T": at_ms, "m": False},
        )  # fmt: skip
        mark = {
            "e": "markPriceUpdate", "E": at_ms, "s": symbol, "p": event.mark, "i": event.mark,
            "P": event.mark, "r": "0.00010000", "T": at_ms - at_ms % 28_800_000 + 28_800_000,
        }  # fmt: skip
        self._publish(f"{name}@markPrice", mark)
        self._publish(f"{name}@markPrice@1s", mark)

    def _account(self, event: AccountChanged) -> None:
        sockets = self._of(event.account.key)
        if not sockets:
            return
        engine, account, at_ms = self._engine, event.account, self._engine.now_ms()
        if event.cause in ("LEVERAGE", "MULTI_ASSETS"):
            body: Any = {
                "e": "ACCOUNT_CONFIG_UPDATE", "E": at_ms, "T": at_ms,
                **_config(engine, account, event),
            }  # fmt: skip
        else:
            body = {
                "e": "ACCOUNT_UPDATE", "E": at_ms, "T": at_ms,
                "a": {"m": _REASONS.get(event.cause, event.cause), "B": _balances(account),
                      "P": _positions(engine, account, event)},
            }  # fmt: skip
        for socket in sockets:
            socket.send(body, topic=body["e"])

    def _margin_call(self, event: MarginCalled) -> None:
        engine, account, at_ms = self._engine, event.account, self._engine.now_ms()
        rows = [
            {"s": each.symbol, "ps": each.side.value.upper(), "pa": each.quantity,
             "mt": engine.margin_mode(account, each.symbol).value.upper(),
             "iw": shapes.money(each.margin), "mp": engine.marks[each.symbol],
             "up": shapes.money(engine.unrealized(account, each)),
             "mm": shapes.money(engine.maintenance_of(each))}
            for each in event.positions
        ]  # fmt: skip
        wallet = shapes.money(account.wallet)
        for socket in self._of(account.key):
            socket.send({"e": "MARGIN_CALL", "E": at_ms, "cw": wallet, "p": rows},
                        topic="MARGIN_CALL")  # fmt: skip

    def _order(self, event: OrderChanged) -> None:
        sockets = self._of(event.account.key)
        if not sockets:
            return
        account, order, at_ms = event.account, event.order, self._engine.now_ms()
        if order.is_conditional:
            # TRIGGERED is told when its order has traded, as there
            self._tell_algo(sockets, account, order, _algo_status(order))
            return
        body = {
            "e": "ORDER_TRADE_UPDATE", "E": at_ms, "T": order.updated_ms,
            "o": _update(self._engine, event),
        }  # fmt: skip
        for socket in sockets:
            socket.send(body, topic="ORDER_TRADE_UPDATE")
        parent = account.orders.get(order.parent_id or 0)
        if parent is not None and event.deed is not Deed.ACCEPTED:
            self._tell_algo(sockets, account, parent, "TRIGGERED")
            if not order.is_open:
                self._tell_algo(sockets, account, parent, "FINISHED")

    def _tell_algo(
        self, sockets: list[Socket], account: Account, order: Order, status: str
    ) -> None:
        at_ms = self._engine.now_ms()
        body = {
            "e": "ALGO_UPDATE", "E": at_ms, "T": order.updated_ms,
            "o": _algo_update(account, order, status),
        }  # fmt: skip
        for socket in sockets:
            socket.send(body, topic="ALGO_UPDATE")


_REJECTIONS = {
    Reason.REDUCE_ONLY.value: "Reduce Only reject", Reason.MARGIN.value: "Margin is insufficient",
}  # fmt: skip
_REASONS = {"MARGIN_MODE": "MARGIN_TYPE_CHANGE", "TRANSFER": "DEPOSIT"}


def _algo_status(order: Order) -> str:
    if order.status is Status.TRIGGERED:
        return "TRIGGERING"
    if order.status is Status.CANCELED and not order.by_user:
        return "EXPIRED"
    return shapes.STATUS[order.status]


def _config(engine: Engine, account: Account, event: AccountChanged) -> Any:
    if event.cause == "LEVERAGE":
        return {"ac": {"s": event.symbol, "l": engine.leverage(account, event.symbol)}}
    return {"ai": {"j": account.is_multi_asset}}


def _balances(account: Account) -> Any:
    coins = {account.currency: account.wallet, **account.coins}
    rows = [(coin, shapes.money(held)) for coin, held in coins.items()]
    return [{"a": coin, "wb": held, "cw": held, "bc": "0"} for coin, held in rows]


def _positions(engine: Engine, account: Account, event: AccountChanged) -> Any:
    """Those of the symbol; funding names one only where the margin is isolated."""
    symbol = event.symbol
    funding = event.cause == "FUNDING_FEE" and symbol and not engine.is_isolated(account, symbol)
    if not symbol or funding:
        return []
    rows = shapes.shown_positions(engine, account, symbol)
    return [_position(engine, account, each) for each in rows]


def _position(engine: Engine, account: Account, position: Position) -> Any:
    row = shapes.position_risk(engine, account, position)
    return {
        "s": position.symbol, "pa": row["positionAmt"], "ep": row["entryPrice"],
        "bep": row["breakEvenPrice"], "cr": "0", "up": row["unRealizedProfit"],
        "mt": row["marginType"], "iw": row["isolatedWallet"], "ps": row["positionSide"],
        "ma": "USDT",
    }  # fmt: skip


def _update(engine: Engine, event: OrderChanged) -> Any:
    order, ask, trade = event.order, event.order.ask, event.trade
    known: dict[str, Any] = {
        "s": ask.symbol, "c": ask.client_id, "S": ask.side.value.upper(),
        "o": shapes.market_type(order), "f": ask.time_in_force, "q": ask.quantity,
        "p": ask.price or "0", "ap": shapes.average(order), "sp": "0",
        "x": EXECUTION[event.deed], "X": shapes.STATUS[order.status], "i": order.id,
        "l": "0", "z": order.filled, "L": "0", "T": order.updated_ms, "t": 0, "b": "0",
        "a": "0", "m": False, "R": ask.reduce_only, "wt": shapes.working(order),
        "ot": shapes.original_type(engine, event.account, order),
        "ps": ask.position_side.value.upper(), "cp": False,
        "rp": "0", "pP": False, "si": 0, "ss": 0, "V": "EXPIRE_MAKER", "pm": "NONE", "gtd": 0,
    }  # fmt: skip
    if trade is None:
        return known
    forced = trade.origin in (Origin.LIQUIDATION, Origin.ADL)
    return known | {
        "l": trade.quantity, "L": trade.price, "t": trade.id, "m": trade.is_maker,
        "n": shapes.money(trade.fee), "N": trade.fee_coin, "rp": shapes.money(trade.realized),
        "x": "CALCULATED" if forced else "TRADE",
    }  # fmt: skip


def _algo_update(account: Account, order: Order, status: str) -> Any:
    ask = order.ask
    child = account.orders.get(order.child_id or 0)
    zero = Decimal("0.00000")
    return {
        "caid": ask.client_id, "aid": order.id, "at": "CONDITIONAL",
        "o": shapes.market_type(order), "s": ask.symbol, "S": ask.side.value.upper(),
        "ps": ask.position_side.value.upper(), "f": ask.time_in_force, "q": ask.quantity,
        "X": status,
        "ai": "" if child is None else str(child.id),
        "ap": zero if child is None else shapes.average(child),
        "aq": ZERO if child is None else child.filled,
        "act": "0" if child is None else shapes.market_type(child), "tp": ask.trigger,
        "p": ask.price or "0", "V": "EXPIRE_MAKER", "wt": shapes.working(order), "pm": "NONE",
        "cp": ask.close_position, "pP": False, "R": ask.reduce_only, "tt": order.triggered_ms,
        "gtd": ask.expires_ms, "rm": _REJECTIONS.get(order.why, ""),
    }  # fmt: skip
