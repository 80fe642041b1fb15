"""Kraken Futures: perpetuals in USD under version 3 of the derivatives interface.

A key signs parameters, nonce if there is one, and path. There is no endpoint for the time: every
answer of the derivatives interface carries ``serverTime``. Candles have no stream.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from decimal import Decimal
from typing import Any, ClassVar, cast
from urllib.parse import parse_qsl

import orjson

from tests.venue.counters import Decaying, Windows
from tests.venue.engine import Engine, Event, OrderChanged
from tests.venue.http_wire import Answer, Call, Dialect, Facts, Socket, Trouble, told
from tests.venue.krakenfutures_account import AccountEndpoints
from tests.venue.krakenfutures_engine import KrakenFuturesEngine
from tests.venue.krakenfutures_errors import STATUSES, TROUBLES, No
from tests.venue.krakenfutures_history import History
from tests.venue.krakenfutures_market import MarketEndpoints
from tests.venue.krakenfutures_orders import OrderEndpoints
from tests.venue.krakenfutures_shapes import stamp
from tests.venue.krakenfutures_stream import Streaming
from tests.venue.model import Account, Market, Reason, Refused, Rules

API, CHARTS, HISTORY = "/derivatives/api/v3/", "/api/charts/v1/", "/api/history/"
KEY_CHECK = "/api/auth/v1/api-keys/v3/check"
_COSTS = {
    "sendorder": 10, "editorder": 10, "cancelorder": 10, "cancelallorders": 25, "accounts": 2,
    "openpositions": 2, "openorders": 2, "orders/status": 1,
}  # fmt: skip
_LEGS = {"stp": "stop", "take_profit": "target"}


class KrakenFutures(Dialect):
    """REST under ``/derivatives``, ``/api/history`` and ``/api/charts``; ``/ws/v1``."""

    ccxt_id: ClassVar = "krakenfutures"
    engine_class: ClassVar = KrakenFuturesEngine
    rules: ClassVar = Rules(
        ids_may_repeat=True, separate_conditional_ids=False, triggers_at_once=True,
        taker_fee=Decimal("0.0005"), maker_fee=Decimal("0.0002"), default_leverage=50,
    )  # fmt: skip
    weight_per_minute: ClassVar = 1_000_000

    def __init__(self, engine: Engine) -> None:
        it = cast("KrakenFuturesEngine", engine)
        self.market = MarketEndpoints(it)
        self.orders = OrderEndpoints(it, self.market)
        self.accounts = AccountEndpoints(it, self.market, self.orders)
        self.history = History(it)
        self.streaming = Streaming(it, lambda: self.sockets)
        super().__init__(engine)
        self._private = {**self.orders.routes(), **self.accounts.routes()}
        self._nonces: dict[str, int] = {}
        self._budget = Windows(500, 10)
        self._tokens = Decaying(100, 100 / 600)

    @classmethod
    def markets(cls) -> list[Market]:
        def perpetual(base: str, name: str, lot: str, tick: str, most: int) -> Market:
            return Market(
                id=f"PF_{name}USD", base=base, quote="USD", tick=Decimal(tick), lot=Decimal(lot),
                min_quantity=Decimal(lot), max_quantity=Decimal(most), min_notional=Decimal(0),
                max_market_quantity=Decimal(most), max_leverage=50,
            )  # fmt: skip

        return [
            perpetual("BTC", "XBT", "0.0001", "1", 5_000),
            perpetual("ETH", "ETH", "0.001", "0.1", 100_000),
            perpetual("DOGE", "DOGE", "1", "0.000001", 500_000_000),
        ]

    def urls(self, http: str, ws: str) -> dict[str, Any]:
        names = {"charts": "api/charts", "history": "api/history", "public": "derivatives/api",
                 "private": "derivatives/api", "feeschedules": "api/feeschedules"}  # fmt: skip
        return {"api": {**{name: f"{http}/{path}/" for name, path in names.items()},
                        "ws": f"{ws}/ws/v1"}}  # fmt: skip

    def facts(self, call: Call) -> Facts:
        key, name = call.headers.get("APIKey", ""), call.path.removeprefix(API)
        asked: dict[str, Any] = dict(call.params)
        if name == "batchorder":
            asked = _first_of(asked)
            name = {"send": "sendorder", "cancel": "cancelorder"}.get(str(asked.get("order")), "")
        client_id = str(asked.get("cliOrdId") or "")
        if name == "cancelorder":
            return Facts(key=key, leg="cancel", client_id=client_id)
        if name != "sendorder":
            return Facts(key=key)
        reduces = str(asked.get("reduceOnly", "")).lower() == "true"
        leg = _LEGS.get(str(asked.get("orderType")), "exit" if reduces else "entry")
        return Facts(key=key, leg=leg, client_id=client_id)

    def refusal(self, why: Reason | Trouble) -> Answer:
        if isinstance(why, Trouble):
            return self._error(No(*TROUBLES[why]))
        return self._success({"sendStatus": self.orders.refused(STATUSES[why], is_new=True)})

    def refusal_of(self, call: Call, why: Reason | Trouble) -> Answer:
        field = {"cancelorder": "cancelStatus", "editorder": "editStatus"}.get(
            call.path.removeprefix(API)
        )
        if isinstance(why, Trouble) or field is None:
            return self.refusal(why)
        return self._success({field: self.orders.refused(STATUSES[why], is_new=False)})

    def _success(self, body: dict[str, Any]) -> Answer:
        return told({"result": "success", **body, "serverTime": stamp(self.engine.now_ms())})

    def _error(self, why: No) -> Answer:
        body: dict[str, Any] = {"result": "error", "error": why.error,
                                "serverTime": stamp(self.engine.now_ms())}  # fmt: skip
        if why.error == "INSUFFICIENT_MARGIN":
            body = {"errors": [{"code": 92, "message": why.error}], **body}
            body.pop("error")
        return told(body, why.status)

    def answer(self, call: Call) -> Answer:
        try:
            if call.path.startswith(CHARTS):
                path = call.path.removeprefix(CHARTS)
                return told(self.market.candles(path, dict(call.params)))
            if call.path.startswith(HISTORY):
                return self._remembered(call)
            if call.path == KEY_CHECK:
                return told(self.accounts.key_check(self._signed(call)))
            return self._success(self._derivatives(call))
        except No as e:
            return self._error(e)
        except Refused as e:
            return self.refusal_of(call, e.reason)

    def _derivatives(self, call: Call) -> dict[str, Any]:
        name = call.path.removeprefix(API) if call.path.startswith(API) else ""
        public = self.market.answer(name) if call.method == "GET" else None
        if public is not None:
            return public
        private = self._private.get((call.method, name))
        if private is None:
            raise No(*TROUBLES[Trouble.NO_SUCH_PATH])
        account = self._signed(call)
        if call.method != "GET" and name != "orders/status" and not account.can_trade:
            raise No("authenticationError")
        asked: dict[str, Any] = dict(call.params)
        if name == "orders/status":
            asked = _lists(call)
        elif name == "batchorder":
            asked = {"json": call.body.removeprefix("json=")}
        return private(account, asked)

    def _remembered(self, call: Call) -> Answer:
        """Version 3 has the token of the next page in a header as well."""
        version, _, name = call.path.removeprefix(HISTORY).partition("/")
        if version not in ("v2", "v3") or name not in ("orders", "triggers", "executions"):
            raise No(*TROUBLES[Trouble.NO_SUCH_PATH])
        body = self.history.read(self._signed(call), name, version, dict(call.params))
        headers = {}
        if version == "v3" and "continuationToken" in body:
            headers["Next-Continuation-Token"] = body["continuationToken"]
        return told(body | {"serverTime": stamp(self.engine.now_ms())}, headers=headers)

    def _signed(self, call: Call) -> Account:
        account = self.engine.account_of(call.headers.get("APIKey", ""))
        if account is None or account.is_revoked:
            raise No(*TROUBLES[Trouble.BAD_KEY])
        nonce = call.headers.get("Nonce", "")
        path = call.path.removeprefix("/derivatives")
        data = f"{call.query}{call.body}"
        if call.headers.get("Authent") != sign(account.secret, data, nonce, path):
            raise No(*TROUBLES[Trouble.BAD_SIGNATURE])
        if nonce:
            last = self._nonces.get(account.key, 0)
            if not nonce.isdigit() or int(nonce) < last:
                raise No("nonceBelowThreshold")
            if int(nonce) == last:
                raise No("nonceDuplicate")
            self._nonces[account.key] = int(nonce)
        return account

    def over_limit(self, call: Call) -> Answer | None:
        """500 in ten seconds for the derivatives interface, 100 tokens for history."""
        if call.path.startswith(HISTORY):
            free = self._tokens.takes(call.facts.key)
            return None if free else self._error(No("apiLimitExceeded", 429))
        name = call.path.removeprefix(API)
        if (call.method, name) not in self._private:
            return None
        cost = _COSTS.get(name, 0)
        if name == "fills":
            cost = 25 if "lastFillTime" in call.params else 2
        elif name == "leveragepreferences":
            cost = 2 if call.method == "GET" else 10
        elif name == "batchorder":
            cost = 9 + call.body.count('"order":')
        return (
            None
            if self._budget.takes(call.facts.key, cost)
            else self._error(No("apiLimitExceeded"))
        )

    # --- websocket --------------------------------------------------------------------------

    def opened(self, socket: Socket) -> None:
        self.streaming.opened(socket)

    def heard(self, socket: Socket, text: str) -> None:
        self.streaming.heard(socket, text)

    def happened(self, event: Event) -> None:
        if isinstance(event, OrderChanged):
            self.history.happened(event)
        self.streaming.happened(event)


def sign(secret: str, data: str, nonce: str, path: str) -> str:
    """HMAC-SHA512 of the SHA-256 of parameters, nonce and path, in base64."""
    digest = hashlib.sha256(f"{data}{nonce}{path}".encode()).digest()
    return b64encode(hmac.new(b64decode(secret), digest, hashlib.sha512).digest()).decode()


def _lists(call: Call) -> dict[str, Any]:
    """Parameters that are repeated for each value."""
    pairs = parse_qsl(f"{call.query}&{call.body}")
    return {name: [value for each, value in pairs if each == name]
            for name in ("orderIds", "cliOrdIds")}  # fmt: skip


def _first_of(asked: dict[str, Any]) -> dict[str, Any]:
    """The first order of a batch."""
    try:
        orders = orjson.loads(str(asked.get("json", "")))["batchOrder"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return {}
    return orders[0] if orders else {}


DIALECT = KrakenFutures
