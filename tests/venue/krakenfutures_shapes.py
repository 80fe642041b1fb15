"""How Kraken Futures writes markets, orders, fills, positions and the wallet.

Sources: "Get Instruments", "Get Open Orders", "Get Specific Orders' Status", "Get your fills",
"Get Open Positions", "Get Wallets". A quantity is what is still open, never what was asked for.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from tests.venue.candles import Candle
from tests.venue.krakenfutures_engine import (
    HAIRCUT,
    FlexAccount,
    KrakenFuturesEngine,
    to_text,
)
from tests.venue.model import (
    ZERO,
    Account,
    Kind,
    Market,
    Order,
    Origin,
    Position,
    Status,
    Trade,
    TriggerBy,
)

Row = dict[str, Any]
_SIGNALS = {TriggerBy.MARK: "mark", TriggerBy.LAST: "last"}


def stamp(ms: int) -> str:
    """ISO 8601 with milliseconds."""
    at = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"


def number(value: Decimal | None) -> float:
    return float(value or ZERO)


# --- markets -----------------------------------------------------------------------------------


def instrument(market: Market) -> Row:
    base = market.id.removeprefix("PF_").removesuffix("USD")
    digits = -int(market.lot.normalize().as_tuple().exponent)
    level = {"numNonContractUnits": 0, "initialMargin": float(1 / Decimal(market.max_leverage)),
             "maintenanceMargin": float(1 / Decimal(2 * market.max_leverage))}  # fmt: skip
    return {
        "symbol": market.id, "type": "flexible_futures", "tradeable": True, "base": market.base,
        "quote": "USD", "pair": f"{market.base}:USD", "tickSize": float(market.tick),
        "contractSize": 1, "contractValueTradePrecision": digits, "impactMidSize": 1,
        "maxPositionSize": float(market.max_quantity), "postOnly": False, "category": "Layer 1",
        "openingDate": "2022-03-22T14:00:00.000Z", "marginLevels": [level], "tags": [],
        "fundingRateCoefficient": 8, "maxRelativeFundingRate": 0.0025, "tradfi": False,
        "underlying": f"rr_{base.lower()}usd", "isin": "", "hasInitialMargin": True,
    }  # fmt: skip


def ticker(engine: KrakenFuturesEngine, market: Market) -> Row:
    price, mark = number(engine.prices[market.id]), number(engine.marks[market.id])
    return {
        "symbol": market.id, "last": price, "lastTime": stamp(engine.now_ms()), "lastSize": 1,
        "tag": "perpetual", "pair": f"{market.base}:USD", "markPrice": mark, "bid": price,
        "bidSize": 1, "ask": price, "askSize": 1, "vol24h": 10, "volumeQuote": 10 * price,
        "openInterest": 100, "open24h": price, "high24h": price, "low24h": price,
        "suspended": False, "indexPrice": mark, "fundingRate": 0, "fundingRatePrediction": 0,
        "postOnly": False, "change24h": 0,
    }  # fmt: skip


def candle(row: Candle, kind: str) -> Row:
    """Only candles of trades have a volume."""
    volume = format(row.volume, "f") if kind == "trade" else "0"
    prices = {name: format(getattr(row, name), "f") for name in ("open", "high", "low", "close")}
    return {"time": row.open_ms, **prices, "volume": volume}


# --- orders ------------------------------------------------------------------------------------


def order_type(order: Order) -> str:
    ask = order.ask
    if ask.kind in (Kind.STOP, Kind.TAKE_PROFIT):
        return "stp" if ask.kind is Kind.STOP else "take_profit"
    if ask.time_in_force == "GTX":
        return "post"
    return "lmt" if ask.price is not None and ask.time_in_force == "GTC" else "ioc"


def limit_price(engine: KrakenFuturesEngine, order: Order) -> Decimal | None:
    """Of a market order it is one per cent away."""
    if order.ask.price is not None or order.ask.kind is not Kind.MARKET:
        return order.ask.price
    return engine.prices[order.ask.symbol] * (1 + order.ask.side.sign * Decimal("0.01"))


def event_order(engine: KrakenFuturesEngine, order: Order, filled: Decimal | None = None) -> Row:
    """An order inside of ``orderEvents``; ``filled`` is what had filled then."""
    ask = order.ask
    done = order.filled if filled is None else filled
    row: Row = {
        "cliOrdId": ask.client_id or None, "type": order_type(order), "symbol": ask.symbol,
        "side": ask.side.value, "quantity": number(ask.quantity - done),
        "limitPrice": number(limit_price(engine, order)), "reduceOnly": ask.reduce_only,
        "timestamp": stamp(order.created_ms), "lastUpdateTimestamp": stamp(order.updated_ms),
    }  # fmt: skip
    if ask.trigger is None:
        return {"orderId": to_text(order.id), "filled": number(done), **row}
    row["type"] = "lmt" if ask.price is not None else "ioc"
    side = "trigger_below" if falls(order) else "trigger_above"
    return {
        "uid": to_text(order.id), "clientId": row.pop("cliOrdId"),
        "triggerPrice": number(ask.trigger), "triggerSide": side,
        "triggerSignal": f"{_SIGNALS[ask.trigger_by]}_price", **row,
    }  # fmt: skip


def falls(order: Order) -> bool:
    """Whether a falling price triggers it."""
    return (order.ask.side.value == "sell") == (order.ask.kind is Kind.STOP)


def open_order(order: Order) -> Row:
    """A row of the open orders; triggers are among them."""
    ask = order.ask
    kinds = {"stp": "stop", "post": "lmt", "ioc": "lmt"}
    row: Row = {
        "order_id": to_text(order.id), "symbol": ask.symbol, "side": ask.side.value,
        "orderType": kinds.get(order_type(order), order_type(order)),
        "unfilledSize": number(order.remaining), "filledSize": number(order.filled),
        "receivedTime": stamp(order.created_ms), "lastUpdateTime": stamp(order.updated_ms),
        "status": "partiallyFilled" if order.filled else "untouched",
        "reduceOnly": ask.reduce_only,
    }  # fmt: skip
    if ask.client_id:
        row["cliOrdId"] = ask.client_id
    if ask.price is not None:
        row["limitPrice"] = number(ask.price)
    if ask.trigger is not None:
        row |= {"stopPrice": number(ask.trigger), "triggerSignal": _SIGNALS[ask.trigger_by]}
    return row


def lifecycle(engine: KrakenFuturesEngine, order: Order) -> Row:
    """A row of ``orders/status``: the order, its status, and why."""
    ask, is_trigger = order.ask, order.is_conditional
    options = None
    if ask.trigger is not None:
        options = {
            "triggerPrice": number(ask.trigger),
            "triggerSide": "TRIGGER_BELOW" if falls(order) else "TRIGGER_ABOVE",
            "triggerSignal": f"{_SIGNALS[ask.trigger_by].upper()}_PRICE", "triggerTime": None,
        }  # fmt: skip
    body: Row = {
        "type": "TRIGGER_ORDER" if is_trigger else "ORDER", "orderId": to_text(order.id),
        "cliOrdId": ask.client_id or None, "symbol": ask.symbol, "side": ask.side.value,
        "quantity": number(order.remaining), "filled": None if is_trigger else number(order.filled),
        "limitPrice": number(limit_price(engine, order)), "reduceOnly": ask.reduce_only,
        "timestamp": stamp(order.created_ms), "lastUpdateTimestamp": stamp(order.updated_ms),
        "priceTriggerOptions": options,
    }  # fmt: skip
    status, why = _state(order)
    return {"order": body, "status": status, "updateReason": why, "error": None}


def _state(order: Order) -> tuple[str, str | None]:
    """A trigger that has become an order was canceled: that is how it reads."""
    if order.is_open:
        if order.is_conditional:
            return "TRIGGER_PLACED", None
        return "ENTERED_BOOK", "PARTIAL_FILL" if order.filled else "NEW_USER_ORDER"
    return {
        Status.FILLED: ("FULLY_EXECUTED", "FULL_FILL"),
        Status.TRIGGERED: ("CANCELLED", "STOP_ORDER_TRIGGERED"),
        Status.CANCELED: ("CANCELLED", "CANCELLED_BY_USER"),
    }.get(order.status, ("CANCELLED", "IOC_WOULD_NOT_EXECUTE_REASON"))


def fill_type(trade: Trade) -> str:
    if trade.origin is Origin.LIQUIDATION:
        return "liquidation"
    return "maker" if trade.is_maker else "taker"


def fill(trade: Trade) -> Row:
    """Fees are not part of a fill."""
    row: Row = {
        "fill_id": to_text(trade.id), "symbol": trade.symbol, "side": trade.side.value,
        "order_id": to_text(trade.order_id), "size": number(trade.quantity),
        "price": number(trade.price), "fillTime": stamp(trade.at_ms),
        "fillType": fill_type(trade),
    }  # fmt: skip
    return row | ({"cliOrdId": trade.client_id} if trade.client_id else {})


# --- the account -------------------------------------------------------------------------------


def position(engine: KrakenFuturesEngine, account: Account, held: Position) -> Row:
    """``maxFixedLeverage`` is there for isolated margin only."""
    row: Row = {
        "side": "long" if held.quantity > 0 else "short", "symbol": held.symbol,
        "price": number(held.entry), "fillTime": stamp(held.opened_ms),
        "size": number(abs(held.quantity)), "unrealizedFunding": 0, "pnlCurrency": "USD",
    }  # fmt: skip
    fixed = engine.fixed_leverage(account, held.symbol)
    return row | ({"maxFixedLeverage": float(fixed)} if fixed is not None else {})


def flex(engine: KrakenFuturesEngine, account: Account) -> Row:
    """The multi-collateral wallet, in USD but for the quantities of its coins."""
    positions = account.positions.values()
    pnl = sum((engine.unrealized(account, each) for each in positions), ZERO)
    used = sum((engine.margin_of(account, each) for each in positions), ZERO)
    others, equity = engine.collateral_value(account), engine.equity(account)
    coins = {"USD": account.wallet, **cast("FlexAccount", account).collateral}
    currencies = {
        coin: {"quantity": number(amount), "value": number(amount * engine.coin_price(coin)),
               "collateral": number(amount * engine.coin_price(coin)
                                    * (1 if coin == "USD" else 1 - HAIRCUT)),
               "available": number(amount)}
        for coin, amount in coins.items()
    }  # fmt: skip
    return {
        "type": "multiCollateralMarginAccount", "currencies": currencies,
        "initialMargin": number(used), "pnl": number(pnl), "unrealizedFunding": 0,
        "initialMarginWithOrders": number(used + engine.reserved(account)),
        "maintenanceMargin": number(used / 2), "totalUnrealized": number(pnl),
        "balanceValue": number(account.wallet + others), "totalUnrealizedAsMargin": number(pnl),
        "portfolioValue": number(account.wallet + others + pnl),
        "collateralValue": number(equity - pnl), "marginEquity": number(equity),
        "availableMargin": number(engine.available(account)),
    }  # fmt: skip
