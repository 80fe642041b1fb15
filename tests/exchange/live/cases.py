"""One table of what responses of every exchange mean: an order is absent, unknown or rejected."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from signalbot.domain.errors import (
    AccessDenied,
    OrderOutcomeUnknown,
    OrderRejected,
    RejectionReason,
    SignalbotError,
    Unavailable,
)
from signalbot.domain.orders import OrderRequest
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.bitget import BitgetSwap
from signalbot.exchange.live.adapters.htx import HtxSwap
from signalbot.exchange.live.adapters.htx_spot import HtxSpot
from signalbot.exchange.live.adapters.kraken import KrakenSpot
from signalbot.exchange.live.adapters.kraken_futures import KrakenFutures
from signalbot.exchange.live.adapters.mexc import MexcSwap
from signalbot.exchange.live.transport.error_codes import (
    AccountRateLimited,
    AddressRateLimited,
    ClockSkewed,
)
from tests.exchange.live.loopback_exchange import entry, spot, swap
from tests.exchange.live.wire_fixtures import ENTRY_ID, SPOT, SWAP, stop, target

Answers = Mapping[str, Any]
"""Bodies by path; a pair is a body and its HTTP status."""

PERP: Final = "BTC/USD:USD"


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of account: its adapter, its market, and what it answers in every case."""

    adapter: Callable[[], ExchangeAdapter]
    market: Mapping[str, Any]
    answers: Answers = field(default_factory=dict)


_WHEN = "2026-03-02T06:10:31.954Z"
_NO_EVENTS = {"result": "success", "serverTime": _WHEN, "elements": [], "len": 0}
_MEXC_LEVERAGE = {"level": 1, "leverage": 5, "openType": 2}

LINES: Final[Mapping[str, Line]] = {
    "htx": Line(HtxSwap, swap("BTC-USDT", size="0.001", lot="1")),
    "htx spot": Line(HtxSpot, spot("btcusdt"), {
        "/v1/account/accounts": {
            "status": "ok",
            "data": [{"id": 7, "type": "spot", "subtype": "", "state": "working"}],
        },
    }),
    "mexc": Line(MexcSwap, swap("BTC_USDT", size="0.0001", lot="1"), {
        "/api/v1/private/position/leverage": {"success": True, "code": 0, "data": [
            _MEXC_LEVERAGE | {"positionType": side} for side in (1, 2)
        ]},
    }),
    "bitget": Line(BitgetSwap, swap("BTCUSDT", lot="0.001")),
    "kraken": Line(KrakenSpot, spot("XBTUSDT") | {"altname": "XBTUSDT"}),
    "krakenfutures": Line(KrakenFutures, swap("PF_XBTUSD", lot="0.0001", quote="USD"), {
        "/derivatives/api/v3/orders/status": {
            "result": "success", "serverTime": _WHEN, "orders": [],
        },
        "/derivatives/api/v3/fills": {"result": "success", "serverTime": _WHEN, "fills": []},
        "/api/history/v2/orders": _NO_EVENTS,
        "/api/history/v2/triggers": _NO_EVENTS,
    }),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LookupCase:
    """A look-up of ``requests`` and its result: no order, or an error."""

    line: str
    answers: Answers
    requests: tuple[OrderRequest, ...]
    error: type[SignalbotError] | None = None


def _htx(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, "data": None}


def _htx_absent(code: int) -> dict[str, Any]:
    none = {"code": 200, "message": "Success", "data": [], "ts": 1780966573200}
    known = dict.fromkeys(("/v5/trade/order", "/v5/algo/order"), _htx(code, "no such order"))
    lists = ("trade/order/history", "algo/order/history", "trade/order/opens", "algo/order/opens")
    return known | {f"/v5/{path}": none for path in lists}


def _mexc(code: int) -> dict[str, Any]:
    return {"success": False, "code": code, "message": "error"}


def _mexc_ok(content: Any) -> dict[str, Any]:
    return {"success": True, "code": 0, "data": content}


def _bitget(code: str) -> tuple[dict[str, Any], int]:
    return {"code": code, "msg": "error", "data": None}, 400


_BITGET_ORDER = "/api/v2/mix/order/detail"
_BITGET_NO_PLANS = {
    path: {"code": "00000", "msg": "success", "requestTime": 1627292199523,
           "data": {"entrustedList": [], "endId": None}}
    for path in ("/api/v2/mix/order/orders-plan-pending", "/api/v2/mix/order/orders-plan-history")
}  # fmt: skip
_MEXC_ORDER = f"/api/v1/private/order/external/BTC_USDT/{ENTRY_ID}"
_MEXC_PLANS = "/api/v1/private/planorder/list/orders"
_KRAKEN_OPEN = "/0/private/OpenOrders"
_ENTRY, _STOP, _TARGET = entry(SWAP), stop(SWAP, "59000"), target(SWAP, "63000")

LOOKUPS: Final = (
    # The exchange knows no such order, and no list holds it.
    *(LookupCase("htx", _htx_absent(code), (_ENTRY, _TARGET)) for code in (1017, 1061)),
    *(
        LookupCase("mexc", {_MEXC_ORDER: body, _MEXC_PLANS: _mexc_ok([])}, (_ENTRY, _STOP))
        for body in (_mexc(2040), _mexc_ok(None), _mexc_ok({}))
    ),
    *(
        LookupCase("bitget", {_BITGET_ORDER: _bitget(code)} | _BITGET_NO_PLANS, (_ENTRY, _STOP))
        for code in ("40109", "43001")
    ),
    LookupCase("kraken", {
        _KRAKEN_OPEN: {"error": [], "result": {"open": {}}},
        "/0/private/ClosedOrders": {"error": [], "result": {"closed": {}, "count": 0}},
    }, (entry(SPOT),)),
    # A failed exchange is no exchange without our order.
    LookupCase("htx", {"/v5/trade/order": _htx(1000, "System error.")}, (_ENTRY,), Unavailable),
    LookupCase("mexc", {_MEXC_ORDER: _mexc(500), _MEXC_PLANS: _mexc(501)}, (_ENTRY, _STOP),
               Unavailable),
    LookupCase("bitget", {_BITGET_ORDER: _bitget("40015")}, (_ENTRY,), Unavailable),
    LookupCase("krakenfutures", {
        "/derivatives/api/v3/fills": {
            "result": "error", "serverTime": _WHEN, "error": "Server Error",
        },
    }, (entry(PERP),), Unavailable),
    # A revoked key denies access to reads, too.
    LookupCase("htx spot", {"/v1/order/orders/getClientOrder": {
        "status": "error", "err-code": "api-signature-not-valid", "err-msg": "Incorrect key",
    }}, (entry(SPOT),), AccessDenied),
    LookupCase("mexc", {_MEXC_ORDER: _mexc(402)}, (_ENTRY,), AccessDenied),
    LookupCase("bitget", {_BITGET_ORDER: _bitget("40037")}, (_ENTRY,), AccessDenied),
    LookupCase("kraken", {_KRAKEN_OPEN: {"error": ["EAPI:Invalid key"]}}, (entry(SPOT),),
               AccessDenied),
    LookupCase("krakenfutures", {
        "/derivatives/api/v3/fills": {
            "result": "error", "serverTime": _WHEN, "error": "authenticationError",
        },
    }, (entry(PERP),), AccessDenied),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OrderCase:
    """The error of sending ``request`` when the exchange answers with ``code``."""

    line: str
    code: str
    answers: Answers
    request: OrderRequest
    error: type[SignalbotError]
    reason: RejectionReason | None = None


# Codes by their meaning; https://www.bitget.com/api-doc/common/error-code/restapi for Bitget.
_MEANINGS: Final[Mapping[str, Mapping[type[SignalbotError] | RejectionReason, str]]] = {
    "mexc": {
        RejectionReason.OTHER: "2015 2009",
        RejectionReason.INSUFFICIENT_MARGIN: "2005",
        RejectionReason.ACCESS_DENIED: "406 704",
        ClockSkewed: "513",
        AccountRateLimited: "510",
        OrderOutcomeUnknown: "603 500 9999",
    },
    "bitget": {
        # the mark price deviates, no position, trading not open or suspended, closing only, ADL
        RejectionReason.OTHER: "40017 45121 45068 43119 45043 45108 22067",
        RejectionReason.INSUFFICIENT_MARGIN: "40762 45120",
        RejectionReason.WOULD_TRIGGER: "40917 45122 45060 45062",
        # futures restricted, wrong passphrase, contracts disabled
        RejectionReason.ACCESS_DENIED: "40916 40036 40753 40014 40085",
        ClockSkewed: "40008",
        AddressRateLimited: "30007",
        # duplicate ids, time-outs, unlisted codes
        OrderOutcomeUnknown: "50060 40910 40786 40010 43118 45034 40015 49999",
    },
    "kraken": {
        RejectionReason.OTHER: (
            "EOrder:Order minimum not met|EOrder:Cost minimum not met"
            "|EGeneral:Invalid arguments:volume|EService:Market in cancel_only mode"
            "|EService:Deadline elapsed"
        ),
        RejectionReason.INSUFFICIENT_MARGIN: "EOrder:Insufficient funds",
        RejectionReason.ACCESS_DENIED: "EGeneral:Permission denied",
        ClockSkewed: "EAPI:Invalid nonce",
        AccountRateLimited: "EAPI:Rate limit exceeded",
        OrderOutcomeUnknown: (
            "EService:Timeout|EService:Unavailable|EGeneral:Internal error|EOrder:Something new"
        ),
    },
}


def _order_case(line: str, code: str, meaning: type[SignalbotError] | RejectionReason) -> OrderCase:
    answers: Mapping[str, tuple[Answers, OrderRequest]] = {
        "mexc": ({"/api/v1/private/order/create": _mexc(int(code))} if line == "mexc" else {},
                 _ENTRY),
        "bitget": ({"/api/v2/mix/order/place-tpsl-order": _bitget(code)}, _STOP),
        "kraken": ({"/0/private/AddOrder": {"error": [code]}}, stop(SPOT, "59000")),
    }  # fmt: skip
    responses, request = answers[line]
    if isinstance(meaning, RejectionReason):
        return OrderCase(line, code, responses, request, OrderRejected, meaning)
    return OrderCase(line, code, responses, request, meaning)


ORDERS: Final = tuple(
    _order_case(line, code, meaning)
    for line, meanings in _MEANINGS.items()
    for meaning, codes in meanings.items()
    for code in (codes.split("|") if line == "kraken" else codes.split())
)
