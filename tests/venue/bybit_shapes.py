"""Bybit's answers, field by field."""

from decimal import Decimal
from typing import Any

from tests.venue.candles import Candle
from tests.venue.engine import Engine
from tests.venue.model import (
    ZERO,
    Account,
    Booking,
    Kind,
    MarginMode,
    Market,
    Order,
    Origin,
    Position,
    PositionSide,
    Status,
    Trade,
    TriggerBy,
)


def plain(value: Decimal | None) -> str:
    return "" if value is None else format(value, "f")


def instrument(market: Market) -> dict[str, Any]:
    if market.is_spot:
        return _pair(market)
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


def _pair(market: Market) -> dict[str, Any]:
    return {
        "symbol": market.name, "symbolId": 9, "baseCoin": market.base, "quoteCoin": market.quote,
        "innovation": "0", "status": "Trading", "marginTrading": "utaOnly", "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": plain(market.lot), "quotePrecision": "0.0000001",
            "minOrderQty": plain(market.min_quantity), "maxOrderQty": plain(market.max_quantity),
            "minOrderAmt": plain(market.min_notional), "maxOrderAmt": "8000000",
            "maxLimitOrderQty": plain(market.max_quantity),
            "maxMarketOrderQty": plain(market.max_market_quantity),
            "postOnlyMaxLimitOrderSize": "60000",
        },
        "priceFilter": {"tickSize": plain(market.tick)},
        "riskParameters": {"priceLimitRatioX": "0.005", "priceLimitRatioY": "0.01"},
        "symbolType": "",
    }  # fmt: skip


def ticker(engine: Engine, symbol: str) -> dict[str, Any]:
    price, tick = engine.prices[symbol], engine.markets[symbol].tick
    return {
        "symbol": engine.markets[symbol].name, "lastPrice": plain(price),
        "indexPrice": plain(engine.marks[symbol]),
        "markPrice": plain(engine.marks[symbol]), "prevPrice24h": plain(price),
        "price24hPcnt": "0", "highPrice24h": plain(price), "lowPrice24h": plain(price),
        "volume24h": "1", "turnover24h": plain(price), "bid1Price": plain(price - tick),
        "ask1Price": plain(price + tick), "bid1Size": "10", "ask1Size": "10",
        "fundingRate": "0.0001", "nextFundingTime": str(engine.next_funding_ms()),
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
        case _ if order.filled and order.ask.is_spot:
            return "PartiallyFilledCanceled"
        case _ if order.filled:
            return "Cancelled"  # "in derivatives, orders with this status may have an executed qty"
        case _:
            return "Deactivated" if order.is_conditional and not order.triggered_ms else "Cancelled"


def level_of(account: Account, position: Position, kind: Kind) -> Order | None:
    """A position's own stop or target, whatever its size."""
    for order in account.open.values():
        ask = order.ask
        same = ask.symbol == position.symbol and ask.position_side is position.side
        if same and ask.close_position and ask.kind is kind:
            return order
    return None


def shown_positions(account: Account, symbol: str) -> list[Position]:
    """The rows of a symbol: one, or in hedge mode one of each side."""
    if account.hedges(symbol):
        return [account.position(symbol, side) for side in (PositionSide.LONG, PositionSide.SHORT)]
    return [account.position(symbol)]


_IDX = {PositionSide.BOTH: 0, PositionSide.LONG: 1, PositionSide.SHORT: 2}
_NAMES = {Kind.STOP: "StopLoss", Kind.TAKE_PROFIT: "TakeProfit"}


def stop_type(order: Order) -> str:
    """``stopOrderType``."""
    ask = order.ask
    if not order.is_conditional:
        return ""
    if ask.is_spot:
        return "tpslOrder" if ask.extra.get("filter", "tpslOrder") == "tpslOrder" else "Stop"
    if ask.extra.get("partial"):
        return f"Partial{_NAMES[ask.kind]}"
    return _NAMES[ask.kind] if ask.close_position else "Stop"


_CREATED = {
    Origin.LIQUIDATION: "CreateByTakeOver_PassThrough", Origin.ADL: "CreateByAdl_PassThrough",
    Origin.HAND: "CreateByClosing",
}  # fmt: skip


def _cancel_type(order: Order) -> str:
    if order.status is not Status.CANCELED:
        return "UNKNOWN"
    if order.by_user:
        return "CancelByUser"
    return "CancelAllBeforeLiq" if order.why == "LIQUIDATION" else "CancelByTpSlTsClear"


def order_row(engine: Engine, order: Order) -> dict[str, Any]:
    """As ``order/realtime`` and ``order/history`` show it."""
    ask, market = order.ask, engine.markets[order.ask.symbol]
    is_attached = order.is_conditional and ask.close_position
    stops = {each.kind: plain(each.trigger) for each in ask.attached}
    rises = (ask.side == "buy") == (ask.kind is Kind.STOP)
    left = order.remaining if order.is_open else ZERO
    kind, value = stop_type(order), ask.extra.get("value")
    created = _CREATED.get(ask.origin, f"CreateBy{kind}" if is_attached else "CreateByUser")
    row: dict[str, Any] = {
        "orderId": str(order.id), "orderLinkId": ask.client_id, "symbol": market.name,
        "side": ask.side.value.capitalize(),
        "orderType": "Market" if ask.price is None else "Limit",
        "price": plain(ask.price or ZERO), "qty": plain(ask.quantity if value is None else value),
        "orderStatus": status(order), "cancelType": _cancel_type(order),
        "rejectReason": "EC_NoError", "avgPrice": plain(order.average) if order.filled else "",
        "leavesQty": plain(left), "cumExecQty": plain(order.filled),
        "cumExecValue": plain(order.cost), "cumExecFee": plain(order.fee),
        "cumFeeDetail": {coin: plain(fee) for coin, fee in order.fees.items()},
        "timeInForce": "IOC" if ask.price is None else _TIMING.get(
            ask.time_in_force, ask.time_in_force
        ),
        "positionIdx": _IDX[ask.position_side], "stopOrderType": kind,
        "triggerPrice": plain(ask.trigger), "stopLoss": stops.get(Kind.STOP, ""),
        "takeProfit": stops.get(Kind.TAKE_PROFIT, ""), "reduceOnly": ask.reduce_only,
        "closeOnTrigger": is_attached, "smpType": "None", "slLimitPrice": "0",
        "tpLimitPrice": "0", "createdTime": str(order.created_ms),
        "updatedTime": str(order.updated_ms),
    }  # fmt: skip
    if ask.is_spot:
        return row | {
            "marketUnit": "" if ask.price is not None else
            "baseCoin" if value is None else "quoteCoin",
            "isLeverage": "0", "basePrice": plain(engine.prices[market.id]),
        }  # fmt: skip
    return row | {
        "triggerDirection": (1 if rises else 2) if kind else 0,
        "triggerBy": ("MarkPrice" if ask.trigger_by is TriggerBy.MARK else "LastPrice")
        if kind else "",
        "tpslMode": "Full" if is_attached or ask.attached else "",
        "createType": created,
    }  # fmt: skip


_TIMING = {"GTX": "PostOnly"}
_EXECUTED = {Origin.LIQUIDATION: "BustTrade", Origin.ADL: "AdlTrade"}


def execution(engine: Engine, account: Account, trade: Trade) -> dict[str, Any]:
    order = account.orders[trade.order_id]
    rate = trade.fee / (trade.quantity if trade.is_spot and trade.fee_coin != "USDT"
                        else trade.quantity * trade.price)  # fmt: skip
    return {
        "symbol": engine.markets[trade.symbol].name, "orderId": str(trade.order_id),
        "orderLinkId": trade.client_id, "side": trade.side.value.capitalize(),
        "orderType": "Market" if order.ask.price is None else "Limit", "execId": str(trade.id),
        "orderPrice": plain(order.ask.price or trade.price), "orderQty": plain(order.ask.quantity),
        "leavesQty": plain(order.remaining), "stopOrderType": stop_type(order) or "UNKNOWN",
        "execPrice": plain(trade.price), "execQty": plain(trade.quantity),
        "execValue": plain(trade.price * trade.quantity), "execFee": plain(trade.fee),
        "feeRate": plain(rate.normalize() + ZERO),
        "feeCurrency": trade.fee_coin if trade.is_spot else "", "execTime": str(trade.at_ms),
        "execType": _EXECUTED.get(trade.origin, "Trade"), "isMaker": trade.is_maker,
        "closedSize": plain(trade.quantity if trade.realized else ZERO), "seq": trade.id,
        "markPrice": plain(engine.marks[trade.symbol]), "blockTradeId": "", "extraFees": "",
    }  # fmt: skip


def funding_execution(engine: Engine, each: Booking) -> dict[str, Any]:
    """Funding in ``execution/list``: ``execFee`` is what was paid, the log's sign turned round."""
    side = "" if each.side is None else each.side.value.capitalize()
    return {
        "symbol": engine.markets[each.symbol].name, "orderId": f"{each.at_ms // 1000}-8-1-1",
        "orderLinkId": "", "side": side, "orderType": "UNKNOWN", "execId": f"funding-{each.id}",
        "orderPrice": "0", "orderQty": "0", "leavesQty": "0", "stopOrderType": "UNKNOWN",
        "execPrice": plain(each.price), "execQty": plain(each.quantity),
        "execValue": plain(each.price * each.quantity), "execFee": plain(-each.change),
        "feeRate": plain(each.rate), "feeCurrency": "", "execTime": str(each.at_ms),
        "execType": "Funding", "isMaker": False, "closedSize": "0", "seq": each.id,
        "markPrice": plain(each.price), "blockTradeId": "", "extraFees": "",
    }  # fmt: skip


_LOGGED = {"TRADE": "TRADE", "FUNDING_FEE": "SETTLEMENT", "INSURANCE_CLEAR": "LIQUIDATION"}


def log_row(engine: Engine, each: Booking) -> dict[str, Any]:
    """A row of ``account/transaction-log``: change = cashFlow + funding - fee."""
    trade, funding = each.trade, each.kind == "FUNDING_FEE"
    market = engine.markets.get(each.symbol)
    fee = trade.fee if trade is not None and trade.fee_coin == each.coin else ZERO
    kind = _LOGGED.get(each.kind, "TRANSFER_IN" if each.change > 0 else "TRANSFER_OUT")
    if trade is not None and trade.origin in _EXECUTED:
        kind = "LIQUIDATION" if trade.origin is Origin.LIQUIDATION else "ADL"
    spot = market is not None and market.is_spot
    quantity = each.change + fee if spot else each.quantity
    return {
        "id": f"1_{each.symbol}_{each.id}", "symbol": "" if market is None else market.name,
        "category": "" if market is None else "spot" if spot else "linear",
        "side": "None" if each.side is None else each.side.value.capitalize(),
        "transactionTime": str(each.at_ms), "type": kind, "transSubType": "",
        "qty": plain(quantity), "size": plain(each.held), "currency": each.coin,
        "tradePrice": plain(each.price) if each.price else "",
        "funding": plain(each.change) if funding else "", "fee": plain(fee),
        "cashFlow": plain(ZERO if funding else each.change + fee), "change": plain(each.change),
        "cashBalance": plain(each.balance), "feeRate": plain(each.rate), "bonusChange": "",
        "tradeId": "" if trade is None else str(trade.id),
        "orderId": "" if trade is None else str(trade.order_id),
        "orderLinkId": "" if trade is None else trade.client_id, "extraFees": "",
    }  # fmt: skip


def position(engine: Engine, account: Account, held: Position) -> dict[str, Any]:
    side = "" if not held.quantity else "Buy" if held.quantity > 0 else "Sell"
    size, symbol = abs(held.quantity), held.symbol
    levels = {kind: level_of(account, held, kind) for kind in _NAMES}
    triggers = {kind: "" if each is None else plain(each.ask.trigger)
                for kind, each in levels.items()}  # fmt: skip
    return {
        "symbol": engine.markets[symbol].name, "positionIdx": _IDX[held.side], "side": side,
        "size": plain(size), "avgPrice": plain(held.entry),
        "positionValue": plain(size * held.entry), "tradeMode": 0,
        "leverage": str(engine.leverage(account, symbol)), "markPrice": plain(engine.marks[symbol]),
        "liqPrice": "", "positionIM": plain(engine.margin_of(account, held)),
        "positionMM": plain(engine.maintenance_of(held)),
        "unrealisedPnl": plain(engine.unrealized(account, held)), "cumRealisedPnl": "0",
        "stopLoss": triggers[Kind.STOP], "takeProfit": triggers[Kind.TAKE_PROFIT],
        "trailingStop": "0", "positionStatus": "Normal", "adlRankIndicator": 2,
        "createdTime": str(held.opened_ms), "updatedTime": str(held.updated_ms),
    }  # fmt: skip


def wallet(engine: Engine, account: Account, only: str = "") -> dict[str, Any]:
    """In isolated mode the account as a whole has no available balance."""
    wanted = only.split(",") if only else [account.currency, *account.coins]
    rows = [coin(engine, account, each) for each in wanted if only or account.balance(each)]
    others = sum((account.coins[each] * engine.coin_price(each) for each in account.coins), ZERO)
    equity = plain(engine.equity(account) + others)
    free = "" if is_isolated(engine, account) else plain(engine.available(account))
    return {
        "accountType": "UNIFIED", "totalEquity": equity,
        "totalWalletBalance": plain(account.wallet + others),
        "totalMarginBalance": equity, "totalAvailableBalance": free, "coin": rows,
    }  # fmt: skip


def coin(engine: Engine, account: Account, name: str) -> dict[str, Any]:
    """``locked`` is what open spot orders hold."""
    margins = pnl = orders = ZERO
    if name == account.currency:
        positions = account.positions.values()
        margins = sum((engine.margin_of(account, each) for each in positions), ZERO)
        pnl = sum((engine.unrealized(account, each) for each in positions), ZERO)
        orders = engine.reserved(account)
    held = account.balance(name)
    price = Decimal(1) if name == account.currency else engine.coin_price(name)
    return {
        "coin": name, "equity": plain(held + pnl), "walletBalance": plain(held),
        "unrealisedPnl": plain(pnl), "totalPositionIM": plain(margins),
        "totalOrderIM": plain(orders), "locked": plain(engine.locked(account, name)),
        "availableToWithdraw": "", "usdValue": plain((held + pnl) * price),
        "cumRealisedPnl": "0", "bonus": "0", "accruedInterest": "0", "borrowAmount": "0",
        "spotBorrow": "0", "marginCollateral": True, "collateralSwitch": True,
    }  # fmt: skip


def is_isolated(engine: Engine, account: Account) -> bool:
    """The margin mode is the account's, whatever is traded."""
    return all(
        engine.margin_mode(account, market.id) is MarginMode.ISOLATED
        for market in engine.markets.values() if not market.is_spot
    )  # fmt: skip
