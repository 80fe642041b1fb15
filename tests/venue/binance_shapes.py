"""The bodies Binance USDⓈ-M futures answers with; numbers are text there."""

from decimal import Decimal
from typing import Any

from tests.venue.engine import Engine
from tests.venue.model import (
    ZERO,
    Account,
    Booking,
    Kind,
    MarginMode,
    Order,
    Origin,
    Position,
    PositionSide,
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
    Status.REJECTED: "REJECTED",
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
    if ask.origin is Origin.LIQUIDATION:
        return "LIQUIDATION"
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
        "side": ask.side.value.upper(), "positionSide": ask.position_side.value.upper(),
        "stopPrice": "0.00",
        "workingType": working(order), "priceProtect": False,
        "origType": original_type(engine, account, order), "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER", "goodTillDate": ask.expires_ms,
        "time": order.created_ms, "updateTime": order.updated_ms,
    }  # fmt: skip


def acknowledged(engine: Engine, account: Account, order: Order) -> JSON:
    """The answer to a new order that did not ask for its result: nothing has filled yet."""
    return {
        **plain(engine, account, order), "status": "NEW", "executedQty": "0.000",
        "cumQty": "0.000", "cumQuote": "0.00000", "avgPrice": "0.00",
    }  # fmt: skip


def algo_status(account: Account, order: Order) -> str:
    """TRIGGERING is between the trigger and the matching engine; some never get further.

    What the system cancels (its position is gone) is EXPIRED, not CANCELED.
    """
    if order.status is Status.CANCELED and not order.by_user:
        return "EXPIRED"
    if order.status is not Status.TRIGGERED:
        return STATUS[order.status]
    child = account.orders.get(order.child_id or 0)
    if child is None:
        return "TRIGGERING"
    return "TRIGGERED" if child.is_open else "FINISHED"


def algo(account: Account, order: Order) -> JSON:
    """A conditional order of ``/algoOrder``."""
    ask = order.ask
    child = account.orders.get(order.child_id or 0)
    return {
        "algoId": order.id, "clientAlgoId": ask.client_id, "algoType": "CONDITIONAL",
        "orderType": market_type(order), "symbol": ask.symbol, "side": ask.side.value.upper(),
        "positionSide": ask.position_side.value.upper(), "timeInForce": ask.time_in_force,
        "quantity": ask.quantity, "algoStatus": algo_status(account, order),
        "actualOrderId": "" if child is None else str(child.id),
        "actualPrice": "0.00000" if child is None else average(child),
        "triggerPrice": ask.trigger, "price": ask.price or "0.00", "icebergQuantity": None,
        "tpTriggerPrice": "0.000", "tpPrice": "0.000", "slTriggerPrice": "0.000",
        "slPrice": "0.000", "tpOrderType": "", "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": working(order), "priceMatch": "NONE", "closePosition": ask.close_position,
        "priceProtect": False, "reduceOnly": ask.reduce_only, "createTime": order.created_ms,
        "updateTime": order.updated_ms, "triggerTime": order.triggered_ms,
        "goodTillDate": ask.expires_ms,
    }  # fmt: skip


def trade(each: Trade) -> JSON:
    return {
        "symbol": each.symbol, "id": each.id, "orderId": each.order_id,
        "side": each.side.value.upper(), "price": each.price, "qty": each.quantity,
        "realizedPnl": money(each.realized), "quoteQty": each.quantity * each.price,
        "commission": money(each.fee), "commissionAsset": each.fee_coin, "time": each.at_ms,
        "positionSide": each.position_side.value.upper(), "buyer": each.side.sign > 0,
        "maker": each.is_maker,
    }  # fmt: skip


def incomes(each: Booking) -> list[JSON]:
    """The rows of ``income`` that a booking makes: a trade's result and fee are two."""
    trade = each.trade
    if trade is None:
        return [_income(each, each.kind, each.change)]
    rows = []
    if trade.realized and each.coin == "USDT":
        rows.append(_income(each, "REALIZED_PNL", trade.realized))
    if each.coin == trade.fee_coin:
        rows.append(_income(each, "COMMISSION", -trade.fee))
    return rows


def _income(each: Booking, kind: str, amount: Decimal) -> JSON:
    return {
        "symbol": each.symbol, "incomeType": kind, "income": money(amount), "asset": each.coin,
        "info": kind, "time": each.at_ms, "tranId": each.id,
        "tradeId": "" if each.trade is None else str(each.trade.id),
    }  # fmt: skip


def position_risk(engine: Engine, account: Account, position: Position) -> JSON:
    """A row of ``positionRisk``: the fields of v2 and v3 together."""
    symbol, held = position.symbol, position.quantity
    mark = engine.marks[symbol]
    isolated = engine.margin_mode(account, symbol) is MarginMode.ISOLATED
    margin = engine.margin_of(account, position)
    profit = engine.unrealized(account, position)
    wallet = position.margin if isolated else ZERO
    return {
        "symbol": symbol, "positionSide": position.side.value.upper(), "positionAmt": held,
        "entryPrice": money(position.entry), "breakEvenPrice": money(position.entry),
        "markPrice": money(mark), "unRealizedProfit": money(profit),
        "liquidationPrice": money(liquidation(engine, account, position)),
        "isolatedMargin": money(wallet + profit if isolated else ZERO),
        "notional": money(held * mark), "marginAsset": "USDT",
        "isolatedWallet": money(wallet), "initialMargin": money(margin),
        "maintMargin": money(engine.maintenance_of(position)),
        "positionInitialMargin": money(margin), "openOrderInitialMargin": "0", "adl": 2,
        "bidNotional": "0", "askNotional": "0", "updateTime": position.updated_ms,
        "leverage": str(engine.leverage(account, symbol)), "maxNotionalValue": "40000000",
        "marginType": "isolated" if isolated else "cross", "isAutoAddMargin": "false",
        "isolated": isolated,
    }  # fmt: skip


def shown_positions(engine: Engine, account: Account, symbol: str) -> list[Position]:
    """The rows of a symbol: one, or in hedge mode one of each side."""
    if account.hedges(symbol):
        return [account.position(symbol, side) for side in (PositionSide.LONG, PositionSide.SHORT)]
    return [account.position(symbol)]


def liquidation(engine: Engine, account: Account, position: Position) -> Decimal:
    """Where the margin behind a position is down to its maintenance; zero when it never is.

    In cross mode the other positions are taken as they are now, and the bracket as well.
    """
    held = position.quantity
    if not held:
        return ZERO
    behind = position.margin
    if not engine.is_isolated(account, position.symbol):
        behind = account.wallet
        for each in account.positions.values():
            if each.quantity and engine.is_isolated(account, each.symbol):
                behind -= each.margin
            elif each.quantity and each is not position:
                behind += engine.unrealized(account, each) - engine.maintenance_of(each)
    mark = engine.marks[position.symbol]
    bracket = engine.markets[position.symbol].bracket(abs(held) * mark)
    lost = position.entry * held - behind - bracket.cum
    return max(ZERO, lost / (held - abs(held) * bracket.ratio))


def asset(engine: Engine, account: Account) -> JSON:
    """The one asset of an account's wallet."""
    held = account.positions.values()
    profit = sum((engine.unrealized(account, each) for each in held), ZERO)
    margin = sum((engine.margin_of(account, each) for each in held), ZERO)
    maintenance = sum((engine.maintenance_of(each) for each in held), ZERO)
    reserved, free = engine.reserved(account), engine.available(account)
    return {
        "asset": account.currency, "walletBalance": money(account.wallet),
        "unrealizedProfit": money(profit), "marginBalance": money(account.wallet + profit),
        "maintMargin": money(maintenance), "initialMargin": money(margin + reserved),
        "positionInitialMargin": money(margin), "openOrderInitialMargin": money(reserved),
        "crossWalletBalance": money(account.wallet), "crossUnPnl": money(profit),
        "availableBalance": money(free), "maxWithdrawAmount": money(free),
        "marginAvailable": True, "updateTime": engine.now_ms(),
    }  # fmt: skip


def account_of(engine: Engine, account: Account, *, version: str) -> JSON:
    """``account``; v3 names only symbols with a position."""
    only = asset(engine, account)
    rows = [
        _account_position(engine, account, position)
        for symbol in engine.markets
        for position in shown_positions(engine, account, symbol)
        if version != "v3" or position.quantity
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
        "maxWithdrawAmount": only["maxWithdrawAmount"],
        "assets": [only, *(_coin(account, coin) for coin in account.coins)], "positions": rows,
    }  # fmt: skip


def _coin(account: Account, coin: str) -> JSON:
    """Another coin of the wallet: BNB that pays fees."""
    held, zero = money(account.coins[coin]), money(ZERO)
    names = (
        "unrealizedProfit", "maintMargin", "initialMargin", "positionInitialMargin",
        "openOrderInitialMargin", "crossUnPnl",
    )  # fmt: skip
    return {
        "asset": coin, "walletBalance": held, "marginBalance": held, "crossWalletBalance": held,
        "availableBalance": held, "maxWithdrawAmount": held, "marginAvailable": True,
        "updateTime": 0, **dict.fromkeys(names, zero),
    }  # fmt: skip


def _account_position(engine: Engine, account: Account, position: Position) -> JSON:
    row = position_risk(engine, account, position)
    return {
        **row, "unrealizedProfit": row["unRealizedProfit"], "maxNotional": "40000000",
    }  # fmt: skip


def balances(engine: Engine, account: Account) -> list[JSON]:
    coins = [_coin(account, coin) for coin in account.coins]
    return [_balance(account, each) for each in (asset(engine, account), *coins)]


def _balance(account: Account, only: JSON) -> JSON:
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
