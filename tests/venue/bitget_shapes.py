"""Bitget's answers, field by field: text throughout, fees negative when they were paid."""

from decimal import Decimal
from typing import Any

from tests.venue.candles import Candle
from tests.venue.http_wire import dump
from tests.venue.model import (
    ZERO,
    Account,
    Kind,
    MarginMode,
    Market,
    Order,
    Origin,
    Status,
    Trade,
    TriggerBy,
)
from tests.venue.spot import SpotEngine, SpotMarket, coins_of

Row = dict[str, Any]
_SOURCES = {Origin.API: "API", Origin.HAND: "WEB", Origin.LIQUIDATION: "SYS", Origin.VENUE: "API"}


def plain(value: Decimal | None) -> str:
    return "" if value is None else format(value, "f")


def places(step: Decimal) -> int:
    return max(0, -int(step.normalize().as_tuple().exponent))


# --- futures ---------------------------------------------------------------------------------


def contract(market: Market) -> Row:
    decimals = places(market.tick)
    return {
        "symbol": market.id, "baseCoin": market.base, "quoteCoin": market.quote,
        "buyLimitPriceRatio": "0.9", "sellLimitPriceRatio": "0.9", "feeRateUpRatio": "0.1",
        "makerFeeRate": "0.0002", "takerFeeRate": "0.0006", "openCostUpRatio": "0.1",
        "supportMarginCoins": [market.quote], "minTradeNum": plain(market.min_quantity),
        "priceEndStep": str(int(market.tick.scaleb(decimals))),
        "volumePlace": str(places(market.lot)), "pricePlace": str(decimals),
        "sizeMultiplier": plain(market.lot), "symbolType": "perpetual",
        "minTradeUSDT": plain(market.min_notional), "maxSymbolOrderNum": "200",
        "maxProductOrderNum": "400", "maxPositionNum": "150", "symbolStatus": "normal",
        "offTime": "-1", "limitOpenTime": "-1", "deliveryTime": "", "deliveryStartTime": "",
        "launchTime": "", "fundInterval": "8", "minLever": "1",
        "maxLever": str(market.max_leverage), "posLimit": "0.05", "maintainTime": "",
        "maxMarketOrderQty": plain(market.max_market_quantity),
        "maxOrderQty": plain(market.max_quantity),
    }  # fmt: skip


def ticker(engine: SpotEngine, market: Market) -> Row:
    price, mark = engine.prices[market.id], engine.marks[market.id]
    row = {
        "symbol": name_of(market), "lastPr": plain(price), "askPr": plain(price + market.tick),
        "bidPr": plain(price - market.tick), "bidSz": "10", "askSz": "10", "high24h": plain(price),
        "low24h": plain(price), "ts": str(engine.now_ms()), "change24h": "0", "baseVolume": "1",
        "quoteVolume": plain(price), "usdtVolume": plain(price), "openUtc": plain(price),
    }  # fmt: skip
    if isinstance(market, SpotMarket):
        return row | {"open": plain(price)}
    return row | {"indexPrice": plain(mark), "fundingRate": "0.0001", "holdingAmount": "1",
                  "open24h": plain(price), "markPrice": plain(mark)}  # fmt: skip


def name_of(market: Market) -> str:
    """What requests and answers call a market: spot and futures share names."""
    return market.name if isinstance(market, SpotMarket) else market.id


def candle(row: Candle) -> list[str]:
    values = (row.open, row.high, row.low, row.close, row.volume, row.volume * row.close,
              row.volume * row.close)  # fmt: skip
    return [str(row.open_ms), *map(plain, values)]


def state(order: Order) -> str:
    match order.status:
        case Status.NEW:
            return "live"
        case Status.PARTIALLY_FILLED:
            return "partially_filled"
        case Status.FILLED:
            return "filled"
        case _:
            return "canceled"


def plan_type(order: Order) -> str:
    """normal_plan, loss_plan, profit_plan, pos_loss or pos_profit."""
    named = str(order.ask.extra.get("plan_type", ""))
    return named or ("loss_plan" if order.ask.kind is Kind.STOP else "profit_plan")


def mix_order(engine: SpotEngine, account: Account, order: Order) -> Row:
    """``state`` in a look-up, ``status`` in lists."""
    ask = order.ask
    isolated = engine.margin_mode(account, ask.symbol) is MarginMode.ISOLATED
    levels = {each.kind: plain(each.trigger) for each in ask.attached}
    source = "normal"
    if order.parent_id is not None:
        parent = account.orders[order.parent_id]
        source = f"{plan_type(parent)}_market" if parent.is_conditional else "normal"
    force = {"GTX": "post_only"}.get(ask.time_in_force, ask.time_in_force.lower())
    return {
        "symbol": ask.symbol, "size": plain(ask.quantity), "orderId": str(order.id),
        "clientOid": ask.client_id or str(order.id), "baseVolume": plain(order.filled),
        "priceAvg": plain(order.average) if order.filled else "",
        "fee": plain(-order.fee) if order.filled else "", "price": plain(ask.price),
        "state": state(order), "status": state(order), "side": ask.side.value, "force": force,
        "totalProfits": plain(order.realized), "posSide": _pos_side(account, order),
        "marginCoin": "USDT", "presetStopSurplusPrice": levels.get(Kind.TAKE_PROFIT, ""),
        "presetStopLossPrice": levels.get(Kind.STOP, ""), "quoteVolume": plain(order.cost),
        "orderType": "market" if ask.price is None else "limit",
        "leverage": str(engine.leverage(account, ask.symbol)),
        "marginMode": "isolated" if isolated else "crossed",
        "reduceOnly": "YES" if ask.reduce_only else "NO",
        "enterPointSource": _SOURCES[ask.origin], "tradeSide": _trade_side(account, order),
        "posMode": "hedge_mode" if account.is_hedged else "one_way_mode", "orderSource": source,
        "cancelReason": "", "cTime": str(order.created_ms), "uTime": str(order.updated_ms),
    }  # fmt: skip


def _pos_side(account: Account, order: Order) -> str:
    if not account.is_hedged:
        return "net"
    opens_long = (order.ask.side == "buy") is not order.ask.reduce_only
    return "long" if opens_long else "short"


def _trade_side(account: Account, order: Order) -> str:
    if account.is_hedged:
        return "close" if order.ask.reduce_only else "open"
    return f"{order.ask.side.value}_single"


def _forced_side(account: Account, trade: Trade) -> str:
    """Get Order Fills, ``tradeSide``: ``burst_sell_single``, ``dte_sys_adl_…`` and the like."""
    side, closed = trade.side.value, "long" if trade.side.value == "sell" else "short"
    if trade.origin is Origin.LIQUIDATION:
        return f"burst_close_{closed}" if account.is_hedged else f"burst_{side}_single"
    if trade.origin is Origin.ADL:
        one_way = f"dte_sys_adl_{side}_in_single_side_mode"
        return f"dte_sys_adl_close_{closed}" if account.is_hedged else one_way
    return ""


def plan_state(order: Order) -> str:
    if order.is_open:
        return "live"
    return {Status.TRIGGERED: "executed", Status.CANCELED: "cancelled"}.get(
        order.status, "fail_execute"
    )


def plan_order(engine: SpotEngine, account: Account, order: Order) -> Row:
    ask = order.ask
    isolated = engine.margin_mode(account, ask.symbol) is MarginMode.ISOLATED
    row = {
        "planType": plan_type(order), "symbol": ask.symbol,
        "size": "" if ask.close_position else plain(ask.quantity), "orderId": str(order.id),
        "clientOid": ask.client_id or str(order.id), "price": plain(ask.price),
        "executePrice": plain(ask.price), "callbackRatio": "", "triggerPrice": plain(ask.trigger),
        "triggerType": "mark_price" if ask.trigger_by is TriggerBy.MARK else "fill_price",
        "planStatus": plan_state(order), "side": ask.side.value,
        "posSide": _pos_side(account, order), "marginCoin": "USDT",
        "marginMode": "isolated" if isolated else "crossed",
        "enterPointSource": _SOURCES[ask.origin], "tradeSide": _trade_side(account, order),
        "posMode": "hedge_mode" if account.is_hedged else "one_way_mode",
        "orderType": "market" if ask.price is None else "limit", "orderSource": "normal",
        "cTime": str(order.created_ms), "uTime": str(order.updated_ms),
        "stopSurplusExecutePrice": "", "stopSurplusTriggerPrice": "", "stopLossExecutePrice": "",
        "stopLossTriggerPrice": "",
    }  # fmt: skip
    if order.child_id is not None:
        row["executeOrderId"] = str(order.child_id)
    return row


def mix_fill(account: Account, trade: Trade) -> Row:
    order = account.orders[trade.order_id]
    fee = {"deduction": "no", "feeCoin": "USDT", "totalDeductionFee": "",
           "totalFee": plain(-trade.fee)}  # fmt: skip
    return {
        "tradeId": str(trade.id), "symbol": trade.symbol, "orderId": str(trade.order_id),
        "price": plain(trade.price), "baseVolume": plain(trade.quantity), "feeDetail": [fee],
        "side": trade.side.value, "quoteVolume": plain(trade.price * trade.quantity),
        "profit": plain(trade.realized), "enterPointSource": _SOURCES[trade.origin],
        "tradeSide": _forced_side(account, trade) or _trade_side(account, order),
        "posMode": "hedge_mode" if account.is_hedged else "one_way_mode",
        "tradeScope": "maker" if trade.is_maker else "taker", "cTime": str(trade.at_ms),
    }  # fmt: skip


def position(engine: SpotEngine, account: Account, symbol: str) -> Row:
    held, size = account.position(symbol), abs(account.held(symbol))
    isolated = engine.margin_mode(account, symbol) is MarginMode.ISOLATED
    levels = {order.ask.kind: order for order in account.open.values()
              if order.ask.symbol == symbol and order.ask.close_position}  # fmt: skip
    stop, target = levels.get(Kind.STOP), levels.get(Kind.TAKE_PROFIT)
    return {
        "marginCoin": "USDT", "symbol": symbol,
        "holdSide": "long" if held.quantity > 0 else "short", "openDelegateSize": "0",
        "marginSize": plain(engine.margin_of(account, held)),
        "available": plain(size), "locked": "0", "total": plain(size),
        "leverage": str(engine.leverage(account, symbol)), "achievedProfits": "0",
        "openPriceAvg": plain(held.entry), "marginMode": "isolated" if isolated else "crossed",
        "posMode": "hedge_mode" if account.is_hedged else "one_way_mode",
        "unrealizedPL": plain(engine.unrealized(account, held)), "liquidationPrice": "0",
        "keepMarginRate": "0.004", "markPrice": plain(engine.marks[symbol]),
        "breakEvenPrice": plain(held.entry), "totalFee": "", "deductedFee": "0",
        "takeProfit": "" if target is None else plain(target.ask.trigger),
        "stopLoss": "" if stop is None else plain(stop.ask.trigger),
        "takeProfitId": "" if target is None else str(target.id),
        "stopLossId": "" if stop is None else str(stop.id), "marginRatio": "0",
        "assetMode": "single", "cTime": str(held.opened_ms), "uTime": str(held.updated_ms),
    }  # fmt: skip


def mix_account(engine: SpotEngine, account: Account) -> Row:
    free, equity = plain(engine.available(account)), plain(engine.equity(account))
    pnl = sum((engine.unrealized(account, each) for each in account.positions.values()), ZERO)
    return {
        "marginCoin": "USDT", "locked": plain(engine.reserved(account)),
        "available": plain(account.wallet), "crossedMaxAvailable": free,
        "isolatedMaxAvailable": free, "maxTransferOut": free, "accountEquity": equity,
        "usdtEquity": equity, "btcEquity": "0", "crossedRiskRate": "0",
        "unrealizedPL": plain(pnl), "coupon": "0", "unionTotalMargin": "0",
        "unionAvailable": "0", "unionMm": "0", "assetList": [], "isolatedMargin": "0",
        "crossedMargin": "0", "crossedUnrealizedPL": plain(pnl), "isolatedUnrealizedPL": "0",
        "assetMode": "single",
    }  # fmt: skip


# --- spot ------------------------------------------------------------------------------------


def spot_symbol(market: SpotMarket) -> Row:
    return {
        "symbol": market.name, "baseCoin": market.base, "quoteCoin": market.quote,
        "minTradeAmount": plain(market.min_quantity), "maxTradeAmount": plain(market.max_quantity),
        "takerFeeRate": "0.001", "makerFeeRate": "0.001",
        "pricePrecision": str(places(market.tick)), "quantityPrecision": str(places(market.lot)),
        "quotePrecision": "8", "status": "online", "minTradeUSDT": plain(market.min_notional),
        "buyLimitPriceRatio": "0.05", "sellLimitPriceRatio": "0.05", "areaSymbol": "no",
        "orderQuantity": "200", "openTime": "1532454360000", "offTime": "",
    }  # fmt: skip


def coin(code: str) -> Row:
    chain = {
        "chain": code, "needTag": "false", "withdrawable": "true", "rechargeable": "true",
        "withdrawFee": "0.001", "extraWithdrawFee": "0", "depositConfirm": "1",
        "withdrawConfirm": "1", "minDepositAmount": "0.01", "minWithdrawAmount": "0.01",
        "browserUrl": "", "contractAddress": "", "withdrawStep": "0", "withdrawMinScale": "8",
        "congestion": "normal",
    }  # fmt: skip
    return {"coinId": code, "coin": code, "transfer": "true", "chains": [chain]}


def spot_order(engine: SpotEngine, order: Order) -> Row:
    """``size`` of a market buy is what was to be spent."""
    ask = order.ask
    fee = {"deduction": False, "feeCoinCode": engine.fee_coin(ask.symbol, ask.side),
           "totalDeductionFee": 0, "totalFee": float(-order.fee)}  # fmt: skip
    detail = {fee["feeCoinCode"]: fee, "newFees": {"c": 0, "d": 0, "deduction": False, "r": 0,
                                                   "t": float(-order.fee)}}  # fmt: skip
    return {
        "userId": "1", "symbol": name_of(engine.markets[ask.symbol]), "orderId": str(order.id),
        "clientOid": ask.client_id or str(order.id), "price": plain(ask.price or ZERO),
        "size": ask.extra.get("cost") or plain(ask.quantity),
        "orderType": "market" if ask.price is None else "limit", "side": ask.side.value,
        "status": {"canceled": "cancelled"}.get(state(order), state(order)),
        "priceAvg": plain(order.average), "baseVolume": plain(order.filled),
        "quoteVolume": plain(order.cost), "enterPointSource": _SOURCES[ask.origin],
        "feeDetail": dump(detail).decode() if order.filled else "", "orderSource": "normal",
        "cancelReason": "", "cTime": str(order.created_ms), "uTime": str(order.updated_ms),
    }  # fmt: skip


def open_spot_order(engine: SpotEngine, order: Order) -> Row:
    row = spot_order(engine, order)
    return {name: row[name] for name in row if name not in ("feeDetail", "price")} | {
        "priceAvg": row["price"], "basePrice": plain(order.average), "triggerPrice": None,
        "tpslType": "normal",
    }  # fmt: skip


def spot_plan(engine: SpotEngine, order: Order) -> Row:
    ask = order.ask
    return {
        "orderId": str(order.id), "clientOid": ask.client_id or str(order.id),
        "symbol": name_of(engine.markets[ask.symbol]),
        "size": ask.extra.get("cost") or plain(ask.quantity), "executePrice": plain(ask.price),
        "triggerPrice": plain(ask.trigger),
        "status": "not_trigger" if order.is_open else plan_state(order),
        "orderType": "market" if ask.price is None else "limit", "side": ask.side.value,
        "planType": "total" if "cost" in ask.extra else "amount",
        "triggerType": "mark_price" if ask.trigger_by is TriggerBy.MARK else "fill_price",
        "enterPointSource": _SOURCES[ask.origin], "uTime": str(order.updated_ms),
        "cTime": str(order.created_ms),
    }  # fmt: skip


def spot_fill(engine: SpotEngine, account: Account, trade: Trade) -> Row:
    order = account.orders[trade.order_id]
    fee = {"deduction": "no", "feeCoin": engine.fee_coin(trade.symbol, trade.side),
           "totalDeductionFee": "", "totalFee": plain(-trade.fee)}  # fmt: skip
    return {
        "userId": "1", "symbol": name_of(engine.markets[trade.symbol]),
        "orderId": str(trade.order_id), "tradeId": str(trade.id),
        "orderType": "market" if order.ask.price is None else "limit", "side": trade.side.value,
        "priceAvg": plain(trade.price), "size": plain(trade.quantity),
        "amount": plain(trade.price * trade.quantity), "feeDetail": fee,
        "tradeScope": "maker" if trade.is_maker else "taker", "cTime": str(trade.at_ms),
        "uTime": str(trade.at_ms),
    }  # fmt: skip


def asset(engine: SpotEngine, account: Account, code: str) -> Row:
    return {
        "coin": code, "available": plain(engine.free_coins(account, code)),
        "frozen": plain(engine.held_coins(account, code)), "locked": "0", "limitAvailable": "0",
        "uTime": str(engine.now_ms()),
    }  # fmt: skip


def assets(engine: SpotEngine, account: Account) -> list[Row]:
    return [asset(engine, account, each) for each in sorted(coins_of(account))]
