"""MEXC: perpetuals through the contract v1 API, spot through the v3 API.

Contracts are whole numbers of a fixed size. Stops by themselves are plan orders: they live 24
hours or seven days, trigger whichever way ``triggerType`` says and have no id of the client's.
``reduceOnly`` alone makes an order reduce in one-way mode. Spot streams are protocol buffers.
"""

import hashlib
import hmac
import re
from decimal import Decimal
from typing import Any, ClassVar, cast
from urllib.parse import parse_qsl

from tests.venue.counters import Windows
from tests.venue.engine import Engine, Event
from tests.venue.http_wire import Answer, Call, Dialect, Facts, Socket, Trouble, told
from tests.venue.mexc_engine import MexcEngine
from tests.venue.mexc_errors import No, no
from tests.venue.mexc_market import MarketEndpoints
from tests.venue.mexc_spot import SpotEndpoints
from tests.venue.mexc_stream import Streaming
from tests.venue.mexc_swap import SwapEndpoints
from tests.venue.model import Account, Market, Reason, Refused, Rules
from tests.venue.spot import SpotMarket

_PUBLIC, _PRIVATE, _SPOT = "/api/v1/contract/", "/api/v1/private/", "/api/v3/"


class Mexc(Dialect):
    """REST under ``/api/v1`` for contracts and ``/api/v3`` for spot."""

    ccxt_id: ClassVar = "mexc"
    engine_class: ClassVar = MexcEngine
    rules: ClassVar = Rules(
        ids_may_repeat=True, triggers_at_once=True, taker_fee=Decimal("0.0002"),
        maker_fee=Decimal(0), default_leverage=20,
    )  # fmt: skip
    weight_per_minute: ClassVar = 1_000_000

    def __init__(self, engine: Engine) -> None:
        it = cast("MexcEngine", engine)
        self.it = it
        self.market, self.swap = MarketEndpoints(it), SwapEndpoints(it)
        self.spot = SpotEndpoints(it)
        self.streaming = Streaming(it, self.spot, lambda: self.sockets)
        super().__init__(engine)
        self._swap = self.swap.routes()
        self._public, self._spot = self.spot.public(), self.spot.private()
        self._windows: dict[str, Windows] = {}

    @classmethod
    def markets(cls) -> list[Market]:
        def swap(base: str, size: str, tick: str) -> Market:
            contract = Decimal(size)
            return Market(
                id=f"{base}_USDT", base=base, tick=Decimal(tick), lot=contract,
                min_quantity=contract, contract_size=contract, min_notional=Decimal(0),
                max_quantity=contract * 1_000_000, max_market_quantity=contract * 1_000_000,
                max_leverage=200,
            )  # fmt: skip

        def spot(base: str, lot: str, tick: str) -> SpotMarket:
            return SpotMarket(
                id=f"{base}USDT", base=base, tick=Decimal(tick), lot=Decimal(lot),
                min_quantity=Decimal(lot), min_notional=Decimal(1), max_leverage=1,
                max_quantity=Decimal(10_000_000), max_market_quantity=Decimal(10_000_000),
            )  # fmt: skip

        return [
            swap("BTC", "0.0001", "0.1"), swap("ETH", "0.01", "0.01"),
            swap("DOGE", "100", "0.00001"), spot("BTC", "0.000001", "0.01"),
            spot("ETH", "0.00001", "0.01"), spot("DOGE", "0.01", "0.00001"),
        ]  # fmt: skip

    def urls(self, http: str, ws: str) -> dict[str, Any]:
        return {
            "api": {
                "spot": {"public": http, "private": http},
                "contract": {"public": f"{http}/api/v1/contract",
                             "private": f"{http}/api/v1/private"},
                "ws": {"spot": f"{ws}/ws", "swap": f"{ws}/edge"},
            }
        }  # fmt: skip

    def facts(self, call: Call) -> Facts:
        if call.path.startswith(_SPOT):
            return _spot_facts(call)
        key = call.headers.get("ApiKey", "")
        name = call.path.removeprefix(_PRIVATE)
        if call.method != "POST" or not name.startswith(("order/", "planorder/", "stoporder/")):
            return Facts(key=key)
        body = call.json
        if "/cancel" in name:
            return Facts(key=key, leg="cancel")
        client_id = str(body.get("externalOid", "")) if isinstance(body, dict) else ""
        return Facts(key=key, leg=_leg(name, body), client_id=client_id)

    def refusal(self, why: Reason | Trouble) -> Answer:
        return no(why, contract=True).answer(contract=True)

    def refusal_of(self, call: Call, why: Reason | Trouble) -> Answer:
        contract = not call.path.startswith(_SPOT)
        return no(why, contract=contract).answer(contract=contract)

    def answer(self, call: Call) -> Answer:
        contract = not call.path.startswith(_SPOT)
        self.it.expire()
        try:
            return told(self._contract(call) if contract else self._spot_body(call))
        except No as e:
            return e.answer(contract=contract)
        except Refused as e:
            return self.refusal_of(call, e.reason)

    # --- contracts --------------------------------------------------------------------------

    def _contract(self, call: Call) -> Any:
        public = self.market.handler(call.path.removeprefix(_PUBLIC))
        if call.path.startswith(_PUBLIC) and public is not None and call.method == "GET":
            return {"success": True, "code": 0, "data": public(dict(call.params))}
        name = call.path.removeprefix(_PRIVATE)
        private = self._swap.get((call.method, name)) or self.swap.numbered(call.method, name)
        if not call.path.startswith(_PRIVATE) or private is None:
            raise no(Trouble.NO_SUCH_PATH, contract=True)
        account = self._signed_header(call)
        if call.method == "POST" and not account.can_trade:
            raise No(704, "Transaction information modify permission is required")
        data = private(account, call.json if call.method == "POST" else dict(call.params))
        return {"success": True, "code": 0, **({} if data is None else {"data": data})}

    def _signed_header(self, call: Call) -> Account:
        """HMAC over key, time and the sorted query or the body as it was sent."""
        account = self.engine.account_of(call.headers.get("ApiKey", ""))
        if account is None:
            raise no(Trouble.BAD_KEY, contract=True)
        if account.is_revoked:
            raise No(402, "Api_key expired")
        stamp = call.headers.get("Request-Time", "")
        sent = call.body if call.method == "POST" else "&".join(sorted(call.query.split("&")))
        wanted = _digest(account, account.key + stamp + sent)
        if not hmac.compare_digest(wanted, call.headers.get("Signature", "")):
            raise no(Trouble.BAD_SIGNATURE, contract=True)
        window_s = min(int(call.headers.get("Recv-Window", 10)), 60)
        if not stamp.isdigit() or abs(self.engine.now_ms() - int(stamp)) > window_s * 1_000:
            raise no(Trouble.CLOCK, contract=True)
        return account

    # --- spot -------------------------------------------------------------------------------

    def _spot_body(self, call: Call) -> Any:
        name = call.path.removeprefix(_SPOT)
        if name in self._public and call.method == "GET":
            return self._public[name](dict(call.params))
        private = self._spot.get((call.method, name))
        if private is None:
            raise no(Trouble.NO_SUCH_PATH, contract=False)
        account = self._signed_query(call)
        if call.method != "GET" and not account.can_trade:
            raise No(700007, "No permission to access the endpoint.")
        return private(account, dict(call.params))

    def _signed_query(self, call: Call) -> Account:
        """HMAC, in lower case, over query and body as they were sent, without the signature."""
        account = self.engine.account_of(call.headers.get("X-MEXC-APIKEY", ""))
        if account is None or account.is_revoked:
            raise no(Trouble.BAD_KEY, contract=False)
        said = dict(parse_qsl(f"{call.query}&{call.body}", keep_blank_values=True))
        payload = re.sub(r"&?signature=[^&]*", "", call.query + call.body)
        if not hmac.compare_digest(_digest(account, payload), said.get("signature", "")):
            raise no(Trouble.BAD_SIGNATURE, contract=False)
        window_ms = int(said.get("recvWindow", 5_000))
        if window_ms > 60_000:
            raise No(700005, "recvWindow must less than 60000")
        stamp, now_ms = said.get("timestamp", ""), self.engine.now_ms()
        if not stamp.isdigit() or not now_ms - window_ms <= int(stamp) < now_ms + 1_000:
            raise no(Trouble.CLOCK, contract=False)
        return account

    def over_limit(self, call: Call) -> Answer | None:
        """Contracts: 20 in 2 s by endpoint and key; spot: 500 in 10 s by endpoint and key."""
        name = re.sub(r"/\d+$", "", call.path)
        most, seconds = (500, 10) if call.path.startswith(_SPOT) else (20, 2)
        window = self._windows.setdefault(name, Windows(most, seconds))
        if window.takes(call.facts.key or call.address):
            return None
        return self.refusal_of(call, Trouble.RATE_LIMITED)

    # --- websocket --------------------------------------------------------------------------

    def opened(self, socket: Socket) -> None:
        self.streaming.opened(socket)

    def heard(self, socket: Socket, text: str) -> None:
        self.streaming.heard(socket, text)

    def happened(self, event: Event) -> None:
        self.streaming.happened(event)

    def encode(self, socket: Socket, text: str) -> str | bytes:
        return self.streaming.encode(socket, text)


def _digest(account: Account, payload: str) -> str:
    return hmac.new(account.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def _spot_facts(call: Call) -> Facts:
    key, params = call.headers.get("X-MEXC-APIKEY", ""), call.params
    if call.path != f"{_SPOT}order" or call.method == "GET":
        return Facts(key=key)
    name = params.get("newClientOrderId") or params.get("origClientOrderId", "")
    if call.method == "DELETE":
        return Facts(key=key, leg="cancel", client_id=name)
    leg = "exit" if params.get("side") == "SELL" else "entry"
    return Facts(key=key, leg=leg, client_id=name)


def _leg(name: str, body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    if name.startswith("stoporder/"):
        return "stop" if body.get("stopLossPrice") else "target"
    if name == "planorder/place":
        falls = str(body.get("triggerType")) == "2"
        return "stop" if falls == (str(body.get("side")) in ("3", "4")) else "target"
    closes = body.get("reduceOnly") is True or str(body.get("side")) in ("2", "4")
    return "exit" if closes else "entry"


DIALECT = Mexc
