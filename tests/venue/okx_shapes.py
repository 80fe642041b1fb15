"""OKX's answers, field by field; sizes are counts of contracts."""

from decimal import Decimal
from typing import Any

from tests.venue.candles import Candle
from tests.venue.engine import Engine
from tests.venue.model import ZERO, Account, Kind, Market, Order, Origin, Status, Trade

_STATES = {
    Status.NEW: "live", Status.PARTIALLY_FILLED: "partially_filled", Status.FILLED: "filled",
    Status.CANCELED: "canceled", Status.EXPIRED: "canceled",
}  # fmt: skip
_ALGO_STATES = {
    Status.NEW: "live", Status.TRIGGERED: "effective", Status.CANCELED: "canceled",
    Status.EXPIRED: "order_failed",
}  # fmt: skip


def plain(value: Decimal | None) -> str:
    return "" if value is None else format(value, "f")


def contracts(quantity: Decimal, market: Market) -> str:
    return plain((quantity / market.contract_size).normalize() + ZERO)


def instrument(market: Market) -> dict[str, Any]:
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
        "instType": "SWAP", "instId": symbol, "last": plain(price), "lastSz": "1",
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
    waiting = [
        {
            "attachAlgoId": f"{order.id}1", "attachAlgoClOrdId": each.client_id,
            "slTriggerPx": plain(each.trigger), "slOrdPx": "-1", "slTriggerPxType": "last",
        }
        for each in ask.attached
    ]  # fmt: skip
    return {
        "instType": "SWAP", "instId": ask.symbol, "ordId": str(order.id),
        "clOrdId": ask.client_id if parent is None else "", "tag": "", "px": plain(ask.price),
        "sz": contracts(ask.quantity, market), "side": ask.side.value, "posSide": "net",
        "ordType": "market" if ask.price is None else "limit",
        "tdMode": engine.margin_mode(account, ask.symbol).value,
        "accFillSz": contracts(order.filled, market), "state": _STATES[order.status],
        "avgPx": plain(order.average) if order.filled else "", "fillPx": "", "fillSz": "0",
        "lever": str(engine.leverage(account, ask.symbol)), "feeCcy": "USDT",
        "fee": plain(-order.fee), "pnl": plain(order.realized), "rebate": "0", "rebateCcy": "USDT",
        "algoId": "" if parent is None else str(parent.id),
        "algoClOrdId": "" if parent is None else parent.ask.client_id,
        "attachAlgoOrds": waiting, "reduceOnly": str(ask.reduce_only).lower(),
        "cTime": str(order.created_ms), "uTime": str(order.updated_ms),
    }  # fmt: skip


def algo_row(engine: Engine, account: Account, order: Order) -> dict[str, Any]:
    """A stop or target; ``ordIdList`` names what it became."""
    ask, market = order.ask, engine.markets[order.ask.symbol]
    prefix, other = ("sl", "tp") if ask.kind is Kind.STOP else ("tp", "sl")
    became = [] if order.child_id is None else [str(order.child_id)]
    return {
        "instType": "SWAP", "instId": ask.symbol, "algoId": str(order.id),
        "algoClOrdId": ask.client_id, "clOrdId": "", "ordId": became[0] if became else "",
        "ordIdList": became, "ordType": "conditional", "sz": contracts(ask.quantity, market),
        "side": ask.side.value, "posSide": "net", "state": _ALGO_STATES[order.status],
        "tdMode": engine.margin_mode(account, ask.symbol).value,
        f"{prefix}TriggerPx": plain(ask.trigger), f"{prefix}TriggerPxType": "last",
        f"{prefix}OrdPx": "-1", f"{other}TriggerPx": "", f"{other}TriggerPxType": "",
        f"{other}OrdPx": "", "actualSz": "", "actualPx": "", "actualSide": "",
        "triggerTime": str(order.triggered_ms or ""), "failCode": "", "reduceOnly": "true",
        "lever": str(engine.leverage(account, ask.symbol)), "tag": "",
        "cTime": str(order.created_ms), "uTime": str(order.updated_ms),
    }  # fmt: skip


def fill(engine: Engine, account: Account, trade: Trade) -> dict[str, Any]:
    market, order = engine.markets[trade.symbol], account.orders[trade.order_id]
    forced = trade.origin is Origin.LIQUIDATION
    return {
        "instType": "SWAP", "instId": trade.symbol, "tradeId": str(trade.id),
        "ordId": str(trade.order_id), "clOrdId": "" if order.parent_id else trade.client_id,
        "billId": str(trade.id), "tag": "", "fillPx": plain(trade.price),
        "fillSz": contracts(trade.quantity, market), "side": trade.side.value, "posSide": "net",
        "execType": "M" if trade.is_maker else "T", "feeCcy": "USDT", "fee": plain(-trade.fee),
        "subType": "104" if forced else "1", "fillPnl": plain(trade.realized),
        "ts": str(trade.at_ms), "fillTime": str(trade.at_ms),
    }  # fmt: skip


def position(engine: Engine, account: Account, symbol: str) -> dict[str, Any]:
    held, market = account.position(symbol), engine.markets[symbol]
    margin = plain(engine.margin_of(account, held))
    return {
        "instType": "SWAP", "instId": symbol, "posId": "3", "posSide": "net", "ccy": "USDT",
        "mgnMode": engine.margin_mode(account, symbol).value,
        "pos": contracts(held.quantity, market), "avgPx": plain(held.entry),
        "lever": str(engine.leverage(account, symbol)), "liqPx": "",
        "upl": plain(engine.unrealized(account, held)), "markPx": plain(engine.marks[symbol]),
        "notionalUsd": plain(abs(held.quantity) * engine.marks[symbol]), "margin": margin,
        "imr": margin, "mmr": "0", "cTime": str(held.opened_ms), "uTime": str(held.updated_ms),
    }  # fmt: skip


def balance(engine: Engine, account: Account) -> dict[str, Any]:
    equity, free = plain(engine.equity(account)), plain(engine.available(account))
    details = {
        "ccy": account.currency, "eq": equity, "cashBal": plain(account.wallet),
        "availEq": free, "availBal": free, "frozenBal": "0", "upl": "0", "eqUsd": equity,
    }  # fmt: skip
    return {"uTime": str(engine.now_ms()), "totalEq": equity, "details": [details]}
