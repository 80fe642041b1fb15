"""Binance's market data: candles, prices, brackets, and the rules of every symbol."""

from tests.venue.binance_limits import FUTURES
from tests.venue.binance_shapes import JSON
from tests.venue.candles import Candle
from tests.venue.engine import Engine
from tests.venue.funding import EIGHT_HOURS_MS
from tests.venue.model import Market


def kline(candle: Candle) -> JSON:
    """A row of ``klines``."""
    return [
        candle.open_ms, candle.open, candle.high, candle.low, candle.close, candle.volume,
        candle.close_ms - 1, candle.volume * candle.close, 100, candle.volume / 2,
        candle.volume * candle.close / 2, "0",
    ]  # fmt: skip


def brackets(market: Market) -> JSON:
    floors = [0, *(int(each.cap) for each in market.brackets)]
    return {
        "symbol": market.id,
        "notionalCoef": 1.5,
        "brackets": [
            {"bracket": number, "initialLeverage": min(each.leverage, market.max_leverage),
             "notionalCap": int(each.cap), "notionalFloor": floor,
             "maintMarginRatio": float(each.ratio), "cum": float(each.cum)}
            for number, (each, floor) in enumerate(zip(market.brackets, floors, strict=False), 1)
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
        "rateLimits": FUTURES.rows(),
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


def funding_info(engine: Engine) -> JSON:
    """Contracts that are settled in other steps than eight hours, and only those."""
    plan = engine.funding
    if plan is None or plan.every_ms == EIGHT_HOURS_MS:
        return []
    return [
        {
            "symbol": symbol, "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": plan.every_ms // 3_600_000, "disclaimer": False,
        }
        for symbol in plan.rates
    ]  # fmt: skip


def premium(engine: Engine, symbol: str) -> JSON:
    now_ms, mark = engine.now_ms(), engine.marks[symbol]
    return {
        "symbol": symbol, "markPrice": mark, "indexPrice": mark, "estimatedSettlePrice": mark,
        "lastFundingRate": "0.00010000", "interestRate": "0.00010000",
        "nextFundingTime": engine.next_funding_ms(), "time": now_ms,
    }  # fmt: skip
