"""The bodies Binance USDⓈ-M futures answers with; numbers are text there."""

from decimal import Decimal
from typing import Any

from tests.venue.candles import Candle
from tests.venue.engine import Engine
from tests.venue.model import (
    ZERO,
    Account,
    Income,
    Kind,
    MarginMode,
    Market,
    Order,
    Position,
    Status,
    Trade,
    TriggerBy,
)

JSON = Any
CENT = Decimal("0.00000001")

STATUS = {
    Status.NEW: "NEW",
    Status.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    Status.FILLED: "FILLED",
    Status.CANCELED: "CANCELED",
    Status.EXPIRED: "EXPIRED",
    Status.TRIGGERED: "EXPIRED",
}


def money(value: Decimal) -> str:
    """Eight places, as wallets are shown."""
    return format(value.quantize(CENT), "f")


def average(order: Order) -> str:
    return format(order.average.quantize(Decimal("0.00001")), "f")


def working(order: Order) -> str:
    return "MARK_PRICE" if order.ask.trigger_by is TriggerBy.MARK else "CONTRACT_PRICE"


def market_type(order: Order) -> str:
    """MARKET, LIMIT, or what a conditional order is called."""
    ask = order.ask
    match ask.kind:
        case Kind.STOP:
            return "STOP_MARKET" if ask.price is None else "STOP"
        case Kind.TAKE_PROFIT:
            return "TAKE_PROFIT_MARKET" if ask.price is None else "TAKE_PROFIT"
        case _:
            return ask.kind.value.upper()


def original_type(engine: Engine, account: Account, order: Order) -> str:
    """What it was before it triggered."""
    parent = account.orders.get(order.parent_id or 0)
    return market_type(order if parent is None else parent)


def plain(engine: Engine, account: Account, order: Order) -> JSON:
    """An order of ``/order``."""
    ask = order.ask
    return {
        "orderId": order.id, "symbol": ask.symbol, "status": STATUS[order.status],
        "clientOrderId": ask.client_id, "price": ask.price or "0.00",
        "avgPrice": average(order), "origQty": ask.quantity, "executedQty": order.filled,
        "cumQty": order.filled, "cumQuote": order.cost, "timeInForce": ask.time_in_force,
        "type": market_type(order), "reduceOnly": ask.reduce_only, "closePosition": False,
        "side": ask.side.value.upper(), "positionSide": "BOTH", "stopPrice": "0.00",
        "workingType": working(order), "priceProtect": False,
        "origType": original_type(engine, account, order), "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER", "goodTillDate": 0,
        "time": order.created_ms, "updateTime": order.updated_ms,
    }  # fmt: skip


def acknowledged(engine: Engine, account: Account, order: Order) -> JSON:
    """The answer to a new order that did not ask for its result: nothing has filled yet."""
    return {
        **plain(engine, account, order), "status": "NEW", "executedQty": "0.000",
        "cumQty": "0.000", "cumQuote": "0.00000", "avgPrice": "0.00",
    }  # fmt: skip


def algo_status(account: Account, order: Order) -> str:
    if order.status is not Status.TRIGGERED:
        return STATUS[order.status]
    child = account.orders.get(order.child_id or 0)
    return "TRIGGERED" if child is not None and child.is_open else "FINISHED"


def algo(account: Account, order: Order) -> JSON:
    """A conditional order of ``/algoOrder``."""
    ask = order.ask
    child = account.orders.get(order.child_id or 0)
    return {
        "algoId": order.id, "clientAlgoId": ask.client_id, "algoType": "CONDITIONAL",
        "orderType": market_type(order), "symbol": ask.symbol, "side": ask.side.value.upper(),
        "positionSide": "BOTH", "timeInForce": ask.time_in_force, "quantity": ask.quantity,
        "algoStatus": algo_status(account, order),
        "actualOrderId": "" if child is None else str(child.id),
        "actualPrice": "0.00000" if child is None else average(child),
        "triggerPrice": ask.trigger, "price": ask.price or "0.00", "icebergQuantity": None,
        "tpTriggerPrice": "0.000", "tpPrice": "0.000", "slTriggerPrice": "0.000",
        "slPrice": "0.000", "tpOrderType": "", "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": working(order), "priceMatch": "NONE", "closePosition": ask.close_position,
        "priceProtect": False, "reduceOnly": ask.reduce_only, "createTime": order.created_ms,
        "updateTime": order.updated_ms, "triggerTime": order.triggered_ms, "goodTillDate": 0,
    }  # fmt: skip


def trade(each: Trade) -> JSON:
    return {
        "symbol": each.symbol, "id": each.id, "orderId": each.order_id,
        "side": each.side.value.upper(), "price": each.price, "qty": each.quantity,
        "realizedPnl": money(each.realized), "quoteQty": each.quantity * each.price,
        "commission": money(each.fee), "commissionAsset": "USDT", "time": each.at_ms,
        "positionSide": "BOTH", "buyer": each.side.sign > 0, "maker": each.is_maker,
    }  # fmt: skip


def income(each: Income) -> JSON:
    return {
        "symbol": each.symbol, "incomeType": each.kind, "income": money(each.amount),
        "asset": "USDT", "info": each.kind, "time": each.at_ms, "tranId": each.id,
        "tradeId": "",
    }  # fmt: skip


def position_risk(engine: Engine, account: Account, position: Position) -> JSON:
    """A row of ``positionRisk``: the fields of v2 and v3 together."""
    symbol, held = position.symbol, position.quantity
    mark = engine.marks[symbol]
    isolated = engine.margin_mode(account, symbol) is MarginMode.ISOLATED
    margin = engine.margin_of(account, position)
    shown = money(margin if isolated else ZERO)
    return {
        "symbol": symbol, "positionSide": "BOTH", "positionAmt": held,
        "entryPrice": money(position.entry), "breakEvenPrice": money(position.entry),
        "markPrice": money(mark), "unRealizedProfit": money(engine.unrealized(account, position)),
        "liquidationPrice": money(liquidation(engine, account, position)),
        "isolatedMargin": shown, "notional": money(held * mark), "marginAsset": "USDT",
        "isolatedWallet": shown, "initialMargin": money(margin),
        "maintMargin": money(abs(held) * mark * MAINTENANCE),
        "positionInitialMargin": money(margin), "openOrderInitialMargin": "0", "adl": 2,
        "bidNotional": "0", "askNotional": "0", "updateTime": position.updated_ms,
        "leverage": str(engine.leverage(account, symbol)), "maxNotionalValue": "40000000",
        "marginType": "isolated" if isolated else "cross", "isAutoAddMargin": "false",
        "isolated": isolated,
    }  # fmt: skip


MAINTENANCE = Decimal("0.004")


def liquidation(engine: Engine, account: Account, position: Position) -> Decimal:
    """Roughly where the margin behind a position is used up; zero when it never is."""
    held = position.quantity
    if not held:
        return ZERO
    isolated = engine.margin_mode(account, position.symbol) is MarginMode.ISOLATED
    behind = engine.margin_of(account, position) if isolated else account.wallet
    return max(ZERO, position.entry - behind / held)


def asset(engine: Engine, account: Account) -> JSON:
    """The one asset of an account's wallet."""
    held = account.positions.values()
    profit = sum((engine.unrealized(account, each) for each in held), ZERO)
    margin = sum((engine.margin_of(account, each) for each in held), ZERO)
    reserved, free = engine.reserved(account), engine.available(account)
    return {
        "asset": account.currency, "walletBalance": money(account.wallet),
        "unrealizedProfit": money(profit), "marginBalance": money(account.wallet + profit),
        "maintMargin": money(margin * MAINTENANCE), "initialMargin": money(margin + reserved),
        "positionInitialMargin": money(margin), "openOrderInitialMargin": money(reserved),
        "crossWalletBalance": money(account.wallet), "crossUnPnl": money(profit),
        "availableBalance": money(free), "maxWithdrawAmount": money(free),
        "marginAvailable": True, "updateTime": engine.now_ms(),
    }  # fmt: skip


def account_of(engine: Engine, account: Account, *, version: str) -> JSON:
    """``account``; v3 names only symbols with a position."""
    only = asset(engine, account)
    rows = [
        _account_position(engine, account, account.position(symbol))
        for symbol in engine.markets
        if version != "v3" or account.held(symbol)
    ]
    totals = {
        f"total{name[0].upper()}{name[1:]}": only[name]
        for name in (
            "initialMargin", "maintMargin", "walletBalance", "unrealizedProfit",
            "marginBalance", "positionInitialMargin", "openOrderInitialMargin",
            "crossWalletBalance", "crossUnPnl",
        )
    }  # fmt: skip
    return {
        "feeTier": 0, "canTrade": account.can_trade, "canDeposit": True,
        "canWithdraw": account.can_withdraw, "updateTime": 0,
        "multiAssetsMargin": account.is_multi_asset, "tradeGroupId": -1, **totals,
        "availableBalance": only["availableBalance"],
        "maxWithdrawAmount": only["maxWithdrawAmount"], "assets": [only], "positions": rows,
    }  # fmt: skip


def _account_position(engine: Engine, account: Account, position: Position) -> JSON:
    row = position_risk(engine, account, position)
    return {
        **row, "unrealizedProfit": row["unRealizedProfit"], "maxNotional": "40000000",
    }  # fmt: skip


def balance(engine: Engine, account: Account) -> JSON:
    only = asset(engine, account)
    return {
        "accountAlias": account.key[:6], "asset": only["asset"], "balance": only["walletBalance"],
        "crossWalletBalance": only["crossWalletBalance"], "crossUnPnl": only["crossUnPnl"],
        "availableBalance": only["availableBalance"],
        "maxWithdrawAmount": only["maxWithdrawAmount"], "marginAvailable": True,
        "updateTime": only["updateTime"],
    }  # fmt: skip


def symbol_config(engine: Engine, account: Account, symbol: str) -> JSON:
    mode = engine.margin_mode(account, symbol)
    return {
        "symbol": symbol, "marginType": "CROSSED" if mode is MarginMode.CROSS else "ISOLATED",
        "isAutoAddMargin": False, "leverage": engine.leverage(account, symbol),
        "maxNotionalValue": "40000000",
    }  # fmt: skip


def kline(candle: Candle) -> JSON:
    """A row of ``klines``."""
    return [
        candle.open_ms, candle.open, candle.high, candle.low, candle.close, candle.volume,
        candle.close_ms - 1, candle.volume * candle.close, 100, candle.volume / 2,
        candle.volume * candle.close / 2, "0",
    ]  # fmt: skip


def brackets(market: Market) -> JSON:
    return {
        "symbol": market.id,
        "notionalCoef": 1.5,
        "brackets": [
            {"bracket": 1, "initialLeverage": market.max_leverage, "notionalCap": 300_000,
             "notionalFloor": 0, "maintMarginRatio": 0.004, "cum": 0.0},
            {"bracket": 2, "initialLeverage": 50, "notionalCap": 40_000_000,
             "notionalFloor": 300_000, "maintMarginRatio": 0.01, "cum": 1_800.0},
        ],
    }  # fmt: skip


def listing(market: Market) -> JSON:
    """A symbol of ``exchangeInfo``."""
    places = -int(market.lot.normalize().as_tuple().exponent)
    return {
        "symbol": market.id, "pair": market.id, "contractType": "PERPETUAL",
        "deliveryDate": 4_133_404_800_000, "onboardDate": 1_569_398_400_000, "status": "TRADING",
        "maintMarginPercent": "2.5000", "requiredMarginPercent": "5.0000",
        "baseAsset": market.base, "quoteAsset": market.quote, "marginAsset": market.quote,
        "pricePrecision": 2, "quantityPrecision": max(places, 0), "baseAssetPrecision": 8,
        "quotePrecision": 8, "underlyingType": "COIN", "underlyingSubType": ["PoW"],
        "triggerProtect": "0.0500", "liquidationFee": "0.012500", "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10_000,
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT",
                       "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": market.tick, "maxPrice": "4529764",
             "tickSize": market.tick},
            {"filterType": "LOT_SIZE", "minQty": market.min_quantity,
             "maxQty": market.max_quantity, "stepSize": market.lot},
            {"filterType": "MARKET_LOT_SIZE", "minQty": market.min_quantity,
             "maxQty": market.max_market_quantity, "stepSize": market.lot},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
            {"filterType": "MIN_NOTIONAL", "notional": market.min_notional},
            {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500",
             "multiplierDown": "0.9500", "multiplierDecimal": "4"},
        ],
    }  # fmt: skip


def exchange_info(engine: Engine) -> JSON:
    return {
        "timezone": "UTC", "serverTime": engine.now_ms(), "futuresType": "U_MARGINED",
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
             "limit": 2_400},
            {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1_200},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
        ],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [listing(market) for market in engine.markets.values()],
    }  # fmt: skip


def ticker(engine: Engine, symbol: str) -> JSON:
    """``ticker/24hr``, which holds the fields of ``ticker/price`` and ``bookTicker`` too."""
    price, now_ms = engine.prices[symbol], engine.now_ms()
    tick = engine.markets[symbol].tick
    return {
        "symbol": symbol, "price": price, "lastPrice": price, "openPrice": price,
        "highPrice": price, "lowPrice": price, "weightedAvgPrice": price, "priceChange": "0",
        "priceChangePercent": "0", "lastQty": "0.010", "volume": "1000", "quoteVolume": "1000",
        "openTime": now_ms - 86_400_000, "closeTime": now_ms, "time": now_ms, "firstId": 1,
        "lastId": 2, "count": 2, "bidPrice": price - tick, "bidQty": "10",
        "askPrice": price + tick, "askQty": "10", "lastUpdateId": now_ms,
    }  # fmt: skip


def premium(engine: Engine, symbol: str) -> JSON:
    now_ms, mark = engine.now_ms(), engine.marks[symbol]
    eight_hours = 28_800_000
    return {
        "symbol": symbol, "markPrice": mark, "indexPrice": mark, "estimatedSettlePrice": mark,
        "lastFundingRate": "0.00010000", "interestRate": "0.00010000",
        "nextFundingTime": now_ms - now_ms % eight_hours + eight_hours, "time": now_ms,
    }  # fmt: skip
