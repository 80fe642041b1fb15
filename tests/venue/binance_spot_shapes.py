"""The bodies Binance spot answers with; numbers are text of eight places there."""

from decimal import Decimal

from tests.venue.binance_limits import SPOT
from tests.venue.binance_shapes import JSON, money
from tests.venue.engine import Engine
from tests.venue.model import ZERO, Account, Kind, Market, Order, Status, Trade


def status(order: Order) -> str:
    """What the exchange itself ends, the other leg of a list or the rest of a market order, is
    EXPIRED."""
    match order.status:
        case Status.NEW:
            return "NEW"
        case Status.CANCELED:
            return "CANCELED" if order.by_user else "EXPIRED"
        case Status.REJECTED | Status.EXPIRED:
            return "EXPIRED"
        case _:
            return order.status.value.upper()


def kind(order: Order) -> str:
    ask = order.ask
    match ask.kind:
        case Kind.STOP:
            return "STOP_LOSS" if ask.price is None else "STOP_LOSS_LIMIT"
        case Kind.TAKE_PROFIT:
            return "TAKE_PROFIT" if ask.price is None else "TAKE_PROFIT_LIMIT"
        case Kind.LIMIT:
            return "LIMIT_MAKER" if ask.time_in_force == "GTX" else "LIMIT"
        case _:
            return "MARKET"


def list_id(order: Order) -> int:
    return int(order.ask.extra.get("list_id", -1))


def order(each: Order) -> JSON:
    """As ``GET order``, ``openOrders`` and ``allOrders`` show it."""
    ask, trigger = each.ask, each.ask.trigger
    return {
        "symbol": ask.symbol, "orderId": each.id, "orderListId": list_id(each),
        "clientOrderId": ask.client_id, "price": money(ask.price or ZERO),
        "origQty": money(ask.quantity), "executedQty": money(each.filled),
        "cummulativeQuoteQty": money(each.cost), "status": status(each),
        "timeInForce": "GTC" if ask.time_in_force == "GTX" else ask.time_in_force,
        "type": kind(each), "side": ask.side.value.upper(), "stopPrice": money(trigger or ZERO),
        "icebergQty": money(ZERO), "time": each.created_ms, "updateTime": each.updated_ms,
        "isWorking": not each.is_waiting,
        "workingTime": -1 if each.is_waiting else each.triggered_ms or each.created_ms,
        "origQuoteOrderQty": money(ask.quote_quantity or ZERO), "selfTradePreventionMode": "NONE",
    }  # fmt: skip


def acknowledged(each: Order) -> JSON:
    ask = each.ask
    return {
        "symbol": ask.symbol, "orderId": each.id, "orderListId": list_id(each),
        "clientOrderId": ask.client_id, "transactTime": each.updated_ms,
    }  # fmt: skip


def result(each: Order) -> JSON:
    """The answer to a new order, and of a list's orders."""
    hidden = ("time", "updateTime", "icebergQty", "isWorking")
    row = {name: value for name, value in order(each).items() if name not in hidden}
    if each.ask.trigger is None:
        del row["stopPrice"]
    return row | {"transactTime": each.updated_ms}


def full(account: Account, each: Order) -> JSON:
    """With the fills and their fees, in whatever coin."""
    fills = [
        {"price": money(trade.price), "qty": money(trade.quantity),
         "commission": money(trade.fee), "commissionAsset": trade.fee_coin, "tradeId": trade.id}
        for trade in account.trades if trade.order_id == each.id
    ]  # fmt: skip
    return result(each) | {"fills": fills}


def cancelled(each: Order, named: str) -> JSON:
    """A cancel has a client id of its own; the order's is the original one."""
    return result(each) | {
        "origClientOrderId": each.ask.client_id, "clientOrderId": named, "status": "CANCELED",
    }  # fmt: skip


def trade(each: Trade, number: int) -> JSON:
    return {
        "symbol": each.symbol, "id": each.id, "orderId": each.order_id, "orderListId": number,
        "price": money(each.price), "qty": money(each.quantity),
        "quoteQty": money(each.quantity * each.price), "commission": money(each.fee),
        "commissionAsset": each.fee_coin, "time": each.at_ms, "isBuyer": each.side.sign > 0,
        "isMaker": each.is_maker, "isBestMatch": True,
    }  # fmt: skip


def coins_of(engine: Engine, account: Account) -> list[str]:
    """Every coin that is traded here or held."""
    traded = [coin for market in engine.markets.values() for coin in (market.base, market.quote)]
    return list(dict.fromkeys([account.currency, *traded, *account.coins]))


def balance(engine: Engine, account: Account, coin: str) -> tuple[Decimal, Decimal]:
    """What is free and what is locked."""
    locked = engine.locked(account, coin)
    return account.balance(coin) - locked, locked


def account_of(engine: Engine, account: Account, *, omit_zero: bool) -> JSON:
    rows = []
    for coin in coins_of(engine, account):
        free, locked = balance(engine, account, coin)
        if free or locked or not omit_zero:
            rows.append({"asset": coin, "free": money(free), "locked": money(locked)})
    rules = engine.rules
    maker, taker = rules.spot_maker_fee, rules.spot_taker_fee
    return {
        "makerCommission": int(maker * 10_000), "takerCommission": int(taker * 10_000),
        "buyerCommission": 0, "sellerCommission": 0,
        "commissionRates": {"maker": money(maker), "taker": money(taker), "buyer": money(ZERO),
                            "seller": money(ZERO)},
        "canTrade": account.can_trade, "canWithdraw": account.can_withdraw, "canDeposit": True,
        "brokered": False, "requireSelfTradePrevention": False, "preventSor": False,
        "updateTime": engine.now_ms(), "accountType": "SPOT", "balances": rows,
        "permissions": ["SPOT"], "uid": 354_937_868,
    }  # fmt: skip


def listing(market: Market) -> JSON:
    """A symbol of ``exchangeInfo``."""
    kinds = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT",
             "TAKE_PROFIT_LIMIT"]  # fmt: skip
    return {
        "symbol": market.id, "status": "TRADING", "baseAsset": market.base,
        "baseAssetPrecision": 8, "quoteAsset": market.quote, "quotePrecision": 8,
        "quoteAssetPrecision": 8, "orderTypes": kinds, "icebergAllowed": True, "ocoAllowed": True,
        "otoAllowed": True, "quoteOrderQtyMarketAllowed": True, "allowTrailingStop": False,
        "cancelReplaceAllowed": True, "amendAllowed": True, "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False, "permissions": [], "permissionSets": [["SPOT"]],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": money(market.tick),
             "maxPrice": "1000000.00000000", "tickSize": money(market.tick)},
            {"filterType": "LOT_SIZE", "minQty": money(market.min_quantity),
             "maxQty": money(market.max_quantity), "stepSize": money(market.lot)},
            {"filterType": "MARKET_LOT_SIZE", "minQty": money(ZERO),
             "maxQty": money(market.max_market_quantity), "stepSize": money(ZERO)},
            {"filterType": "NOTIONAL", "minNotional": money(market.min_notional),
             "applyMinToMarket": True, "maxNotional": "9000000.00000000",
             "applyMaxToMarket": False, "avgPriceMins": 5},
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        ],
    }  # fmt: skip


def exchange_info(engine: Engine) -> JSON:
    return {
        "timezone": "UTC", "serverTime": engine.now_ms(), "rateLimits": SPOT.rows(),
        "exchangeFilters": [],
        "symbols": [listing(market) for market in engine.markets.values() if market.is_spot],
    }  # fmt: skip
