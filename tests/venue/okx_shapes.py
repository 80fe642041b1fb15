"""OKX's answers, field by field; sizes are counts of contracts."""

from decimal import Decimal
from typing import Any

from tests.venue.candles import Candle
from tests.venue.engine import Engine
from tests.venue.model import (
    ZERO,
    Account,
    Booking,
    Kind,
    Market,
    Order,
    Origin,
    Position,
    PositionSide,
    Reason,
    Side,
    Status,
    Trade,
    TriggerBy,
)
from tests.venue.okx_params import kind_of

_STATES = {
    Status.NEW: "live", Status.PARTIALLY_FILLED: "partially_filled", Status.FILLED: "filled",
    Status.CANCELED: "canceled", Status.EXPIRED: "canceled", Status.REJECTED: "canceled",
}  # fmt: skip
_ALGO_STATES = {
    Status.NEW: "live", Status.TRIGGERED: "effective", Status.CANCELED: "canceled",
    Status.EXPIRED: "order_failed", Status.REJECTED: "order_failed",
}  # fmt: skip


def plain(value: Decimal | None) -> str:
    return "" if value is None else format(value, "f")


def contracts(quantity: Decimal, market: Market) -> str:
    return plain((quantity / market.contract_size).normalize() + ZERO)


_FORCED = {Origin.LIQUIDATION: "full_liquidation", Origin.ADL: "adl"}
_SIDES = {PositionSide.BOTH: "net", PositionSide.LONG: "long", PositionSide.SHORT: "short"}


def _pair(market: Market) -> dict[str, Any]:
    return {
        "instType": "SPOT", "instId": market.id, "uly": "", "instFamily": "",
        "baseCcy": market.base, "quoteCcy": market.quote, "settleCcy": "", "ctVal": "",
        "ctMult": "", "ctValCcy": "", "ctType": "", "optType": "", "stk": "",
        "listTime": "1611907686000", "expTime": "", "lever": "10", "tickSz": plain(market.tick),
        "lotSz": plain(market.lot), "minSz": plain(market.min_quantity), "alias": "",
        "state": "live", "maxLmtSz": plain(market.max_quantity),
        "maxMktSz": plain(market.max_market_quantity), "maxMktAmt": "1000000",
        "maxLmtAmt": "20000000", "ruleType": "normal", "tradeQuoteCcyList": [market.quote],
    }  # fmt: skip


def instrument(market: Market) -> dict[str, Any]:
    if market.is_spot:
        return _pair(market)
    return {
        "instType": "SWAP", "instId": market.id, "uly": f"{market.base}-{market.quote}",
        "instFamily": f"{market.base}-{market.quote}", "baseCcy": "", "quoteCcy": "",
        "settleCcy": market.quote, "ctVal": plain(market.contract_size), "ctMult": "1",
        "ctValCcy": market.base, "ctType": "linear", "optType": "", "stk": "",
        "listTime": "1611916828000", "expTime": "", "lever": str(market.max_leverage),
        "tickSz": plain(market.tick), "lotSz": contracts(market.lot, market),
        "minSz": contracts(market.min_quantity, market), "alias": "", "state": "live",
        "maxLmtSz": contracts(market.max_quantity, market),
        "maxMktSz": contracts(market.max_market_quantity, market), "ruleType": "normal",
    }  # fmt: skip


def ticker(engine: Engine, symbol: str) -> dict[str, Any]:
    price, tick = engine.prices[symbol], engine.markets[symbol].tick
    return {
        "instType": kind_of(engine.markets[symbol]), "instId": symbol,
        "last": plain(price), "lastSz": "1",
        "askPx": plain(price + tick), "askSz": "10", "bidPx": plain(price - tick), "bidSz": "10",
        "open24h": plain(price), "high24h": plain(price), "low24h": plain(price),
        "volCcy24h": "1", "vol24h": "1", "ts": str(engine.now_ms()),
    }  # fmt: skip


def candle(row: Candle, market: Market) -> list[str]:
    values = (row.open, row.high, row.low, row.close)
    volume = (contracts(row.volume, market), plain(row.volume), plain(row.volume * row.close))
    return [str(row.open_ms), *map(plain, values), *volume, "1" if row.closed else "0"]


def order_row(engine: Engine, account: Account, order: Order) -> dict[str, Any]:
    """A plain order; one that an algo order became has no client id of its own."""
    ask, market = order.ask, engine.markets[order.ask.symbol]
    parent = account.orders.get(order.parent_id or 0)
    size = ask.extra.get("sz") if ask.quote_quantity is not None else None
    coin, fee = _fee(order, market)
    return {
        "instType": kind_of(market), "instId": ask.symbol, "ordId": str(order.id),
        "clOrdId": ask.client_id if parent is None else "", "tag": "", "px": plain(ask.price),
        "sz": size or contracts(ask.quantity, market), "side": ask.side.value,
        "posSide": _SIDES[ask.position_side], "ordType": _type(order),
        "tdMode": "cash" if ask.is_spot else engine.margin_mode(account, ask.symbol).value,
        "accFillSz": contracts(order.filled, market), "state": _STATES[order.status],
        "avgPx": plain(order.average) if order.filled else "", "fillPx": "", "fillSz": "0",
        "lever": "" if ask.is_spot else str(engine.leverage(account, ask.symbol)),
        "feeCcy": coin, "fee": plain(-fee), "pnl": plain(order.realized), "rebate": "0",
        "rebateCcy": market.quote, "tgtCcy": ask.extra.get("tgtCcy", ""),
        "category": _FORCED.get(ask.origin, "normal"), "source": "" if parent is None else "7",
        "cancelSource": _cancel_source(order), "tradeId": "",
        "algoId": "" if parent is None else str(parent.id),
        "algoClOrdId": "" if parent is None else parent.ask.client_id,
        "attachAlgoOrds": _attached(order), "reduceOnly": str(ask.reduce_only).lower(),
        "cTime": str(order.created_ms), "uTime": str(order.updated_ms),
    }  # fmt: skip


def _fee(order: Order, market: Market) -> tuple[str, Decimal]:
    """The fee's coin and amount: on spot what is bought pays, or is sold for."""
    for coin, amount in order.fees.items():
        return coin, amount
    bought = order.ask.is_spot and order.ask.side is Side.BUY
    return (market.base if bought else market.quote), ZERO


def _type(order: Order) -> str:
    if order.ask.price is None:
        return "market"
    timing = {"GTX": "post_only", "IOC": "ioc", "FOK": "fok"}
    return timing.get(order.ask.time_in_force, "limit")


def _cancel_source(order: Order) -> str:
    if order.status not in (Status.CANCELED, Status.EXPIRED):
        return ""
    return "1" if order.by_user and order.status is Status.CANCELED else "0"


def _attached(order: Order) -> list[dict[str, Any]]:
    """Stops and targets that have not come to life; one row for both where they share an id."""
    rows: dict[str, dict[str, Any]] = {}
    for each in order.ask.attached:
        prefix = "sl" if each.kind is Kind.STOP else "tp"
        row = rows.setdefault(
            each.client_id,
            {"attachAlgoId": f"{order.id}1", "attachAlgoClOrdId": each.client_id, "failCode": "",
             "failReason": ""},
        )  # fmt: skip
        row |= {
            f"{prefix}TriggerPx": plain(each.trigger), f"{prefix}TriggerPxType": "last",
            f"{prefix}OrdPx": "-1" if each.price is None else plain(each.price),
        }  # fmt: skip
    return list(rows.values())


def algo_row(engine: Engine, account: Account, order: Order) -> dict[str, Any]:
    """A stop or target; ``ordIdList`` names what it became."""
    ask, market = order.ask, engine.markets[order.ask.symbol]
    became = [] if order.child_id is None else [str(order.child_id)]
    is_trigger = ask.extra.get("ordType") == "trigger"
    by = "mark" if ask.trigger_by is TriggerBy.MARK else "last"
    price = "-1" if ask.price is None else plain(ask.price)
    prefix, other = ("sl", "tp") if ask.kind is Kind.STOP else ("tp", "sl")
    levels = {f"{each}{field}": "" for each in ("sl", "tp")
              for field in ("TriggerPx", "TriggerPxType", "OrdPx")}  # fmt: skip
    if not is_trigger:
        levels |= {f"{prefix}TriggerPx": plain(ask.trigger), f"{prefix}TriggerPxType": by,
                   f"{prefix}OrdPx": price, f"{other}TriggerPx": ""}  # fmt: skip
    failed = _ALGO_STATES[_algo_state(order)] == "order_failed"
    return {
        "instType": kind_of(market), "instId": ask.symbol, "algoId": str(order.id),
        "algoClOrdId": ask.client_id, "clOrdId": "", "ordId": became[0] if became else "",
        "ordIdList": became, "ordType": "trigger" if is_trigger else "conditional",
        "sz": "" if ask.close_position else contracts(ask.quantity, market),
        "closeFraction": "1" if ask.close_position else "", "side": ask.side.value,
        "posSide": _SIDES[ask.position_side], "state": _ALGO_STATES[_algo_state(order)],
        "tdMode": "cash" if ask.is_spot else engine.margin_mode(account, ask.symbol).value,
        **levels, "triggerPx": plain(ask.trigger) if is_trigger else "",
        "triggerPxType": by if is_trigger else "", "ordPx": price if is_trigger else "",
        "actualSz": "", "actualPx": "", "actualSide": prefix if became and not is_trigger else "",
        "triggerTime": str(order.triggered_ms or ""),
        "failCode": _fail_code(order) if failed else "",
        "reduceOnly": str(ask.reduces and not ask.is_spot).lower(),
        "lever": "" if ask.is_spot else str(engine.leverage(account, ask.symbol)), "tag": "",
        "cTime": str(order.created_ms), "uTime": str(order.updated_ms),
    }  # fmt: skip


def _algo_state(order: Order) -> Status:
    return order.status if order.status in _ALGO_STATES else Status.TRIGGERED


def _fail_code(order: Order) -> str:
    return "51169" if order.why == Reason.REDUCE_ONLY else "51008"


def fill(engine: Engine, account: Account, trade: Trade) -> dict[str, Any]:
    """Fills of liquidations and auto-deleveraging have negative trade ids and no side of book."""
    market, order = engine.markets[trade.symbol], account.orders[trade.order_id]
    forced = trade.origin in _FORCED
    row = {
        "instType": kind_of(market), "instId": trade.symbol,
        "tradeId": str(-trade.id if forced else trade.id), "ordId": str(trade.order_id),
        "clOrdId": "" if order.parent_id else trade.client_id, "billId": str(trade.id), "tag": "",
        "fillPx": plain(trade.price), "fillSz": contracts(trade.quantity, market),
        "side": trade.side.value, "posSide": _SIDES[trade.position_side],
        "execType": "" if forced else "M" if trade.is_maker else "T", "feeCcy": trade.fee_coin,
        "fee": plain(-trade.fee), "subType": sub_type(trade), "fillPnl": plain(trade.realized),
        "ts": str(trade.at_ms), "fillTime": str(trade.at_ms),
    }  # fmt: skip
    if trade.is_spot:
        row["feeRate"] = plain(-engine.rules.spot_taker_fee)
    return row


def sub_type(trade: Trade) -> str:
    """Of bills and fills: buy, sell, open or close long or short, liquidation, ADL."""
    buys, long = trade.side is Side.BUY, trade.position_side is PositionSide.LONG
    if trade.origin is Origin.LIQUIDATION:
        net = "106" if buys else "107"
        return net if trade.position_side is PositionSide.BOTH else "104" if long else "105"
    if trade.origin is Origin.ADL:
        net = "127" if buys else "128"
        return net if trade.position_side is PositionSide.BOTH else "125" if long else "126"
    if trade.position_side is PositionSide.BOTH:
        return "1" if buys else "2"
    if buys is long:
        return "3" if long else "4"
    return "5" if long else "6"


def bill(engine: Engine, account: Account, each: Booking) -> dict[str, Any]:
    """A row of ``account/bills``: one change of one coin's balance."""
    trade, market = each.trade, engine.markets.get(each.symbol)
    funding, kind, sub = each.kind == "FUNDING_FEE", "1", "11" if each.change > 0 else "12"
    if trade is not None:
        kinds = {Origin.LIQUIDATION: "5", Origin.ADL: "9"}
        kind, sub = kinds.get(trade.origin, "2"), sub_type(trade)
    elif funding:
        kind, sub = "8", "174" if each.change > 0 else "173"
    elif each.kind == "INSURANCE_CLEAR":
        kind, sub = "5", "110" if each.change > 0 else "111"
    fee = -trade.fee if trade is not None and trade.fee_coin == each.coin else ZERO
    spot = market is not None and market.is_spot
    pnl = ZERO if spot else each.change if funding else trade.realized if trade else ZERO
    mode = "" if market is None else "cash" if spot else engine.margin_mode(
        account, each.symbol
    ).value  # fmt: skip
    size = "" if market is None else contracts(each.quantity, market)
    return {
        "bal": plain(each.balance), "balChg": plain(each.change), "billId": str(each.id),
        "ccy": each.coin, "clOrdId": "" if trade is None else trade.client_id,
        "execType": "" if trade is None else "M" if trade.is_maker else "T", "fee": plain(fee),
        "fillTime": "" if trade is None else str(trade.at_ms), "from": "", "to": "",
        "instId": each.symbol, "instType": "" if market is None else kind_of(market),
        "interest": "0", "mgnMode": mode, "notes": "",
        "ordId": "" if trade is None else str(trade.order_id), "pnl": plain(pnl), "posBal": "0",
        "posBalChg": "0", "px": plain(each.price) if each.price else "", "subType": sub,
        "sz": plain(abs(each.change)) if spot or market is None else size, "tag": "",
        "tradeId": "" if trade is None else str(trade.id), "ts": str(each.at_ms), "type": kind,
    }  # fmt: skip


def position(engine: Engine, account: Account, held: Position) -> dict[str, Any]:
    symbol, market = held.symbol, engine.markets[held.symbol]
    isolated = engine.is_isolated(account, symbol)
    margin = plain(engine.margin_of(account, held))
    size = held.quantity if held.side is PositionSide.BOTH else abs(held.quantity)
    return {
        "instType": "SWAP", "instId": symbol, "posId": "3", "posSide": _SIDES[held.side],
        "ccy": "USDT", "mgnMode": engine.margin_mode(account, symbol).value,
        "pos": contracts(size, market), "avgPx": plain(held.entry),
        "lever": str(engine.leverage(account, symbol)), "liqPx": "",
        "upl": plain(engine.unrealized(account, held)), "markPx": plain(engine.marks[symbol]),
        "notionalUsd": plain(abs(held.quantity) * engine.marks[symbol]),
        "margin": plain(held.margin) if isolated else margin, "imr": "" if isolated else margin,
        "mmr": plain(engine.maintenance_of(held)), "adl": "1", "cTime": str(held.opened_ms),
        "uTime": str(held.updated_ms), "closeOrderAlgo": [],
    }  # fmt: skip


def balance(engine: Engine, account: Account, only: str = "") -> dict[str, Any]:
    wanted = only.split(",") if only else [account.currency, *account.coins]
    others = sum((account.coins[each] * engine.coin_price(each) for each in account.coins), ZERO)
    total = plain(engine.equity(account) + others)
    rows = [_coin(engine, account, each) for each in wanted if account.balance(each)]
    return {"uTime": str(engine.now_ms()), "totalEq": total, "details": rows}


def _coin(engine: Engine, account: Account, name: str) -> dict[str, Any]:
    """``frozenBal`` is what open spot orders and margins take, ``ordFrozen`` the orders' part."""
    main = name == account.currency
    equity = engine.equity(account) if main else account.balance(name)
    free, locked = engine.free(account, name), engine.locked(account, name)
    price = Decimal(1) if main else engine.coin_price(name)
    return {
        "ccy": name, "eq": plain(equity), "cashBal": plain(account.balance(name)),
        "availEq": plain(free), "availBal": plain(free),
        "frozenBal": plain(max(ZERO, equity - free)) if not main or locked else "0",
        "ordFrozen": plain(locked), "upl": "0", "eqUsd": plain(equity * price), "spotBal": "",
        "uTime": str(engine.now_ms()),
    }  # fmt: skip
