"""How Kraken writes markets, orders, trades and balances.

Sources: "Get Tradable Asset Pairs", "Get Open Orders", "Get Trades History", "Get Extended
Balance" and "Get API Key Info" of the spot REST documents. Times are seconds with a fraction.
"""

from decimal import Decimal
from typing import Any

from tests.venue.candles import Candle
from tests.venue.kraken_engine import KrakenEngine, asset, pair_name, places, to_text
from tests.venue.model import ZERO, Account, Kind, Order, Status, Trade, TriggerBy
from tests.venue.spot import SpotMarket, coins_of

Row = dict[str, Any]


def plain(value: Decimal | None, digits: int = 8) -> str:
    """A number with a fixed count of digits."""
    return format(value or ZERO, f".{digits}f")


def seconds(ms: int) -> float:
    return ms / 1000


# --- markets -----------------------------------------------------------------------------------


def asset_row(coin: str) -> Row:
    is_cash = coin == "USD"
    return {
        "aclass": "currency", "altname": asset(coin)[1:], "decimals": 4 if is_cash else 10,
        "display_decimals": 2 if is_cash else 5, "collateral_value": 1.0, "status": "enabled",
        "margin_rate": 0.01,
    }  # fmt: skip


def pair(market: SpotMarket) -> Row:
    base = asset(market.base)[1:]
    return {
        "altname": market.name, "wsname": f"{base}/{market.quote}", "aclass_base": "currency",
        "base": asset(market.base), "aclass_quote": "currency", "quote": asset(market.quote),
        "lot": "unit", "cost_decimals": 5, "pair_decimals": places(market.tick),
        "lot_decimals": places(market.lot), "lot_multiplier": 1, "leverage_buy": [],
        "leverage_sell": [], "fees": [[0, 0.4], [10_000, 0.35]],
        "fees_maker": [[0, 0.25], [10_000, 0.2]], "fee_volume_currency": "ZUSD",
        "margin_call": 80, "margin_stop": 40, "ordermin": format(market.min_quantity, "f"),
        "costmin": format(market.min_notional, "f"), "tick_size": format(market.tick, "f"),
        "status": "online",
    }  # fmt: skip


def ticker(engine: KrakenEngine, market: SpotMarket) -> Row:
    price = plain(engine.prices[market.id], places(market.tick))
    quote = [price, "1", "1.000"]
    twice = [price, price]
    return {"a": quote, "b": quote, "c": [price, "0.10000000"], "v": ["1.0", "10.0"], "p": twice,
            "t": [1, 10], "l": twice, "h": twice, "o": price}  # fmt: skip


def candle(row: Candle, market: SpotMarket) -> list[Any]:
    """Time, open, high, low, close, mean price, volume, count."""
    digits = places(market.tick)
    prices = [plain(each, digits) for each in (row.open, row.high, row.low, row.close)]
    return [row.open_ms // 1000, *prices, prices[-1], plain(row.volume), int(row.volume > 0)]


# --- orders ------------------------------------------------------------------------------------


def order_type(order: Order) -> str:
    """``stop-loss-limit`` and its like keep their name after they were triggered."""
    names = {Kind.STOP: "stop-loss", Kind.TAKE_PROFIT: "take-profit"}
    name = names.get(order.ask.kind, order.ask.kind.value)
    return f"{name}-limit" if order.is_conditional and order.ask.price is not None else name


def description(order: Order, market: SpotMarket) -> Row:
    """``price`` is the trigger, if there is one; ``price2`` is then the limit."""
    ask, digits = order.ask, places(market.tick)
    first = ask.trigger if ask.trigger is not None else ask.price
    second = ask.price if ask.trigger is not None else None
    name, pair_text = order_type(order), pair_name(market)
    at = {"market": "market", "limit": f"limit {plain(first, digits)}"}.get(name)
    if at is None:
        at = f"{name.removesuffix('-limit').replace('-', ' ')} {plain(first, digits)}"
        at += f" -> limit {plain(second, digits)}" if second is not None else ""
    amount = ask.extra.get("cost") or plain(ask.quantity)
    unit = f" {asset(market.quote)}" if "cost" in ask.extra else ""
    return {
        "pair": pair_text, "aclass": "forex", "type": ask.side.value, "ordertype": name,
        "price": plain(first, digits) if first is not None else "0",
        "price2": plain(second, digits) if second is not None else "0", "leverage": "none",
        "order": f"{ask.side} {amount}{unit} {pair_text} @ {at}", "close": "",
    }  # fmt: skip


def status(order: Order) -> str:
    if order.status is Status.FILLED:
        return "closed"
    return "open" if order.is_open else "canceled"


def reason(order: Order) -> str | None:
    """Why an order ended early."""
    if order.is_open or order.status is Status.FILLED:
        return None
    if order.ask.time_in_force == "GTX" and not order.filled:
        return "Post only order"
    return "User requested" if order.status is Status.CANCELED else "Insufficient volume"


def order(engine: KrakenEngine, account: Account, each: Order, *, trades: bool = False) -> Row:
    ask = each.ask
    market = engine.markets[ask.symbol]
    assert isinstance(market, SpotMarket)
    digits = places(market.tick)
    row: Row = {
        "refid": to_text(each.parent_id, "O") if each.parent_id else None,
        "userref": ask.extra.get("userref", 0), "status": status(each),
        "opentm": seconds(each.created_ms), "starttm": 0, "expiretm": 0,
        "descr": description(each, market), "vol": plain(ask.quantity),
        "vol_exec": plain(each.filled), "cost": plain(each.cost, 5), "fee": plain(each.fee, 5),
        "price": plain(each.average, digits), "stopprice": plain(ask.trigger, digits),
        "limitprice": plain(ask.price if ask.trigger is not None else None, digits), "misc": "",
        "oflags": "fciq,post" if ask.time_in_force == "GTX" else "fciq",
    }  # fmt: skip
    if ask.client_id:
        row["cl_ord_id"] = ask.client_id
    if ask.trigger is not None:
        row["trigger"] = "index" if ask.trigger_by is TriggerBy.MARK else "last"
    if not each.is_open:
        row |= {"closetm": seconds(each.updated_ms), "reason": reason(each)}
    own = [to_text(trade.id, "T") for trade in account.trades if trade.order_id == each.id]
    if trades and own:
        row["trades"] = own
    return row


def trade(account: Account, each: Trade, market: SpotMarket) -> Row:
    owner = account.orders[each.order_id]
    return {
        "ordertxid": to_text(each.order_id, "O"), "postxid": to_text(each.order_id, "T"),
        "pair": market.id, "aclass": "forex", "time": seconds(each.at_ms),
        "type": each.side.value, "ordertype": order_type(owner),
        "price": plain(each.price, places(market.tick)),
        "cost": plain(each.price * each.quantity, 5), "fee": plain(each.fee, 5),
        "vol": plain(each.quantity), "margin": "0.00000", "leverage": "0", "misc": "",
        "trade_id": each.id % 1_000_000_000, "maker": each.is_maker, "ledgers": [],
    }  # fmt: skip


# --- accounts ----------------------------------------------------------------------------------


def balances(engine: KrakenEngine, account: Account) -> dict[str, Row]:
    """Every coin with what open orders hold of it; held coins are part of the balance."""
    return {
        asset(coin): {"balance": plain(amount, 10),
                      "hold_trade": plain(engine.held_coins(account, coin), 10)}
        for coin, amount in sorted(coins_of(account).items())
    }  # fmt: skip


def key_info(engine: KrakenEngine, account: Account, nonce: int) -> Row:
    rights = ["query-funds", "query-open-trades", "query-closed-trades", "query-ledger",
              "create-ws-token"]  # fmt: skip
    rights += ["modify-trades", "close-trades"] if account.can_trade else []
    rights += ["withdraw-funds"] if account.can_withdraw else []
    return {
        "apiKeyName": account.key, "apiKey": account.key, "nonce": str(nonce), "nonceWindow": 0,
        "permissions": rights, "iban": "AA88 N84G WOAK NMOI", "validUntil": "0", "queryFrom": "0",
        "queryTo": "0", "createdTime": "1772542900", "modifiedTime": "1772543095",
        "ipAllowlist": ["127.0.0.1"] if account.is_ip_bound else [],
        "lastUsed": str(engine.now_ms() // 1000),
    }  # fmt: skip
