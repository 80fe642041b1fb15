"""Shapes of the answers that adapters read, one table for each exchange's API.

Keys are those that something is concluded from: a row without its quantity is no position of zero,
and a list that is missing is no list without rows.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from signalbot.exchange.live.transport.response_validation import ResponseShape, ResponseShapes


def _rows(*keys: str, **more: Any) -> ResponseShape:
    return ResponseShape(is_list=True, keys=keys, **more)


def _one(*keys: str, **more: Any) -> ResponseShape:
    return ResponseShape(keys=keys, **more)


BINANCE_USDM: Final[ResponseShapes] = MappingProxyType({
    "GET /v1/order": _one("orderId", "clientOrderId", "symbol", "status"),
    "POST /v1/order": _one("orderId", "clientOrderId", "symbol", "status"),
    "GET /v1/algoOrder": _one("algoId", "clientAlgoId", "symbol", "algoStatus"),
    "POST /v1/algoOrder": _one("algoId", "clientAlgoId"),
    "/v1/openOrders": _rows("orderId", "clientOrderId", "symbol", "status"),
    "/v1/openAlgoOrders": _rows("algoId", "clientAlgoId", "symbol", "algoStatus"),
    "/v1/userTrades": _rows("id", "orderId", "symbol", "qty", "price", "time"),
    "/v2/positionRisk": _rows("symbol", "positionAmt"),
    "/v3/positionRisk": _rows("symbol", "positionAmt"),
    "/v2/account": ResponseShape(at=("assets",), is_list=True, keys=("asset", "walletBalance")),
    "/v3/account": ResponseShape(at=("assets",), is_list=True, keys=("asset", "walletBalance")),
    "/v1/accountConfig": _one("dualSidePosition"),
    "/v1/symbolConfig": _rows("symbol", "leverage", "marginType"),
    "/v1/positionSide/dual": _one("dualSidePosition"),
    "/v1/income": _rows("tranId", "incomeType", "income", "time"),
    "/v1/forceOrders": _rows("orderId"),
    "/v1/leverage": _one("leverage"),
    "/v1/listenKey": _one(),
    "/v1/exchangeInfo": ResponseShape(at=("symbols",), is_list=True, keys=("symbol",), least=1),
    "/v1/time": _one("serverTime"),
    "/v1/klines": ResponseShape(is_list=True),
    "/v1/ticker/24hr": _one("lastPrice"),
})  # fmt: skip

BINANCE_SPOT: Final[ResponseShapes] = MappingProxyType({
    "GET /v3/order": _one("orderId", "clientOrderId", "symbol", "status"),
    "POST /v3/order": _one("orderId", "clientOrderId", "symbol", "status"),
    "/v3/openOrders": _rows("orderId", "clientOrderId", "symbol", "status"),
    "/v3/myTrades": _rows("id", "orderId", "symbol", "qty", "price", "time"),
    "/v3/account": ResponseShape(at=("balances",), is_list=True, keys=("asset", "free", "locked")),
    "/v3/exchangeInfo": ResponseShape(at=("symbols",), is_list=True, keys=("symbol",), least=1),
    "/v3/time": _one("serverTime"),
    "/v3/klines": ResponseShape(is_list=True),
    "/v3/ticker/24hr": _one("lastPrice"),
})  # fmt: skip


def _bybit(*keys: str, at: tuple[str, ...] = ("result", "list"), least: int = 0) -> ResponseShape:
    is_list = at[-1] == "list"
    success = {"retCode": frozenset(("0",))}
    return ResponseShape(success=success, at=at, is_list=is_list, keys=keys, least=least)


_RESULT = ("result",)
BYBIT: Final[ResponseShapes] = MappingProxyType({
    "/v5/order/create": _bybit("orderId", at=_RESULT),
    "/v5/order/amend": _bybit("orderId", at=_RESULT),
    "/v5/order/cancel": _bybit("orderId", at=_RESULT),
    "/v5/order/realtime": _bybit("orderId", "orderStatus", "symbol", "side"),
    "/v5/order/history": _bybit("orderId", "orderStatus", "symbol", "side"),
    "/v5/execution/list": _bybit("execId", "orderId", "symbol", "execQty", "execPrice"),
    "/v5/position/list": _bybit("symbol", "size"),
    "/v5/position/trading-stop": _bybit(at=_RESULT),
    "/v5/position/set-leverage": _bybit(at=_RESULT),
    "/v5/account/wallet-balance": _bybit("accountType", "coin", least=1),
    "/v5/account/transaction-log": _bybit("id", "type"),
    "/v5/account/info": _bybit("marginMode", at=_RESULT),
    "/v5/user/query-api": _bybit(at=_RESULT),
    "/v5/market/instruments-info": _bybit("symbol"),
    "/v5/market/tickers": _bybit("symbol", "lastPrice"),
    "/v5/market/kline": _bybit(),
    "/v5/market/time": _bybit(at=_RESULT),
})  # fmt: skip


def _okx(*keys: str, least: int = 0) -> ResponseShape:
    """Code 1 and 2: some or all of several orders were rejected, and each has its own code."""
    codes = frozenset(("0", "1", "2"))
    return ResponseShape(
        success={"code": codes}, at=("data",), is_list=True, keys=keys, least=least
    )


OKX: Final[ResponseShapes] = MappingProxyType({
    "GET /trade/order": _okx("ordId", "instId", "state", least=1),
    "POST /trade/order": _okx(least=1),
    "/trade/cancel-order": _okx(least=1),
    "GET /trade/order-algo": _okx("algoId", "instId", "state", least=1),
    "POST /trade/order-algo": _okx(least=1),
    "/trade/cancel-algos": _okx(least=1),
    "/trade/amend-algos": _okx(least=1),
    "/trade/orders-pending": _okx("ordId", "instId", "state"),
    "/trade/orders-algo-pending": _okx("algoId", "instId", "state"),
    "/trade/fills": _okx("tradeId", "ordId", "instId", "fillSz", "fillPx"),
    "/trade/fills-history": _okx("tradeId", "ordId", "instId", "fillSz", "fillPx"),
    "/account/positions": _okx("instId", "pos"),
    "/account/balance": _okx("details", least=1),
    "/account/config": _okx(least=1),
    "/account/leverage-info": _okx("lever"),
    "/account/bills": _okx("billId"),
    "/account/bills-archive": _okx("billId"),
    "/account/set-leverage": _okx(),
    "/public/instruments": _okx("instId"),
    "/public/time": _okx("ts", least=1),
    "/market/ticker": _okx("last", least=1),
    "/market/candles": _okx(),
    "/market/history-candles": _okx(),
})  # fmt: skip
_BITGET_OK: Final = {"code": frozenset(("00000",))}


def _bitget(*keys: str, at: tuple[str, ...] = ("data",), is_list: bool = False) -> ResponseShape:
    return ResponseShape(success=_BITGET_OK, at=at, is_list=is_list, keys=keys)


BITGET: Final[ResponseShapes] = MappingProxyType({
    "/v2/mix/order/place-order": _bitget("orderId"),
    "/v2/mix/order/place-tpsl-order": _bitget("orderId"),
    "/v2/mix/order/detail": _bitget("orderId", "state"),
    "/v2/mix/order/orders-pending": _bitget(),
    "/v2/mix/order/orders-plan-pending": _bitget(),
    "/v2/mix/order/orders-plan-history": _bitget(),
    "/v2/mix/order/fills": _bitget(),
    "/v2/mix/position/all-position": _bitget("symbol", "total", is_list=True),
    "/v2/mix/account/accounts": _bitget("marginCoin", is_list=True),
    "/v2/mix/account/account": _bitget("marginMode"),
    "/v2/spot/trade/place-order": _bitget("orderId"),
    "/v2/spot/trade/orderInfo": _bitget(is_list=True),
    "/v2/spot/trade/unfilled-orders": _bitget("orderId", is_list=True),
    "/v2/spot/trade/fills": _bitget("tradeId", "orderId", is_list=True),
    "/v2/spot/account/assets": _bitget("coin", "available", is_list=True),
})  # fmt: skip
_HTX_V5: Final = {"code": frozenset(("200",))}
_HTX_V1: Final = {"status": frozenset(("ok",))}

HTX: Final[ResponseShapes] = MappingProxyType(
    {
        "/v5/trade/position/opens": ResponseShape(success=_HTX_V5, at=("data",), is_list=True),
        "/v5/trade/order/opens": ResponseShape(success=_HTX_V5, at=("data",), is_list=True),
        "/v5/algo/order/opens": ResponseShape(success=_HTX_V5, at=("data",), is_list=True),
        "/v5/trade/order/details": ResponseShape(success=_HTX_V5, at=("data",), is_list=True),
        "/v5/account/balance": ResponseShape(success=_HTX_V5, at=("data",)),
        "/v5/position/mode": ResponseShape(success=_HTX_V5, at=("data",)),
        "/v1/order/openOrders": ResponseShape(success=_HTX_V1, at=("data",), is_list=True),
        "/v1/order/orders/*/matchresults": ResponseShape(
            success=_HTX_V1, at=("data",), is_list=True
        ),
        "/v1/account/accounts/*/balance": ResponseShape(
            success=_HTX_V1, at=("data", "list"), is_list=True
        ),
    }
)


def _kraken(*at: str, keys: tuple[str, ...] = ()) -> ResponseShape:
    """Errors stand beside ``result``, which is missing then."""
    return ResponseShape(at=("result", *at), keys=keys)


KRAKEN: Final[ResponseShapes] = MappingProxyType({
    "/private/OpenOrders": _kraken("open"),
    "/private/ClosedOrders": _kraken("closed"),
    "/private/TradesHistory": _kraken("trades"),
    "/private/QueryOrders": _kraken(),
    "/private/QueryTrades": _kraken(),
    "/private/BalanceEx": _kraken(),
    "/private/Balance": _kraken(),
    "/private/AddOrder": ResponseShape(at=("result", "txid"), is_list=True, least=1),
    "/public/OHLC": _kraken(),
    "/public/Ticker": _kraken(),
})  # fmt: skip
KRAKEN_FUTURES_OK: Final[Mapping[str, frozenset[str]]] = {"result": frozenset(("success",))}


def _futures(name: str, *keys: str, is_list: bool = True) -> ResponseShape:
    return ResponseShape(success=KRAKEN_FUTURES_OK, at=(name,), is_list=is_list, keys=keys)


KRAKEN_FUTURES: Final[ResponseShapes] = MappingProxyType({
    "/v3/openpositions": _futures("openPositions", "symbol", "size", "side"),
    "/v3/openorders": _futures("openOrders", "order_id", "symbol"),
    "/v3/orders/status": _futures("orders"),
    "/v3/fills": _futures("fills", "fill_id", "order_id", "symbol", "size", "price"),
    "/v3/accounts": _futures("accounts", is_list=False),
    "GET /v3/leveragepreferences": _futures("leveragePreferences", "symbol"),
    "/v3/tickers/*": _futures("ticker", is_list=False),
    "/history/v2/orders": ResponseShape(at=("elements",), is_list=True),
    "/history/v2/triggers": ResponseShape(at=("elements",), is_list=True),
})  # fmt: skip
_MEXC_OK: Final = {"success": frozenset(("True",))}

MEXC: Final[ResponseShapes] = MappingProxyType(
    {
        "/private/order/external/*/*": ResponseShape(success=_MEXC_OK),
        "/private/order/get/*": ResponseShape(success=_MEXC_OK),
        "/private/order/list/open_orders/*": ResponseShape(
            success=_MEXC_OK, at=("data",), is_list=True
        ),
        "/private/order/list/open_orders": ResponseShape(
            success=_MEXC_OK, at=("data",), is_list=True
        ),
        "/private/planorder/list/orders": ResponseShape(
            success=_MEXC_OK, at=("data",), is_list=True
        ),
        "/private/order/list/order_deals": ResponseShape(
            success=_MEXC_OK, at=("data",), is_list=True
        ),
        "/private/position/open_positions": ResponseShape(
            success=_MEXC_OK, at=("data",), is_list=True, keys=("symbol", "holdVol")
        ),
        "/private/account/assets": ResponseShape(success=_MEXC_OK, at=("data",), is_list=True),
        "/api/v3/openOrders": _rows("orderId", "symbol"),
        "/api/v3/myTrades": _rows("id", "orderId", "symbol"),
        "/api/v3/account": ResponseShape(at=("balances",), is_list=True, keys=("asset", "free")),
    }
)
