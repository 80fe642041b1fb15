"""Kraken: spot over REST, and the second websocket.

A key signs path, nonce and body; the nonce must rise with every request of the key, so two
requests that overtake each other are one too few. Errors come with HTTP 200.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from decimal import Decimal
from typing import Any, ClassVar, cast

from tests.venue.engine import Engine, Event
from tests.venue.http_wire import Answer, Call, Dialect, Facts, Socket, Trouble, told
from tests.venue.kraken_account import AccountEndpoints
from tests.venue.kraken_engine import KrakenEngine
from tests.venue.kraken_errors import No, no
from tests.venue.kraken_limits import Limits
from tests.venue.kraken_market import MarketEndpoints
from tests.venue.kraken_orders import OrderEndpoints
from tests.venue.kraken_stream import PRIVATE, Streaming
from tests.venue.model import Account, Market, Reason, Refused, Rules
from tests.venue.spot import SpotMarket

_TRADING = {"AddOrder", "CancelOrder", "CancelAll"}


class Kraken(Dialect):
    """REST under ``/0``, websockets under ``/v2`` and ``/auth/v2``."""

    ccxt_id: ClassVar = "kraken"
    engine_class: ClassVar = KrakenEngine
    rules: ClassVar = Rules(
        triggers_at_once=True, separate_conditional_ids=False, trigger_spawns=False,
        attached_when_filled=False, default_leverage=1,
    )  # fmt: skip
    weight_per_minute: ClassVar = 6_000

    def __init__(self, engine: Engine) -> None:
        it = cast("KrakenEngine", engine)
        self.nonces: dict[str, int] = {}  #: the highest of each key
        self.market = MarketEndpoints(it)
        self.accounts = AccountEndpoints(it, self.nonces)
        self.limits = Limits(it)
        self.streaming = Streaming(it, self.market, self.accounts, lambda: self.sockets)
        super().__init__(engine)
        self._public = self.market.routes()
        self._private = {**OrderEndpoints(it, self.market).routes(), **self.accounts.routes()}

    @classmethod
    def markets(cls) -> list[Market]:
        def pair(identity: str, name: str, base: str, tick: str, least: str) -> SpotMarket:
            return SpotMarket(
                id=identity, named=name, base=base, quote="USD", tick=Decimal(tick),
                lot=Decimal("0.00000001"), min_quantity=Decimal(least), min_notional=Decimal("0.5"),
                max_leverage=1, max_quantity=Decimal(100_000_000),
                max_market_quantity=Decimal(100_000_000),
            )  # fmt: skip

        return [
            pair("XXBTZUSD", "XBTUSD", "BTC", "0.1", "0.00005"),
            pair("XETHZUSD", "ETHUSD", "ETH", "0.01", "0.001"),
            pair("XDGUSD", "XDGUSD", "DOGE", "0.0000001", "13"),
        ]

    def urls(self, http: str, ws: str) -> dict[str, Any]:
        sockets = {"public": ws, "private": f"{ws}/auth", "publicV2": f"{ws}/v2",
                   "privateV2": f"{ws}{PRIVATE}"}  # fmt: skip
        return {"api": {"public": http, "private": http, "ws": sockets}}

    def facts(self, call: Call) -> Facts:
        key, name = call.headers.get("API-Key", ""), _name(call)
        if name not in _TRADING:
            return Facts(key=key)
        asked = _asked(call)
        client_id = str(asked.get("cl_ord_id") or asked.get("userref") or "")
        leg = "cancel" if name.startswith("Cancel") else _leg(asked)
        return Facts(key=key, leg=leg, client_id=client_id)

    def refusal(self, why: Reason | Trouble) -> Answer:
        return no(why).answer()

    def answer(self, call: Call) -> Answer:
        try:
            return told({"error": [], "result": self._result(call)})
        except No as e:
            return e.answer()
        except Refused as e:
            return self.refusal(e.reason)

    def _result(self, call: Call) -> Any:
        name = _name(call)
        if call.path == f"/0/public/{name}" and name in self._public:
            return self._public[name](dict(call.params))
        if call.path != f"/0/private/{name}" or name not in self._private or call.method != "POST":
            raise no(Trouble.NO_SUCH_PATH)
        asked = _asked(call)
        account = self._signed(call, asked)
        if name in _TRADING and not account.can_trade:
            raise No("EGeneral:Permission denied")
        return self._private[name](account, asked)

    def _signed(self, call: Call, asked: dict[str, Any]) -> Account:
        account = self.engine.account_of(call.headers.get("API-Key", ""))
        if account is None or account.is_revoked:
            raise no(Trouble.BAD_KEY)
        nonce = str(asked.get("nonce", ""))
        if not hmac.compare_digest(
            sign(account.secret, call.path, nonce, call.body).encode(),
            call.headers.get("API-Sign", "").encode(),
        ):
            raise no(Trouble.BAD_SIGNATURE)
        if not nonce.isdigit() or int(nonce) <= self.nonces.get(account.key, 0):
            raise no(Trouble.CLOCK)
        self.nonces[account.key] = int(nonce)
        return account

    def over_limit(self, call: Call) -> Answer | None:
        text = self.limits.refusal(call, _name(call))
        return No(text).answer() if text else None

    def topic_is_candle(self, topic: str) -> bool:
        return topic.startswith("ohlc")

    # --- websocket --------------------------------------------------------------------------

    def opened(self, socket: Socket) -> None:
        self.streaming.opened(socket)

    def heard(self, socket: Socket, text: str) -> None:
        self.streaming.heard(socket, text)

    def happened(self, event: Event) -> None:
        self.streaming.happened(event)


def sign(secret: str, path: str, nonce: str, body: str) -> str:
    """HMAC-SHA512 of path and SHA-256 of nonce and body, with the secret's bytes, in base64."""
    digest = hashlib.sha256(f"{nonce}{body}".encode()).digest()
    key = b64decode(secret)
    return b64encode(hmac.new(key, path.encode() + digest, hashlib.sha512).digest()).decode()


def _name(call: Call) -> str:
    return call.path.rpartition("/")[2]


def _asked(call: Call) -> dict[str, Any]:
    """The body, which is a form or JSON."""
    if "json" not in call.headers.get("Content-Type", ""):
        return dict(call.params)
    body = call.json
    return body if isinstance(body, dict) else {}


def _leg(asked: dict[str, Any]) -> str:
    name = str(asked.get("ordertype", ""))
    if name.startswith("stop-loss"):
        return "stop"
    if name.startswith("take-profit"):
        return "target"
    return "exit" if asked.get("type") == "sell" else "entry"


DIALECT = Kraken
