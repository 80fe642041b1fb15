"""Bitget v2: USDT futures in coins, spot, plan orders and stops of positions.

A key signs time, method, path, query and body, and has a passphrase. Unified accounts are refused
here with 40085. Candles reach back 30 to 1,440 days; older ones come from another endpoint, 200 at
a time, the last ones of the window. ``6H``, ``12H`` and ``1D`` are of the Asian day.
"""

from decimal import Decimal
from typing import Any, ClassVar, cast
from urllib.parse import unquote

from tests.venue.bitget_errors import No, no
from tests.venue.bitget_market import MarketEndpoints
from tests.venue.bitget_mix import MixEndpoints
from tests.venue.bitget_spot import SpotEndpoints
from tests.venue.bitget_stream import Streaming, sign
from tests.venue.counters import Windows
from tests.venue.engine import Engine, Event
from tests.venue.http_wire import Answer, Call, Dialect, Facts, Socket, Trouble, told
from tests.venue.model import Account, Market, Reason, Refused, Rules
from tests.venue.spot import SpotEngine, SpotMarket

_VALID_MS = 30_000
_FIVE = ("account/set-leverage", "account/set-margin-mode", "account/set-position-mode",
         "position/all-position")  # fmt: skip


class BitgetEngine(SpotEngine):
    spot_taker_fee = Decimal("0.001")
    spot_maker_fee = Decimal("0.001")


class Bitget(Dialect):
    """REST under ``/api/v2``, websockets under ``/v2/ws``."""

    ccxt_id: ClassVar = "bitget"
    engine_class: ClassVar = BitgetEngine
    rules: ClassVar = Rules(
        taker_fee=Decimal("0.0006"), maker_fee=Decimal("0.0002"), default_leverage=20,
    )  # fmt: skip
    weight_per_minute: ClassVar = 6_000

    def __init__(self, engine: Engine) -> None:
        it = cast("SpotEngine", engine)
        self.market = MarketEndpoints(it)
        self.mix, self.spot = MixEndpoints(it, self.market), SpotEndpoints(it, self.market)
        #: Keys of unified accounts: v2 is not for them, only they have v3.
        self.unified: set[str] = set()
        self.streaming = Streaming(it, self.unified, lambda: self.sockets)
        super().__init__(engine)
        self._public = self.market.routes()
        self._mix, self._spot = self.mix.routes(), self.spot.routes()
        self._windows: dict[str, Windows] = {}

    @classmethod
    def markets(cls) -> list[Market]:
        def mix(base: str, lot: str, tick: str) -> Market:
            return Market(
                id=f"{base}USDT", base=base, tick=Decimal(tick), lot=Decimal(lot),
                min_quantity=Decimal(lot), max_quantity=Decimal(lot) * 10_000_000,
                max_market_quantity=Decimal(lot) * 1_200_000, max_leverage=125,
            )  # fmt: skip

        def spot(base: str, lot: str, tick: str) -> SpotMarket:
            return SpotMarket(
                id=f"{base}USDT_SPBL", named=f"{base}USDT", base=base, tick=Decimal(tick),
                lot=Decimal(lot), min_quantity=Decimal(lot), min_notional=Decimal(1),
                max_leverage=1, max_quantity=Decimal(10_000_000),
                max_market_quantity=Decimal(10_000_000),
            )  # fmt: skip

        return [
            mix("BTC", "0.0001", "0.1"), mix("ETH", "0.01", "0.01"), mix("DOGE", "1", "0.00001"),
            spot("BTC", "0.000001", "0.01"), spot("ETH", "0.0001", "0.01"),
            spot("DOGE", "0.0001", "0.00001"),
        ]  # fmt: skip

    def urls(self, http: str, ws: str) -> dict[str, Any]:
        names = ("spot", "mix", "user", "p2p", "broker", "margin", "common", "tax", "convert",
                 "copy", "earn", "uta")  # fmt: skip
        sockets = {
            "public": f"{ws}/v2/ws/public", "private": f"{ws}{'/v2/ws/private'}",
            "utaPublic": f"{ws}/v3/ws/public", "utaPrivate": f"{ws}/v3/ws/private",
        }  # fmt: skip
        return {"api": {**dict.fromkeys(names, http), "ws": sockets}}

    def facts(self, call: Call) -> Facts:
        key = call.headers.get("ACCESS-KEY", "")
        name = call.path.rpartition("/")[2]
        if call.method != "POST" or not ("/order/" in call.path or "/trade/" in call.path):
            return Facts(key=key)
        body = call.json
        if name.startswith("cancel"):
            first = (body.get("orderIdList") or [body])[0]
            return Facts(key=key, leg="cancel", client_id=str(first.get("clientOid") or ""))
        return Facts(key=key, leg=_leg(call.path, body), client_id=str(body.get("clientOid") or ""))

    def refusal(self, why: Reason | Trouble) -> Answer:
        return no(why).answer(self.engine.now_ms())

    def refusal_of(self, call: Call, why: Reason | Trouble) -> Answer:
        return no(why, spot="/spot/" in call.path).answer(self.engine.now_ms())

    def answer(self, call: Call) -> Answer:
        try:
            data = self._data(call)
        except No as e:
            return e.answer(self.engine.now_ms())
        except Refused as e:
            return self.refusal_of(call, e.reason)
        now_ms = self.engine.now_ms()
        return told({"code": "00000", "msg": "success", "requestTime": now_ms, "data": data})

    def _data(self, call: Call) -> Any:
        if call.path.startswith("/api/v3/"):
            return self._unified_data(call)
        name = call.path.removeprefix("/api/v2/")
        if name in self._public and call.method == "GET":
            return self._public[name](dict(call.params))
        group, _, rest = name.partition("/")
        private = {"mix": self._mix, "spot": self._spot}.get(group, {}).get((call.method, rest))
        if private is None:
            raise no(Trouble.NO_SUCH_PATH)
        account = self._signed(call)
        if account.key in self.unified:
            raise No(40085, "You are in Unified Account mode, and the Classic Account API is not "
                            "supported at this time")  # fmt: skip
        if call.method == "POST" and not account.can_trade:
            raise No(40014, "Incorrect permissions, need contract order write permissions")
        return private(account, call.json if call.method == "POST" else dict(call.params))

    def _unified_data(self, call: Call) -> Any:
        """The one endpoint by which a unified account is recognized."""
        account = self._signed(call)
        if account.key not in self.unified:
            raise No(40084, "You are in Classic Account mode, and the Unified Account API is not "
                            "supported at this time")  # fmt: skip
        if call.path != "/api/v3/account/settings":
            raise no(Trouble.NO_SUCH_PATH)
        return {"uid": "1", "accountMode": "unified", "assetMode": "single",
                "holdMode": "one_way_mode", "stpMode": "none"}  # fmt: skip

    def _signed(self, call: Call) -> Account:
        """The query is signed as it was sent, or before its percent encoding."""
        sent = {name: call.headers.get(f"ACCESS-{name}", "") for name in _HEADERS}
        account = self.engine.account_of(sent["KEY"])
        if account is None:
            raise no(Trouble.BAD_KEY)
        if account.is_revoked:
            raise No(40006, "Invalid ACCESS_KEY")
        if not sent["PASSPHRASE"]:
            raise No(40011, "ACCESS_PASSPHRASE cannot be empty")
        if sent["PASSPHRASE"] != account.password:
            raise No(40012, "apikey/password is incorrect")
        if not sent["TIMESTAMP"].isdigit():
            raise No(40005, "Invalid ACCESS_TIMESTAMP")
        if abs(self.engine.now_ms() - int(sent["TIMESTAMP"])) > _VALID_MS:
            raise no(Trouble.CLOCK)
        query = f"?{call.query}" if call.query else ""
        good = {
            sign(account.secret, f"{sent['TIMESTAMP']}{call.method}{call.path}{each}{call.body}")
            for each in (query, unquote(query))
        }
        if sent["SIGN"] not in good:
            raise no(Trouble.BAD_SIGNATURE)
        return account

    def over_limit(self, call: Call) -> Answer | None:
        """20 in a second for public endpoints, 10 for private ones, 5 for settings."""
        public = call.path.removeprefix("/api/v2/") in self._public
        most = 20 if public else 5 if call.path.endswith(_FIVE) else 10
        window = self._windows.setdefault(call.path, Windows(most, 1))
        if window.takes(call.address if public else call.facts.key):
            return None
        return self.refusal(Trouble.RATE_LIMITED)

    # --- websocket --------------------------------------------------------------------------

    def opened(self, socket: Socket) -> None:
        """A connection has no account before its login."""

    def heard(self, socket: Socket, text: str) -> None:
        self.streaming.heard(socket, text)

    def happened(self, event: Event) -> None:
        self.streaming.happened(event)


_HEADERS = ("KEY", "SIGN", "TIMESTAMP", "PASSPHRASE")


def _leg(path: str, body: dict[str, Any]) -> str:
    plan = str(body.get("planType", ""))
    if plan.endswith(("loss", "loss_plan")):
        return "stop"
    if plan.endswith(("profit", "profit_plan")):
        return "target"
    if "plan-order" in path:
        return "stop"
    closes = str(body.get("reduceOnly", "")).upper() == "YES"
    closes = closes or str(body.get("tradeSide", "")).lower() == "close"
    if "/spot/" in path:
        closes = body.get("side") == "sell"
    return "exit" if closes else "entry"


DIALECT = Bitget
