"""Candles as exchanges archive them and answer with them."""

import gzip

from tests.replay.candle_files.forms.writing import (
    HOUR,
    MINUTE,
    QUOTE,
    Form,
    answer,
    binance,
    lines,
    moment,
    rows_of,
    texts,
    zipped,
)

EXCHANGES = (
    # Exchanges' archives
    Form("binance_spot_2024.csv", MINUTE, lambda rows: binance(rows, 1_000)),
    Form("binance_spot_2025.csv", MINUTE, lambda rows: binance(rows, 1_000_000)),
    Form(
        "binance_futures.csv",
        MINUTE,
        lambda rows: (
            "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
            "taker_buy_volume,taker_buy_quote_volume,ignore\n" + binance(rows, 1_000)
        ),
    ),
    Form(
        "BTCUSDT-1m-2025-01.zip",
        MINUTE,
        lambda rows: zipped({"BTCUSDT-1m-2025-01.csv": binance(rows, 1_000_000)}),
    ),
    Form(
        "two months, ms and µs, and another market.zip",
        MINUTE,
        lambda rows: zipped(
            {
                "BTCUSDT-1m-2025-01.csv": binance(rows[20:], 1_000_000),
                "BTCUSDT-1m-2024-12.csv": binance(rows[:20], 1_000),
                "ETHUSDT-1m-2024-12.csv": binance(rows_of(MINUTE, 9, "2300"), 1_000),
                "BTCUSDT-1m-2024-12.zip.CHECKSUM": "5f3a  BTCUSDT-1m-2024-12.zip",
                "__MACOSX/._BTCUSDT-1m-2024-12.csv": "\x00\x05",
            }
        ),
    ),
    Form("kraken_ohlcvt.csv", MINUTE, lambda rows: lines("", [(*r, 7) for r in rows])),
    Form(
        "bybit_metatrader.csv.gz",
        MINUTE,
        lambda rows: gzip.compress(
            lines("", [(moment(r.t, "%Y.%m.%d %H:%M"), *r[1:]) for r in rows]).encode()
        ),
    ),
    Form(
        "bitget.csv",
        MINUTE,
        lambda rows: lines(
            "timestamp,open,high,low,close,baseVolume,quoteVolume,usdtVolume",
            [(r.t * 1000, *r[1:], r.v * r.o, r.v * r.o) for r in rows],
        ),
    ),
    Form(
        "okx_two_languages.csv",
        MINUTE,
        lambda rows: lines(
            "open_time/开盘时间,open/开盘价,high/最高价,low/最低价,close/收盘价,vol/成交量",
            [(r.t * 1000, *r[1:]) for r in rows],
        ).encode("gb18030"),
    ),
    # Answers of exchanges
    Form(
        "bybit_v5.json",
        MINUTE,
        lambda rows: answer(
            {
                "retCode": 0,
                "result": {
                    "symbol": "BTCUSDT",
                    "category": "linear",
                    "list": texts(rows, QUOTE)[::-1],
                },
            }
        ),
    ),
    Form(
        "okx.json",
        MINUTE,
        lambda rows: answer(
            {
                "code": "0",
                "msg": "",
                "data": texts(rows, lambda r: r.v, QUOTE, lambda _: 1)[::-1],
            }
        ),
    ),
    Form(
        "bitget.json",
        MINUTE,
        lambda rows: answer({"code": "00000", "data": texts(rows, QUOTE, QUOTE)}),
    ),
    Form(
        "kraken.json",
        MINUTE,
        lambda rows: answer(
            {
                "error": [],
                "result": {
                    "XXBTZUSD": [
                        [r.t, *map(str, r[1:5]), str((r.h + r.l) / 2), str(r.v), 7] for r in rows
                    ],
                    "last": 1,
                },
            }
        ),
    ),
    Form(
        "hyperliquid.json",
        MINUTE,
        lambda rows: answer(
            [
                {"t": r.t * 1000, "T": r.t * 1000 + 59_999, "s": "BTC", "i": "1m", "o": str(r.o),
                 "c": str(r.c), "h": str(r.h), "l": str(r.l), "v": str(r.v), "n": 3}
                for r in rows
            ]
        ),
    ),
    Form(
        "binance_stream.jsonl",
        MINUTE,
        lambda rows: "\n".join(
            answer({"e": "kline", "s": "BTCUSDT", "k": {
                "t": r.t * 1000, "T": r.t * 1000 + 59_999, "s": "BTCUSDT", "i": "1m", "L": 9,
                "o": str(r.o), "c": str(r.c), "h": str(r.h), "l": str(r.l), "v": str(r.v),
                "x": True, "V": "1", "Q": "2",
            }})
            for r in rows
        ),
    ),
    Form(
        "coinbase_exchange.json",
        MINUTE,
        lambda rows: answer([[r.t, *map(float, (r.l, r.h, r.o, r.c, r.v))] for r in rows[::-1]]),
    ),
    Form(
        "coinbase_advanced.json",
        MINUTE,
        lambda rows: answer(
            {
                "candles": [
                    {"start": str(r.t), "low": str(r.l), "high": str(r.h), "open": str(r.o),
                     "close": str(r.c), "volume": str(r.v)}
                    for r in rows[::-1]
                ]
            }
        ),
    ),
    Form(
        "bitfinex.json",
        MINUTE,
        lambda rows: answer(
            [[r.t * 1000, *map(float, (r.o, r.c, r.h, r.l, r.v))] for r in rows[::-1]]
        ),
    ),
    Form(
        "kucoin.json",
        MINUTE,
        lambda rows: answer(
            {
                "code": "200000",
                "data": [
                    [str(each) for each in (r.t, r.o, r.c, r.h, r.l, r.v, r.v * r.o)]
                    for r in rows[::-1]
                ],
            }
        ),
    ),
    Form(
        "gate.json",
        MINUTE,
        lambda rows: answer(
            [[str(e) for e in (r.t, r.v * r.o, r.c, r.h, r.l, r.o, r.v, "true")] for r in rows]
        ),
    ),
    Form(
        "htx.json",
        MINUTE,
        lambda rows: answer(
            {
                "ch": "market.btcusdt.kline.1min",
                "data": [
                    {"id": r.t, "open": float(r.o), "close": float(r.c), "low": float(r.l),
                     "high": float(r.h), "amount": float(r.v), "vol": float(r.v * r.o), "count": 3}
                    for r in rows[::-1]
                ],
            }
        ),
    ),
    Form(
        "mexc_futures.json",
        MINUTE,
        lambda rows: answer(
            {
                "success": True,
                "data": {
                    "time": [r.t for r in rows],
                    "open": [float(r.o) for r in rows],
                    "close": [float(r.c) for r in rows],
                    "high": [float(r.h) for r in rows],
                    "low": [float(r.l) for r in rows],
                    "vol": [float(r.v) for r in rows],
                },
            }
        ),
    ),
    Form(
        "deribit.json",
        MINUTE,
        lambda rows: answer(
            {
                "result": {
                    "ticks": [r.t * 1000 for r in rows],
                    "status": "ok",
                    "cost": [1] * len(rows),
                    **{
                        name: [float(getattr(r, name[0])) for r in rows]
                        for name in ("volume", "open", "low", "high", "close")
                    },
                }
            }
        ),
    ),
    Form(
        "oanda.json",
        HOUR,
        lambda rows: answer(
            {
                "instrument": "BTC_USD",
                "granularity": "H1",
                "candles": [
                    {"complete": True, "volume": float(r.v),
                     "time": moment(r.t, "%Y-%m-%dT%H:%M:%S.000000000Z"),
                     "mid": {key: str(getattr(r, key)) for key in "ohlc"}}
                    for r in rows
                ],
            }
        ),
    ),
)  # fmt: skip
