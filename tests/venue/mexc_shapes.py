"""MEXC's answers, field by field: numbers for contracts, text for spot."""

from decimal import Decimal
from typing import Any

from tests.venue.candles import LENGTHS_MS, Candle
from tests.venue.mexc_engine import MexcEngine, side_number
from tests.venue.model import (
    ZERO,
    Account,
    Kind,
    MarginMode,
    Market,
    Order,
    Origin,
    Side,
    Status,
    Trade,
)
from tests.venue.spot import SpotMarket, coins_of

Row = dict[str, Any]


def plain(value: Decimal | None) -> str:
    return "" if value is None else format(value, "f")


def places(step: Decimal) -> int:
    return max(0, -int(step.normalize().as_tuple().exponent))


# --- contracts -------------------------------------------------------------------------------


def contract(market: Market) -> Row:
    size = market.contract_size
    return {
        "symbol": market.id, "displayNameEn": f"{market.id} PERPETUAL", "positionOpenType": 3,
        "baseCoin": market.base, "quoteCoin": market.quote, "settleCoin": market.quote,
        "contractSize": float(size), "minLeverage": 1, "maxLeverage": market.max_leverage,
        "priceScale": places(market.tick), "volScale": 0, "amountScale": 4,
        "priceUnit": float(market.tick), "volUnit": 1, "minVol": 1,
        "maxVol": int(market.max_quantity / size), "takerFeeRate": 0.0002, "makerFeeRate": 0,
        "maintenanceMarginRate": 0.004, "initialMarginRate": 0.008, "state": 0,
        "isNew": False, "isHot": False, "isHidden": False, "apiAllowed": True,
    }  # fmt: skip


def contract_ticker(engine: MexcEngine, symbol: str) -> Row:
    price, step = engine.prices[symbol], engine.markets[symbol].tick
    return {
        "symbol": symbol, "lastPrice": float(price), "bid1": float(price - step),
        "ask1": float(price + step), "volume24": 1, "amount24": float(price), "holdVol": 1,
        "lower24Price": float(price), "high24Price": float(price), "riseFallRate": 0,
        "riseFallValue": 0, "indexPrice": float(engine.marks[symbol]),
        "fairPrice": float(engine.marks[symbol]), "fundingRate": 0.0001,
        "timestamp": engine.now_ms(),
    }  # fmt: skip


def contract_candles(rows: list[Candle], market: Market) -> Row:
    """One list for every field."""
    size = market.contract_size
    return {
        "time": [row.open_ms // 1000 for row in rows], "open": [float(row.open) for row in rows],
        "close": [float(row.close) for row in rows], "high": [float(row.high) for row in rows],
        "low": [float(row.low) for row in rows], "vol": [float(row.volume / size) for row in rows],
        "amount": [float(row.volume * row.close) for row in rows],
    }  # fmt: skip


def swap_state(order: Order) -> int:
    """1 uninformed, 2 uncompleted, 3 completed, 4 cancelled, 5 invalid."""
    if order.is_open:
        return 2
    return 3 if order.status is Status.FILLED else 4


def swap_order(engine: MexcEngine, account: Account, order: Order) -> Row:
    ask, size = order.ask, engine.markets[order.ask.symbol].contract_size
    isolated = engine.margin_mode(account, ask.symbol) is MarginMode.ISOLATED
    levels = {each.kind: float(each.trigger) for each in ask.attached}
    category = {Origin.LIQUIDATION: 2, Origin.HAND: 3}.get(ask.origin, 1)
    price = ask.extra.get("price", ask.price) or order.average
    return {
        "orderId": str(order.id), "symbol": ask.symbol,
        "positionId": engine.position_id(account, ask.symbol), "price": float(price),
        "vol": int(ask.quantity / size), "leverage": engine.leverage(account, ask.symbol),
        "side": side_number(order), "category": category,
        "orderType": ask.extra.get("type", 5 if ask.price is None else 1),
        "dealAvgPrice": float(order.average), "dealVol": int(order.filled / size),
        "orderMargin": 0.0, "takerFee": float(order.fee), "makerFee": 0.0,
        "profit": float(order.realized), "feeCurrency": "USDT", "openType": 1 if isolated else 2,
        "state": swap_state(order), "externalOid": ask.client_id, "errorCode": 0,
        "usedMargin": 0.0, "createTime": order.created_ms, "updateTime": order.updated_ms,
        "positionMode": 1 if account.is_hedged else 2, "reduceOnly": ask.reduce_only,
        "stopLossPrice": levels.get(Kind.STOP), "takeProfitPrice": levels.get(Kind.TAKE_PROFIT),
    }  # fmt: skip


def plan_state(order: Order) -> int:
    """1 untriggered, 2 cancelled, 3 executed, 4 invalid, 5 execution failed."""
    if order.is_open:
        return 1
    if order.status is Status.TRIGGERED:
        return 3
    expired = order.ask.extra.get("expires_ms", 0) < order.updated_ms
    return 2 if order.status is Status.CANCELED else 4 if expired else 5


def plan_order(engine: MexcEngine, account: Account, order: Order) -> Row:
    """It has no id of the client's; ``orderId`` is that of the order that it became."""
    ask, size = order.ask, engine.markets[order.ask.symbol].contract_size
    isolated = engine.margin_mode(account, ask.symbol) is MarginMode.ISOLATED
    return {
        "id": str(order.id), "symbol": ask.symbol,
        "leverage": engine.leverage(account, ask.symbol), "side": side_number(order),
        "triggerPrice": float(ask.trigger or ZERO), "price": float(ask.price or ZERO),
        "vol": int(ask.quantity / size), "openType": 1 if isolated else 2,
        "triggerType": ask.extra.get("triggerType", 2), "state": plan_state(order),
        "executeCycle": ask.extra.get("executeCycle", 1), "trend": ask.extra.get("trend", 1),
        "errorCode": 0, **({} if order.child_id is None else {"orderId": str(order.child_id)}),
        "orderType": ask.extra.get("orderType", 5), "createTime": order.created_ms,
        "updateTime": order.updated_ms, "positionMode": 1 if account.is_hedged else 2,
        "reduceOnly": ask.reduce_only,
    }  # fmt: skip


def stop_order(engine: MexcEngine, account: Account, order: Order) -> Row:
    """A level that rests with its position, or with the order that opened it."""
    ask, size = order.ask, engine.markets[order.ask.symbol].contract_size
    is_stop = ask.kind is Kind.STOP
    return {
        "id": str(order.id), "orderId": str(order.parent_id or 0), "symbol": ask.symbol,
        "positionId": engine.position_id(account, ask.symbol),
        "stopLossPrice": float(ask.trigger or ZERO) if is_stop else None,
        "takeProfitPrice": None if is_stop else float(ask.trigger or ZERO),
        "state": plan_state(order), "triggerSide": 0 if order.is_open else 2 if is_stop else 1,
        "positionType": 1 if ask.side is Side.SELL else 2, "vol": int(ask.quantity / size),
        "realityVol": int(ask.quantity / size) if order.child_id is not None else 0,
        "placeOrderId": str(order.child_id or 0), "errorCode": 0, "version": 1,
        "isFinished": 0 if order.is_open else 1, "createTime": order.created_ms,
        "updateTime": order.updated_ms,
    }  # fmt: skip


def deal(engine: MexcEngine, account: Account, trade: Trade) -> Row:
    order, size = account.orders[trade.order_id], engine.markets[trade.symbol].contract_size
    return {
        "id": str(trade.id), "symbol": trade.symbol, "side": side_number(order),
        "vol": int(trade.quantity / size), "price": float(trade.price), "fee": float(trade.fee),
        "feeCurrency": "USDT", "profit": float(trade.realized), "isTaker": not trade.is_maker,
        "category": 2 if trade.origin is Origin.LIQUIDATION else 1,
        "orderId": str(trade.order_id), "timestamp": trade.at_ms,
        "positionMode": 1 if account.is_hedged else 2,
    }  # fmt: skip


def position(engine: MexcEngine, account: Account, symbol: str) -> Row:
    held, size = account.position(symbol), engine.markets[symbol].contract_size
    margin = float(engine.margin_of(account, held))
    isolated = engine.margin_mode(account, symbol) is MarginMode.ISOLATED
    return {
        "positionId": engine.position_id(account, symbol), "symbol": symbol,
        "positionType": 1 if held.quantity > 0 else 2, "openType": 1 if isolated else 2,
        "state": 1, "holdVol": int(abs(held.quantity) / size), "frozenVol": 0, "closeVol": 0,
        "holdAvgPrice": float(held.entry), "openAvgPrice": float(held.entry), "closeAvgPrice": 0,
        "liquidatePrice": 0, "oim": margin, "im": margin, "holdFee": 0, "realised": 0,
        "leverage": engine.leverage(account, symbol), "createTime": held.opened_ms,
        "updateTime": held.updated_ms, "autoAddIm": False,
    }  # fmt: skip


def asset(engine: MexcEngine, account: Account) -> Row:
    margins = sum((engine.margin_of(account, each) for each in account.positions.values()), ZERO)
    pnl = sum((engine.unrealized(account, each) for each in account.positions.values()), ZERO)
    return {
        "currency": account.currency, "positionMargin": float(margins),
        "availableBalance": float(engine.available(account)),
        "cashBalance": float(account.wallet), "frozenBalance": float(engine.reserved(account)),
        "equity": float(engine.equity(account)), "unrealized": float(pnl), "bonus": 0,
    }  # fmt: skip


# --- spot ------------------------------------------------------------------------------------


def spot_symbol(market: SpotMarket) -> Row:
    return {
        "symbol": market.id, "status": "1", "baseAsset": market.base,
        "baseAssetPrecision": places(market.lot), "quoteAsset": market.quote,
        "quotePrecision": places(market.tick), "quoteAssetPrecision": places(market.tick),
        "baseCommissionPrecision": 8, "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET", "LIMIT_MAKER", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"],
        "isSpotTradingAllowed": True, "isMarginTradingAllowed": False,
        "quoteAmountPrecision": plain(market.min_notional),
        "baseSizePrecision": plain(market.min_quantity), "permissions": ["SPOT"], "filters": [],
        "maxQuoteAmount": "4000000", "makerCommission": "0", "takerCommission": "0.0005",
        "quoteAmountPrecisionMarket": plain(market.min_notional),
        "maxQuoteAmountMarket": "4000000", "fullName": market.base, "tradeSideType": 1,
    }  # fmt: skip


def spot_ticker(engine: MexcEngine, market: SpotMarket) -> Row:
    price = engine.prices[market.id]
    return {
        "symbol": market.id, "priceChange": "0", "priceChangePercent": "0",
        "prevClosePrice": plain(price), "lastPrice": plain(price), "price": plain(price),
        "bidPrice": plain(price - market.tick), "bidQty": "10",
        "askPrice": plain(price + market.tick), "askQty": "10", "openPrice": plain(price),
        "highPrice": plain(price), "lowPrice": plain(price), "volume": "1",
        "quoteVolume": plain(price), "openTime": engine.now_ms(), "closeTime": engine.now_ms(),
    }  # fmt: skip


def spot_candle(row: Candle) -> list[Any]:
    value = row.volume * row.close
    ends_ms = row.open_ms + LENGTHS_MS[row.timeframe]
    return [row.open_ms, plain(row.open), plain(row.high), plain(row.low), plain(row.close),
            plain(row.volume), ends_ms, plain(value)]  # fmt: skip


def spot_state(order: Order) -> str:
    match order.status:
        case Status.NEW:
            return "NEW"
        case Status.PARTIALLY_FILLED:
            return "PARTIALLY_FILLED"
        case Status.FILLED:
            return "FILLED"
        case _:
            return "PARTIALLY_CANCELED" if order.filled else "CANCELED"


def spot_order(order: Order) -> Row:
    ask = order.ask
    return {
        "symbol": ask.extra.get("symbol", ask.symbol), "orderId": spot_id(order), "orderListId": -1,
        "clientOrderId": ask.client_id or None,
        "price": plain(ask.price or order.average), "origQty": plain(ask.quantity),
        "executedQty": plain(order.filled), "cummulativeQuoteQty": plain(order.cost),
        "status": spot_state(order), "timeInForce": None, "type": spot_type(order),
        "side": ask.side.value.upper(), "stopPrice": None, "time": order.created_ms,
        "updateTime": order.updated_ms, "isWorking": order.is_open,
        "origQuoteOrderQty": ask.extra.get("cost", plain(order.cost)),
    }  # fmt: skip


def spot_type(order: Order) -> str:
    named = order.ask.extra.get("type")
    return str(named) if named else "MARKET" if order.ask.price is None else "LIMIT"


def spot_id(order: Order) -> str:
    """Spot ids have a prefix, and are no numbers."""
    return f"C02__{order.id}"


def spot_trade(engine: MexcEngine, account: Account, trade: Trade) -> Row:
    order = account.orders[trade.order_id]
    return {
        "symbol": trade.symbol, "id": f"{trade.id}X1", "orderId": spot_id(order),
        "orderListId": -1, "price": plain(trade.price), "qty": plain(trade.quantity),
        "quoteQty": plain(trade.price * trade.quantity), "commission": plain(trade.fee),
        "commissionAsset": engine.fee_coin(trade.symbol, trade.side), "time": trade.at_ms,
        "isBuyer": trade.side is Side.BUY, "isMaker": trade.is_maker, "isBestMatch": True,
        "isSelfTrade": False, "clientOrderId": trade.client_id or None,
    }  # fmt: skip


def spot_account(engine: MexcEngine, account: Account) -> Row:
    balances = [
        {"asset": coin, "free": plain(engine.free_coins(account, coin)),
         "locked": plain(engine.held_coins(account, coin))}
        for coin in sorted(coins_of(account))
    ]  # fmt: skip
    return {
        "canTrade": account.can_trade, "canWithdraw": account.can_withdraw, "canDeposit": True,
        "updateTime": None, "accountType": "SPOT", "balances": balances, "permissions": ["SPOT"],
    }  # fmt: skip


def coin(code: str) -> Row:
    network = {
        "coin": code, "depositEnable": True, "minConfirm": 1, "name": code, "network": code,
        "netWork": code, "withdrawEnable": True, "withdrawFee": "0.001", "withdrawMax": "100000",
        "withdrawMin": "0.01", "sameAddress": False, "contract": "", "withdrawTips": None,
        "depositTips": None,
    }  # fmt: skip
    return {"coin": code, "Name": code, "name": code, "networkList": [network]}
