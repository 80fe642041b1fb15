"""HTX's answers, field by field."""

from decimal import Decimal
from typing import Any

from tests.venue.candles import Candle
from tests.venue.htx_engine import HtxEngine, contracts
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
from tests.venue.spot import SpotMarket, coins_of

Row = dict[str, Any]
#: The id of a record in lists is not the id of the order once the order has ended.
RECORD = 69_464_193
SPOT_ACCOUNT = 1_528_640
_SOURCES = {
    Origin.API: "api", Origin.HAND: "web", Origin.LIQUIDATION: "risk", Origin.VENUE: "tpsl",
}  # fmt: skip


def plain(value: Decimal | None) -> str:
    return "" if value is None else format(value, "f")


def places(step: Decimal) -> int:
    return max(0, -int(step.normalize().as_tuple().exponent))


# --- markets -----------------------------------------------------------------------------------


def contract(market: Market) -> Row:
    return {
        "symbol": market.base, "contract_code": market.id,
        "contract_size": float(market.contract_size), "price_tick": float(market.tick),
        "delivery_time": "", "create_date": "20201021", "contract_status": 1,
        "settlement_date": "1490759594752", "support_margin_mode": "all",
        "business_type": "swap", "pair": market.id, "contract_type": "swap",
        "trade_partition": market.quote,
    }  # fmt: skip


def inverse_swap() -> Row:
    return {
        "symbol": "BTC", "contract_code": "BTC-USD", "contract_size": 100.0, "price_tick": 0.1,
        "delivery_time": "", "create_date": "20200325", "contract_status": 1,
        "settlement_date": "1490759594752",
    }  # fmt: skip


def inverse_future() -> Row:
    return {
        "symbol": "BTC", "contract_code": "BTC351228", "contract_type": "quarter",
        "contract_size": 100.0, "price_tick": 0.01, "delivery_date": "20351228",
        "delivery_time": "2081836800000", "create_date": "20250101", "contract_status": 1,
        "settlement_time": "2081836800000",
    }  # fmt: skip


def spot_symbol(market: SpotMarket) -> Row:
    return {
        "base-currency": market.base.lower(), "quote-currency": market.quote.lower(),
        "price-precision": places(market.tick), "amount-precision": places(market.lot),
        "symbol-partition": "main", "symbol": market.id, "state": "online",
        "value-precision": 8, "min-order-amt": float(market.min_quantity),
        "max-order-amt": float(market.max_quantity), "min-order-value": float(market.min_notional),
        "limit-order-min-order-amt": float(market.min_quantity),
        "limit-order-max-order-amt": float(market.max_quantity),
        "sell-market-min-order-amt": float(market.min_quantity),
        "sell-market-max-order-amt": float(market.max_market_quantity),
        "buy-market-max-order-value": 1_000_000, "api-trading": "enabled", "tags": "",
    }  # fmt: skip


def currency(code: str) -> Row:
    chain = {
        "chain": code.lower(), "displayName": code, "baseChain": code, "baseChainProtocol": code,
        "isDynamic": False, "depositStatus": "allowed", "withdrawStatus": "allowed",
        "minWithdrawAmt": "0.01", "maxWithdrawAmt": "1000000", "withdrawPrecision": 8,
        "withdrawFeeType": "fixed", "transactFeeWithdraw": "0.001", "minDepositAmt": "0.01",
        "numOfConfirmations": 1, "numOfFastConfirmations": 1,
    }  # fmt: skip
    return {"currency": code.lower(), "assetType": 1, "instStatus": "normal", "chains": [chain]}


def kline(row: Candle, market: Market) -> Row:
    """Floats, as HTX sends them."""
    value = row.volume * row.close
    base = {
        "id": row.open_ms // 1000, "open": float(row.open), "close": float(row.close),
        "low": float(row.low), "high": float(row.high), "amount": float(row.volume), "count": 1,
    }  # fmt: skip
    if isinstance(market, SpotMarket):
        return base | {"vol": float(value)}
    sold = float(row.volume / market.contract_size)
    return base | {"vol": sold, "trade_turnover": float(value)}


def tick(engine: HtxEngine, symbol: str) -> Row:
    price, step = engine.prices[symbol], engine.markets[symbol].tick
    return {
        "id": engine.now_ms() // 1000, "open": float(price), "close": float(price),
        "high": float(price), "low": float(price), "amount": 1.0, "vol": 1.0, "count": 1,
        "bid": [float(price - step), 10.0], "ask": [float(price + step), 10.0],
        "ts": engine.now_ms(),
    }  # fmt: skip


def spot_ticker(engine: HtxEngine, symbol: str) -> Row:
    price, step = engine.prices[symbol], engine.markets[symbol].tick
    return {
        "symbol": symbol, "open": float(price), "close": float(price), "high": float(price),
        "low": float(price), "amount": 1.0, "vol": float(price), "count": 1,
        "bid": float(price - step), "bidSize": 10.0, "ask": float(price + step), "askSize": 10.0,
    }  # fmt: skip


# --- swap --------------------------------------------------------------------------------------


def swap_state(order: Order) -> str:
    match order.status:
        case Status.NEW:
            return "new"
        case Status.PARTIALLY_FILLED:
            return "partially_filled"
        case Status.FILLED:
            return "filled"
        case _:
            return "partially_canceled" if order.filled else "canceled"


def record_id(order: Order) -> str:
    return str(order.id if order.is_open else order.id + RECORD)


def swap_order(engine: HtxEngine, account: Account, order: Order) -> Row:
    """As order, opens and history show it; ``fee`` is negative when it was paid."""
    ask, size = order.ask, engine.markets[order.ask.symbol].contract_size
    stops = {each.kind: plain(each.trigger) for each in ask.attached}
    stop, target = stops.get(Kind.STOP, ""), stops.get(Kind.TAKE_PROFIT, "")
    post_only = ask.time_in_force == "GTX"
    return {
        "id": record_id(order), "side": ask.side.value,
        "type": "market" if ask.price is None else "post_only" if post_only else "limit",
        "price": plain(ask.price or ZERO), "volume": contracts(ask.quantity, size),
        "state": swap_state(order), "profit": plain(order.realized) if order.filled else None,
        "contract_code": ask.symbol, "position_side": ask.extra.get("position_side", "both"),
        "price_match": None, "order_id": str(order.id),
        "client_order_id": ask.client_id or str(order.id),
        "margin_mode": ask.extra.get("margin_mode", "cross"),
        "lever_rate": engine.leverage(account, ask.symbol), "order_source": _SOURCES[ask.origin],
        "reduce_only": ask.reduce_only,
        "time_in_force": "gtc" if post_only else ask.time_in_force.lower(),
        "tp_trigger_price": target, "tp_order_price": "", "tp_type": "market" if target else "0",
        "tp_trigger_price_type": "last" if target else "", "sl_trigger_price": stop,
        "sl_order_price": "", "sl_type": "market" if stop else "0",
        "sl_trigger_price_type": "last" if stop else "",
        "trade_avg_price": plain(order.average), "trade_volume": contracts(order.filled, size),
        "trade_turnover": plain(order.cost), "fee_currency": "USDT" if order.filled else "",
        "fee": plain(-order.fee) if order.filled else "0", "price_protect": False,
        "real_profit": None, "contract_type": "swap", "created_time": str(order.created_ms),
        "updated_time": str(order.updated_ms), "cancel_reason": None,
        "self_match_prevent": "cancel_taker",
    }  # fmt: skip


def algo_type(order: Order) -> str:
    named = str(order.ask.extra.get("algo_type", ""))
    return named or ("sl" if order.ask.kind is Kind.STOP else "tp")


def algo_state(order: Order) -> str:
    if order.is_open:
        return "active"
    states = {Status.TRIGGERED: "effective", Status.CANCELED: "canceled"}
    return states.get(order.status, "failed")


def algo_order(engine: HtxEngine, order: Order) -> Row:
    """Only the fields of its type are there; its client id only if it was given one."""
    ask, size = order.ask, engine.markets[order.ask.symbol].contract_size
    kind, mark = algo_type(order), "mark" if ask.trigger_by is TriggerBy.MARK else "last"
    row = {
        "id": str(order.id % 1_000_000_000), "volume": contracts(ask.quantity, size),
        "type": kind, "state": algo_state(order), "side": ask.side.value,
        "algo_id": str(order.id), "contract_code": ask.symbol,
        "position_side": ask.extra.get("position_side", "both"),
        "margin_mode": ask.extra.get("margin_mode", "cross"),
        "created_time": str(order.created_ms), "updated_time": str(order.updated_ms),
        "order_source": _SOURCES[ask.origin],
    }  # fmt: skip
    if ask.client_id:
        row["algo_client_order_id"] = ask.client_id
    if order.child_id is not None:
        row["relation_order_id"] = str(order.child_id)
    if ask.reduce_only:
        row["reduce_only"] = True
    if kind == "trigger":
        return row | {"trigger_price": plain(ask.trigger), "trigger_price_type": mark,
                      "price": plain(ask.price or ZERO)}  # fmt: skip
    return row | {
        f"{kind}_trigger_price": plain(ask.trigger),
        f"{kind}_order_price": plain(ask.price or ZERO),
        f"{kind}_type": "market" if ask.price is None else "limit",
        f"{kind}_trigger_price_type": mark,
    }


def execution(engine: HtxEngine, account: Account, trade: Trade) -> Row:
    """``trade_fee`` is positive when it was paid, unlike the fee of an order."""
    order, size = account.orders[trade.order_id], engine.markets[trade.symbol].contract_size
    forced = trade.origin is Origin.LIQUIDATION
    return {
        "id": str(order.id + trade.id), "contract_code": trade.symbol,
        "order_id": str(trade.order_id), "trade_id": str(trade.id), "side": trade.side.value,
        "position_side": order.ask.extra.get("position_side", "both"),
        "order_type": "3" if forced else "1",
        "margin_mode": order.ask.extra.get("margin_mode", "cross"),
        "type": "market" if order.ask.price is None else "limit",
        "role": "MAKER" if trade.is_maker else "TAKER", "trade_price": plain(trade.price),
        "trade_volume": contracts(trade.quantity, size),
        "trade_turnover": plain(trade.price * trade.quantity),
        "created_time": str(trade.at_ms), "updated_time": str(trade.at_ms),
        "order_source": _SOURCES[trade.origin], "fee_currency": "USDT",
        "trade_fee": plain(trade.fee), "deduction_price": "", "profit": plain(trade.realized),
        "contract_type": "swap",
    }  # fmt: skip


def position(engine: HtxEngine, account: Account, symbol: str) -> Row:
    held, size = account.position(symbol), engine.markets[symbol].contract_size
    is_long = held.quantity > 0
    volume, margin = contracts(abs(held.quantity), size), plain(engine.margin_of(account, held))
    side = ("long" if is_long else "short") if account.is_hedged else "both"
    return {
        "contract_code": symbol, "position_side": side, "direction": "buy" if is_long else "sell",
        "margin_mode": engine.margin_mode(account, symbol).value,
        "open_avg_price": plain(held.entry), "volume": volume, "available": volume,
        "lever_rate": engine.leverage(account, symbol), "adl_risk_percent": 3,
        "liquidation_price": None, "margin": margin, "initial_margin": margin,
        "maintenance_margin": "0.1", "profit_unreal": plain(engine.unrealized(account, held)),
        "profit_rate": "0", "margin_rate": "0.0012", "mark_price": plain(engine.marks[symbol]),
        "last_price": plain(engine.prices[symbol]), "margin_currency": "USDT",
        "contract_type": "swap", "created_time": str(held.opened_ms),
        "updated_time": str(held.updated_ms),
    }  # fmt: skip


def swap_balance(engine: HtxEngine, account: Account) -> Row:
    """Isolated margin has rows of its own."""
    held = [each for each in account.positions.values() if each.quantity]
    isolated = [
        each for each in held if engine.margin_mode(account, each.symbol) is MarginMode.ISOLATED
    ]
    own = sum((engine.margin_of(account, each) + engine.unrealized(account, each)
               for each in isolated), ZERO)  # fmt: skip
    equity, free = plain(engine.equity(account)), plain(engine.available(account))
    margin = plain(sum((engine.margin_of(account, each) for each in held), ZERO))
    unreal = plain(sum((engine.unrealized(account, each) for each in held), ZERO))
    now_ms = engine.now_ms()
    detail = {
        "currency": account.currency, "equity": equity, "available": free,
        "profit_unreal": unreal, "initial_margin": margin, "maintenance_margin": "0",
        "maintenance_margin_rate": "0", "initial_margin_rate": "0", "available_margin": free,
        "voucher": "0", "voucher_value": "0", "withdraw_available": free,
        "created_time": now_ms, "updated_time": now_ms, "isolated_equity": plain(own),
        "isolated_profit_unreal": "0",
    }  # fmt: skip
    return {
        "state": "normal", "equity": equity, "details": [detail], "initial_margin": margin,
        "maintenance_margin": "0", "maintenance_margin_rate": "0", "profit_unreal": unreal,
        "available_margin": free, "voucher_value": "0", "created_time": now_ms,
        "updated_time": now_ms,
    }  # fmt: skip


# --- spot --------------------------------------------------------------------------------------


def spot_state(order: Order) -> str:
    if order.is_waiting:
        return "created"
    match order.status:
        case Status.NEW:
            return "submitted"
        case Status.PARTIALLY_FILLED:
            return "partial-filled"
        case Status.FILLED:
            return "filled"
        case _:
            return "partial-canceled" if order.filled else "canceled"


def spot_type(order: Order) -> str:
    return str(order.ask.extra.get("type") or f"{order.ask.side.value}-market")


def spot_amount(order: Order) -> str:
    """Of a market buy: what is to be spent."""
    return str(order.ask.extra.get("amount") or plain(order.ask.quantity))


def spot_order(order: Order) -> Row:
    """As a look-up and the history show it; ``field-`` is HTX's own spelling."""
    ended = 0 if order.is_open else order.updated_ms
    return {
        "id": order.id, "symbol": order.ask.symbol, "account-id": SPOT_ACCOUNT,
        "client-order-id": order.ask.client_id, "amount": spot_amount(order),
        "price": plain(order.ask.price or ZERO), "created-at": order.created_ms,
        "type": spot_type(order), "field-amount": plain(order.filled),
        "field-cash-amount": plain(order.cost), "field-fees": plain(order.fee),
        "finished-at": ended, "source": "spot-api", "state": spot_state(order),
        "canceled-at": ended if order.status is Status.CANCELED else 0,
        **_stop_fields(order),
    }  # fmt: skip


def open_spot_order(order: Order) -> Row:
    return {
        "symbol": order.ask.symbol, "source": "api", "amount": spot_amount(order),
        "account-id": SPOT_ACCOUNT, "created-at": order.created_ms,
        "price": plain(order.ask.price or ZERO), "client-order-id": order.ask.client_id,
        "filled-amount": plain(order.filled), "filled-cash-amount": plain(order.cost),
        "filled-fees": plain(order.fee), "id": order.id, "state": spot_state(order),
        "type": spot_type(order), **_stop_fields(order),
    }  # fmt: skip


def _stop_fields(order: Order) -> Row:
    if order.ask.trigger is None:
        return {}
    return {"stop-price": plain(order.ask.trigger), "operator": order.ask.extra.get("operator")}


def match_result(engine: HtxEngine, account: Account, trade: Trade) -> Row:
    order = account.orders[trade.order_id]
    return {
        "symbol": trade.symbol, "fee-currency": engine.fee_coin(trade.symbol, trade.side).lower(),
        "source": "spot-api", "price": plain(trade.price), "created-at": trade.at_ms,
        "role": "maker" if trade.is_maker else "taker", "order-id": trade.order_id,
        "match-id": trade.id, "trade-id": trade.id, "filled-amount": plain(trade.quantity),
        "filled-fees": plain(trade.fee), "filled-points": "0.0", "fee-deduct-currency": "",
        "fee-deduct-state": "done", "id": order.id + trade.id, "type": spot_type(order),
    }  # fmt: skip


def conditional(order: Order, account: Account) -> Row:
    """A conditional order of ``/v2/algo-orders``: it has no id but the client's."""
    ask = order.ask
    row = {
        "accountId": SPOT_ACCOUNT, "source": "api", "clientOrderId": ask.client_id,
        "symbol": ask.symbol, "orderSide": ask.side.value, "timeInForce": "gtc",
        "orderType": "market" if ask.price is None else "limit",
        "stopPrice": plain(ask.trigger), "orderOrigTime": order.created_ms,
        "lastActTime": order.updated_ms,
        "orderStatus": "created" if order.is_open
        else {Status.TRIGGERED: "triggered", Status.CANCELED: "canceled"}.get(
            order.status, "rejected"
        ),
    }  # fmt: skip
    if ask.price is not None:
        row["orderPrice"] = plain(ask.price)
    if "value" in ask.extra:
        row["orderValue"] = ask.extra["value"]
    else:
        row["orderSize"] = plain(ask.quantity)
    if order.child_id is not None and order.child_id in account.orders:
        row["orderId"] = order.child_id
    return row


def spot_balance(engine: HtxEngine, account: Account) -> list[Row]:
    rows = []
    for coin in sorted(coins_of(account)):
        frozen, free = engine.held_coins(account, coin), engine.free_coins(account, coin)
        for kind, amount in (("trade", free), ("frozen", frozen)):
            rows.append(
                {"currency": coin.lower(), "type": kind, "balance": plain(amount), "seq-num": "1"}
            )
    return rows
