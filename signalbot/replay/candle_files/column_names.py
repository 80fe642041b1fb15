"""Names of columns in candle files of exchanges, vendors and programs."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from signalbot.replay.candle_files.options import ColumnRole

_NUMBERING: Final = re.compile(r"^\d+[a-z]?\.\s*")  # "1. open", "1b. open (USD)"
_CAMEL_CASE: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NON_LETTERS: Final = re.compile(r"[\W_]+")
_ZONE: Final = re.compile(r"\((?:UTC|GMT|[A-Z]{3,4}|[A-Za-z]+/[A-Za-z_/]+)[^)]*\)")
_ZONE_NAMES: Final = frozenset(("utc", "gmt", "eet", "cet", "cest", "est", "edt", "ist", "jst"))
_TWO_LANGUAGES: Final = re.compile(r"^([\x20-\x7e]+)/[^\x00-\x7f].*$")  # "open/开盘价"

OPEN_TIMES: Final = (
    "open_ms", "open_time", "opentime", "time_period_start", "time_open", "window_start",
    "start_time", "starttime", "started_at", "start_at", "start_ms", "start_date", "start",
    "bar_start", "bar_open_time", "ts_event", "time_bucket", "candle_date_time_utc",
    "kline_start_time", "kline_open_time", "open_timestamp", "open_date", "open_datetime",
    "opentime_ms", "open_time_ms", "period_start", "period_start_time", "bucket_start", "bucket",
    "candle_begin_time", "candle_start", "begin_time", "begins_at", "begin", "t",
)  # fmt: skip
"""Columns of the open time, most specific first."""

TIMES: Final = (
    "timestamp", "unix", "unix_timestamp", "unix_time", "unixtime", "timestamp_ms", "time_ms",
    "epoch", "ts", "mts", "datetime", "date_time", "utc", "utc_time", "time_utc", "datetime_utc",
    "date_utc", "gmt_time", "date", "dtyyyymmdd", "time", "dt", "tradingday", "trading_day",
    "trade_date", "day",
    "candle_time", "bar_time", "kline_time", "local_time", "datum", "fecha", "data", "дата", "日期",
    "时间", "交易时间", "날짜", "日付け", "日付", "ticks", "created_at", "index", "level_0",
    "unnamed_0", "", "id",
)  # fmt: skip
"""Columns of a time that is the open time unless the values show otherwise."""

COUNTS: Final = frozenset(("", "id", "index", "level_0", "unnamed_0"))
"""Names of columns that hold times or row numbers."""

CLOSE_TIMES: Final = (
    "close_ms", "close_time", "closetime", "time_close", "time_period_end", "window_end",
    "end_time", "endtime", "end_at", "end_ms", "end_date", "end", "kline_close_time",
    "close_timestamp", "close_date", "close_datetime", "close_time_ms", "period_end",
    "period_end_time", "candle_end_time",
)  # fmt: skip
"""Columns of the close time."""

PRICE_NAMES: Final[Mapping[ColumnRole, tuple[str, ...]]] = {
    ColumnRole.OPEN: (
        "open", "o", "open_price", "price_open", "opening_price", "first", "eröffn", "eröffnung",
        "eröffnungskurs", "apertura", "ouverture", "ouv", "abertura", "otwarcie", "цена_откр",
        "откр", "开盘", "开盘价", "시가", "始値", "öppning",
    ),
    ColumnRole.HIGH: (
        "high", "h", "high_price", "price_high", "highest", "highest_price", "max", "maximum",
        "hoch", "tageshoch", "máximo", "máxima", "massimo", "plus_haut", "haut", "najwyzszy",
        "najwyższy",
        "макс", "最高", "最高价", "고가", "高値", "yüksek",
    ),
    ColumnRole.LOW: (
        "low", "l", "low_price", "price_low", "lowest", "lowest_price", "min", "minimum", "tief",
        "tagestief", "mínimo", "mínima", "minimo", "plus_bas", "bas", "najnizszy", "najniższy",
        "мин", "最低",
        "最低价", "저가", "安値", "düşük",
    ),
    ColumnRole.CLOSE: (
        "close", "c", "close_price", "price_close", "closing_price", "close_last",
        "trade_price", "last", "last_price", "price", "zuletzt", "schluss", "schlusskurs",
        "último", "cierre", "dernier",
        "clôture", "ultimo", "chiusura", "fechamento", "zamkniecie", "zamknięcie", "цена", "收盘",
        "收盘价", "종가", "終値", "şimdi",
    ),
}  # fmt: skip
VOLUMES: Final = (
    "volume", "vol", "v", "base_volume", "volume_base", "basevolume", "basevol", "base_vol",
    "volume_from", "volumefrom", "volume_traded", "traded_volume", "base_asset_volume",
    "trade_volume", "total_volume", "base_token_volume", "candle_acc_trade_volume",
    "wolumen", "volumen", "объём", "объем", "成交量", "거래량",
    "vol_ccy", "amount", "size", "qty",
)  # fmt: skip
"""Volumes in coins, or in the exchange's unit."""

QUOTE_VOLUMES: Final = (
    "quote_volume", "volume_quote", "quote_vol", "quote_asset_volume", "volume_to", "volumeto",
    "turnover", "vol_ccy_quote", "vol_quote", "usdt_volume", "usd_volume", "volume_currency",
)  # fmt: skip
TICK_VOLUMES: Final = ("tickvol", "tick_vol", "tick_volume", "total_ticks", "tick_count")

ALL_TIMES: Final = frozenset((*OPEN_TIMES, *TIMES, *CLOSE_TIMES))

SYMBOLS: Final = (
    "symbol", "ticker", "pair", "instrument", "instrument_name", "instrument_id", "inst_id",
    "market", "market_id", "product_id", "product", "currency_pair", "trading_pair", "tic", "sym",
    "s", "contract", "exchange_symbol", "asset_pair", "ticker_symbol", "market_name",
)  # fmt: skip
"""Columns of the market."""

MAYBE_SYMBOLS: Final = (
    "name", "code", "coin", "asset", "asset_id", "crypto", "crypto_name", "coin_name", "coin_id",
    "currency", "slug", "base", "base_currency", "base_asset", "cryptocurrency",
)  # fmt: skip
"""Columns that may hold the market."""

INTERVALS: Final = (
    "interval", "timeframe", "time_frame", "resolution", "granularity", "per", "period", "bar",
    "i", "kline_interval", "frequency",
)  # fmt: skip
CLOSED_FLAGS: Final = (
    "confirm", "confirmed", "is_confirmed", "x", "closed", "is_closed", "final", "is_final",
    "complete", "is_complete", "finished", "is_finished",
)  # fmt: skip

CORE_NAMES: Final[Mapping[str, ColumnRole]] = {
    "open": ColumnRole.OPEN,
    "high": ColumnRole.HIGH,
    "low": ColumnRole.LOW,
    "close": ColumnRole.CLOSE,
    "o": ColumnRole.OPEN,
    "h": ColumnRole.HIGH,
    "l": ColumnRole.LOW,
    "c": ColumnRole.CLOSE,
    "volume": ColumnRole.VOLUME,
    "vol": ColumnRole.VOLUME,
}
"""Names that may be joined with a currency, a market or a side of the book."""

CAPITAL_NAMES: Final[Mapping[str, str]] = {
    "T": "close_time",
    "L": "last_trade_id",
    "V": "taker_volume",
}
"""Single capital letters that exchanges use with another meaning than the small ones."""


def plain_name(name: str) -> str:
    """Normalize a name to lower case and underscores: ``openTime`` equals ``Open time``.

    A single letter keeps its case: ``T`` is not ``t``.
    """
    name = name.strip().strip("\ufeff\"'<>*# ")
    if found := _TWO_LANGUAGES.match(name):
        name = found[1]
    name = _NUMBERING.sub("", name)
    if len(name) == 1:
        return name
    return _NON_LETTERS.sub("_", _CAMEL_CASE.sub("_", name)).strip("_").lower()


def core_of(name: str) -> str | None:
    """Return the price a name stands for, despite a side or currency: ``mid_o``, ``open (USD)``."""
    plain = plain_name(name)
    for role, names in PRICE_NAMES.items():
        if plain in names:
            return role.value
    parts = plain.split("_")
    if plain in ALL_TIMES or "time" in parts:
        return None
    return next((CORE_NAMES[part].value for part in parts if part in CORE_NAMES), None)


def name_prices(names: Iterable[str]) -> bool:
    """Whether the names include open, high, low and close."""
    return {"open", "high", "low", "close"} <= {core_of(name) for name in names}


def column_name(name: str) -> str:
    """Return the plain name; a time loses its zone: ``candle_time_utc``, ``Date (EET)``."""
    plain = plain_name(name)
    if plain in ALL_TIMES:
        return plain
    bare = plain_name(_ZONE.sub("", name))
    parts = bare.split("_")
    if parts[0] in _ZONE_NAMES:
        bare = "_".join(parts[1:])
    for at in range(1, len(parts)):
        word = parts[at].rstrip("0123456789")
        if word in _ZONE_NAMES and all(part.isdecimal() for part in parts[at + 1 :]):
            bare = "_".join(parts[:at])
    return bare if bare in ALL_TIMES and bare else plain
