"""Bybit v5, unified account: linear perpetuals in coins, stops attached to the position."""

import hashlib
import hmac
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from tests.venue import bybit_limits
from tests.venue import bybit_shapes as shapes
from tests.venue.bybit_account import AccountEndpoints
from tests.venue.bybit_errors import BAD_KEY, REVOKED, No, no, refused, wrong
from tests.venue.bybit_orders import OrderEndpoints
from tests.venue.bybit_params import SPOT, Asked, in_category, listed, market_of
from tests.venue.bybit_stream import INTERVALS, Streaming
from tests.venue.engine import Engine, Event
from tests.venue.http_wire import Answer, Call, Dialect, Facts, Socket, Trouble, told
from tests.venue.limits import Charge, Limits, Over
from tests.venue.model import Account, Market, Reason, Refused, Rules


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
        self.orders = OrderEndpoints(engine)
        self._private = self.orders.routes() | AccountEndpoints(engine).routes()

    @classmethod
    def markets(cls) -> list[Market]:
        return [
            Market(id="BTCUSDT", base="BTC", max_leverage=100),
            Market(
                id="ETHUSDT", base="ETH", tick=Decimal("0.01"), lot=Decimal("0.01"),
                min_quantity=Decimal("0.01"), max_leverage=100,
            ),
        ]  # fmt: skip

    @classmethod
    def spot_markets(cls) -> list[Market]:
        lot = Decimal("0.000001")
        return [
            Market(
                id=f"{SPOT}{base}USDT", named=f"{base}USDT", base=base, is_spot=True, tick=tick,
                lot=lot, min_quantity=lot, max_quantity=Decimal(83),
                max_market_quantity=Decimal("41.5"),
            )
            for base, tick in (("BTC", Decimal("0.1")), ("ETH", Decimal("0.01")))
        ]  # fmt: skip

    def restart_service(self) -> None:
        """For tests: ``order/realtime`` forgets what has ended, as after a release."""
        self.orders.restarted_ms = self.engine.now_ms() + 1

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

    def charges(self, call: Call) -> list[Charge]:
        return bybit_limits.charges(call)

    def limited(self, over: Over, limits: Limits, *, banned: bool) -> Answer:
        return bybit_limits.limited(over, self.engine.now_ms())

    def limit_headers(self, call: Call, limits: Limits, answer: Answer) -> dict[str, str]:
        return bybit_limits.headers(call, limits, self.now_s())

    def answer(self, call: Call) -> Answer:
        try:
            result = self._result(call)
        except No as e:
            return e.answer(self.engine.now_ms())
        except Refused as e:
            return refused(e, spot=self._is_spot(call)).answer(self.engine.now_ms())
        body = {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}}
        return told(body | {"time": self.engine.now_ms()})

    def _is_spot(self, call: Call) -> bool:
        asked = call.json if call.method == "POST" else call.params
        return bool(asked.get("category") == "spot")

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
        now_ms, at_ms = call.checked_ms or self.engine.now_ms(), int(sent["TIMESTAMP"])
        if not now_ms - int(sent["RECV-WINDOW"] or 5_000) <= at_ms < now_ms + 1_000:
            raise no(Trouble.CLOCK)
        return account

    # --- public ------------------------------------------------------------------------------

    def _instruments(self, asked: Asked) -> Any:
        if asked.get("category") not in ("linear", "spot") or asked.get("status") == "PreLaunch":
            return listed(asked, [])
        fits = in_category(self.engine, asked)
        rows = [market for market in self.engine.markets.values() if fits(market.id)]
        return listed(asked, [shapes.instrument(each) for each in rows])

    def _tickers(self, asked: Asked) -> Any:
        if asked.get("symbol"):
            symbols = [market_of(self.engine, {"category": "linear", **asked}).id]
        else:
            fits = in_category(self.engine, asked)
            symbols = [each for each in self.engine.markets if fits(each)]
        return listed(asked, [shapes.ticker(self.engine, each) for each in symbols])

    def _klines(self, asked: Asked) -> Any:
        market = market_of(self.engine, {"category": "linear", **asked})
        interval = INTERVALS.get(asked.get("interval", ""))
        if interval is None:
            raise wrong("Invalid period!")
        since_ms, until_ms = asked.get("start"), asked.get("end")
        rows = self.engine.candles.rows(
            market.id, interval, since_ms=None if since_ms is None else int(since_ms),
            until_ms=None if until_ms is None else int(until_ms),
            limit=min(int(asked.get("limit", 200)), 1_000),
        )  # fmt: skip
        return {"symbol": market.name} | listed(asked, [shapes.candle(row) for row in rows[::-1]])

    # --- websocket -----------------------------------------------------------------------------

    def opened(self, socket: Socket) -> None:
        """Who it is for, it tells later."""

    def heard(self, socket: Socket, text: str) -> None:
        self.streaming.heard(socket, text)

    def happened(self, event: Event) -> None:
        self.streaming.happened(event)


_HEADERS = ("API-KEY", "TIMESTAMP", "RECV-WINDOW", "SIGN")


def _leg(path: str, body: Asked) -> str:
    if path.endswith("/cancel"):
        return "cancel"
    sells = body.get("side") == "Sell"
    if "triggerPrice" in body:
        falls = body.get("triggerDirection") == 2
        return "stop" if falls == sells or body.get("category") == "spot" else "target"
    if body.get("category") == "spot":
        return "exit" if sells else "entry"
    closes = body.get("positionIdx") in ((1,) if sells else (2,))
    return "exit" if body.get("reduceOnly") or closes else "entry"


DIALECT = Bybit
