"""Bybit's answers, field by field."""

from decimal import Decimal
from typing import Any

from tests.venue.candles import Candle
from tests.venue.engine import Engine
from tests.venue.model import ZERO, Account, Kind, MarginMode, Market, Order, Origin, Status, Trade

FOREVER = 10**18


def plain(value: Decimal | None) -> str:
    return "" if value is None else format(value, "f")


def instrument(market: Market) -> dict[str, Any]:
    return {
        "symbol": market.id, "contractType": "LinearPerpetual", "status": "Trading",
        "baseCoin": market.base, "quoteCoin": market.quote, "settleCoin": market.quote,
        "launchTime": "1585526400000", "deliveryTime": "0", "deliveryFeeRate": "",
        "priceScale": "2", "unifiedMarginTrade": True, "fundingInterval": 480,
        "leverageFilter": {
            "minLeverage": "1", "maxLeverage": str(market.max_leverage), "leverageStep": "0.01",
        },
        "priceFilter": {
            "minPrice": plain(market.tick), "maxPrice": "1999999.80",
            "tickSize": plain(market.tick),
        },
        "lotSizeFilter": {
            "maxOrderQty": plain(market.max_quantity), "minOrderQty": plain(market.min_quantity),
            "qtyStep": plain(market.lot), "maxMktOrderQty": plain(market.max_market_quantity),
            "minNotionalValue": plain(market.min_notional),
        },
    }  # fmt: skip


def ticker(engine: Engine, symbol: str) -> dict[str, Any]:
    price, tick = engine.prices[symbol], engine.markets[symbol].tick
    return {
        "symbol": symbol, "lastPrice": plain(price), "indexPrice": plain(engine.marks[symbol]),
        "markPrice": plain(engine.marks[symbol]), "prevPrice24h": plain(price),
        "price24hPcnt": "0", "highPrice24h": plain(price), "lowPrice24h": plain(price),
        "volume24h": "1", "turnover24h": plain(price), "bid1Price": plain(price - tick),
        "ask1Price": plain(price + tick), "bid1Size": "10", "ask1Size": "10",
    }  # fmt: skip


def candle(row: Candle) -> list[str]:
    values = (row.open, row.high, row.low, row.close, row.volume, row.volume * row.close)
    return [str(row.open_ms), *map(plain, values)]


def status(order: Order) -> str:
    match order.status:
        case Status.NEW:
            return "Untriggered" if order.is_waiting else "New"
        case Status.PARTIALLY_FILLED:
            return "PartiallyFilled"
        case Status.FILLED:
            return "Filled"
        case _ if order.filled:
            return "PartiallyFilledCanceled"
        case _:
            return "Deactivated" if order.is_conditional and not order.triggered_ms else "Cancelled"


def is_the_positions(order: Order) -> bool:
    """Whether it is a position's own stop, whatever its size."""
    return order.ask.close_position and order.ask.kind is Kind.STOP


def order_row(order: Order) -> dict[str, Any]:
    """As ``order/realtime`` and ``order/history`` show it."""
    ask = order.ask
    is_attached = order.is_conditional and ask.close_position
    stops = {each.kind: plain(each.trigger) for each in ask.attached}
    rises = (ask.side == "buy") == (ask.kind is Kind.STOP)
    left = order.remaining if order.is_open else ZERO
    if is_attached:
        kind = "StopLoss" if ask.kind is Kind.STOP else "TakeProfit"
    else:
        kind = "Stop" if order.is_conditional else ""
    return {
        "orderId": str(order.id), "orderLinkId": ask.client_id, "symbol": ask.symbol,
        "side": ask.side.value.capitalize(),
        "orderType": "Market" if ask.price is None else "Limit",
        "price": plain(ask.price or ZERO), "qty": plain(ask.quantity),
        "orderStatus": status(order), "cancelType": "UNKNOWN", "rejectReason": "EC_NoError",
        "avgPrice": plain(order.average) if order.filled else "",
        "leavesQty": plain(left), "cumExecQty": plain(order.filled),
        "cumExecValue": plain(order.cost), "cumExecFee": plain(order.fee),
        "timeInForce": "IOC" if ask.price is None else ask.time_in_force, "positionIdx": 0,
        "stopOrderType": kind, "triggerDirection": (1 if rises else 2) if kind else 0,
        "triggerPrice": plain(ask.trigger), "triggerBy": "LastPrice" if kind else "",
        "stopLoss": stops.get(Kind.STOP, ""), "takeProfit": stops.get(Kind.TAKE_PROFIT, ""),
        "tpslMode": "Full" if is_attached or ask.attached else "",
        "createType": f"CreateBy{kind}" if is_attached else "CreateByUser",
        "reduceOnly": ask.reduce_only, "closeOnTrigger": is_attached, "smpType": "None",
        "slLimitPrice": "0", "tpLimitPrice": "0", "createdTime": str(order.created_ms),
        "updatedTime": str(order.updated_ms),
    }  # fmt: skip


def execution(trade: Trade) -> dict[str, Any]:
    return {
        "symbol": trade.symbol, "orderId": str(trade.order_id), "orderLinkId": trade.client_id,
        "side": trade.side.value.capitalize(), "orderType": "Market", "execId": str(trade.id),
        "execPrice": plain(trade.price), "execQty": plain(trade.quantity),
        "execValue": plain(trade.price * trade.quantity), "execFee": plain(trade.fee),
        "feeRate": "0.00055", "feeCurrency": "", "execTime": str(trade.at_ms),
        "execType": "BustTrade" if trade.origin is Origin.LIQUIDATION else "Trade",
        "isMaker": trade.is_maker, "closedSize": "0", "seq": trade.id,
    }  # fmt: skip


def position(engine: Engine, account: Account, symbol: str) -> dict[str, Any]:
    held = account.position(symbol)
    side = "" if not held.quantity else "Buy" if held.quantity > 0 else "Sell"
    size = abs(held.quantity)
    return {
        "symbol": symbol, "positionIdx": 1 if account.is_hedged else 0, "side": side,
        "size": plain(size), "avgPrice": plain(held.entry),
        "positionValue": plain(size * held.entry), "tradeMode": 0,
        "leverage": str(engine.leverage(account, symbol)), "markPrice": plain(engine.marks[symbol]),
        "liqPrice": "", "positionIM": plain(engine.margin_of(account, held)), "positionMM": "0",
        "unrealisedPnl": plain(engine.unrealized(account, held)), "cumRealisedPnl": "0",
        "stopLoss": "", "takeProfit": "", "trailingStop": "0", "positionStatus": "Normal",
        "createdTime": str(held.opened_ms), "updatedTime": str(held.updated_ms),
    }  # fmt: skip


def wallet(engine: Engine, account: Account) -> dict[str, Any]:
    """In isolated mode the account as a whole has no available balance."""
    positions = account.positions.values()
    margins = sum((engine.margin_of(account, each) for each in positions), ZERO)
    pnl = sum((engine.unrealized(account, each) for each in positions), ZERO)
    equity = plain(engine.equity(account))
    free = "" if is_isolated(engine, account) else plain(engine.available(account))
    coin = {
        "coin": account.currency, "equity": equity, "walletBalance": plain(account.wallet),
        "unrealisedPnl": plain(pnl), "totalPositionIM": plain(margins),
        "totalOrderIM": plain(engine.reserved(account)), "locked": "0", "availableToWithdraw": "",
        "usdValue": equity, "cumRealisedPnl": "0", "bonus": "0", "accruedInterest": "0",
    }  # fmt: skip
    return {
        "accountType": "UNIFIED", "totalEquity": equity,
        "totalWalletBalance": plain(account.wallet),
        "totalMarginBalance": equity, "totalAvailableBalance": free, "coin": [coin],
    }  # fmt: skip


def is_isolated(engine: Engine, account: Account) -> bool:
    """The margin mode is the account's, whatever is traded."""
    return all(engine.margin_mode(account, each) is MarginMode.ISOLATED for each in engine.markets)
