"""Candles as vendors and collectors of data write them."""

import bz2
from datetime import datetime

from tests.replay.candle_files.forms.writing import (
    DAY,
    HOUR,
    MINUTE,
    OHLCV,
    SHANGHAI,
    Form,
    answer,
    day,
    european,
    lines,
    moment,
    named,
    objects,
    rows_of,
)

VENDORS = (
    # Data vendors
    Form(
        "cryptodatadownload.csv",
        HOUR,
        lambda rows: (
            "https://www.CryptoDataDownload.com\n"
            + lines(
                "Unix,Date,Symbol,Open,High,Low,Close,Volume USDT,Volume BTC,tradecount",
                [
                    (r.t * 1000, moment(r.t), "BTCUSDT", *r[1:5], r.v * r.o, r.v, 99)
                    for r in rows[::-1]
                ],
            )
        ),
    ),
    Form(
        "cryptodatadownload_seconds_then_ms.csv",
        HOUR,
        lambda rows: lines(
            "unix,date,symbol,open,high,low,close,Volume BTC,Volume USDT",
            [
                (r.t * (1000 if at < 20 else 1), moment(r.t), "BTC/USDT", *r[1:5], r.v, r.v * r.o)
                for at, r in enumerate(rows[::-1])
            ],
        ),
    ),
    Form(
        "cryptodatadownload_am_pm.csv",
        HOUR,
        lambda rows: lines(
            "Date,Symbol,Open,High,Low,Close,Volume",
            [(moment(r.t, "%Y-%m-%d %I-%p"), "BTCUSD", *r[1:]) for r in rows[::-1]],
        ),
    ),
    Form(
        "tradingview.csv",
        HOUR,
        lambda rows: lines(
            "time,open,high,low,close,Volume,Volume MA,EMA,Plot,Plot",
            [
                (datetime.fromtimestamp(r.t, SHANGHAI).isoformat(), *r[1:], r.v, r.o, "NaN", "")
                for r in rows
            ],
        ),
    ),
    Form(
        "tradingview_without_volume.csv",
        HOUR,
        lambda rows: lines("time,open,high,low,close", [r[:5] for r in rows]),
        has_volume=False,
    ),
    Form(
        "tradingview_datafeed.json",
        HOUR,
        lambda rows: answer(
            {"s": "ok", "t": [r.t for r in rows]}
            | {key: [float(getattr(r, key)) for r in rows] for key in "ohlcv"}
        ),
    ),
    Form(
        "polygon.csv",
        MINUTE,
        lambda rows: lines(
            "ticker,volume,open,close,high,low,window_start,transactions",
            [("X:BTC-USD", r.v, r.o, r.c, r.h, r.l, r.t * 10**9, 8) for r in rows],
        ),
    ),
    Form(
        "polygon.json",
        MINUTE,
        lambda rows: answer(
            {
                "ticker": "X:BTCUSD",
                "results": [
                    each | {"vw": 1.5, "n": 3}
                    for each in objects(rows, v="v", o="o", c="c", h="h", l="l", t="t")
                ],
            }
        ),
    ),
    Form(
        "alpaca.json",
        MINUTE,
        lambda rows: answer(
            {
                "bars": {
                    name: [
                        {"t": moment(r.t, "%Y-%m-%dT%H:%M:%SZ"), "n": 1, "vw": 1.5}
                        | {key: float(getattr(r, key)) for key in "ohlcv"}
                        for r in market
                    ]
                    for name, market in (
                        ("ETH/USD", rows_of(MINUTE, 9, "2300")),
                        ("BTC/USD", rows),
                    )
                }
            }
        ),
    ),
    Form(
        "coinmarketcap.csv",
        DAY,
        lambda rows: lines(
            "timeOpen;timeClose;timeHigh;timeLow;name;open;high;low;close;volume;marketCap;timestamp",
            [
                (
                    f'"{day(r.t)}T00:00:00.000Z"', f'"{day(r.t)}T23:59:59.999Z"',
                    f'"{day(r.t)}T05:01:00.000Z"', f'"{day(r.t)}T07:02:00.000Z"', '"2781"',
                    *r[1:], 8_000_000, f'"{day(r.t)}T23:59:59.999Z"',
                )
                for r in rows[::-1]
            ],
            ";",
        ),
    ),
    Form(
        "coinapi.csv",
        HOUR,
        lambda rows: lines(
            "time_period_start;time_period_end;time_open;time_close;price_open;price_high;"
            "price_low;price_close;volume_traded;trades_count",
            [
                (
                    *(
                        moment(t, "%Y-%m-%dT%H:%M:%S.0000000Z")
                        for t in (r.t, r.t + HOUR, r.t + 3, r.t + HOUR - 11)
                    ),
                    *r[1:],
                    9,
                )
                for r in rows
            ],
            ";",
        ),
    ),
    Form(
        "cryptocompare.json",
        HOUR,
        lambda rows: answer(
            {
                "Response": "Success",
                "Data": {
                    "Aggregated": False,
                    "Data": [
                        {"time": r.t, "high": float(r.h), "low": float(r.l), "open": float(r.o),
                         "volumefrom": float(r.v), "volumeto": float(r.v * r.o),
                         "close": float(r.c), "conversionType": "direct"}
                        for r in rows
                    ],
                },
            }
        ),
    ),
    Form(
        "cryptoarchive.txt.bz2",
        MINUTE,
        lambda rows: bz2.compress(lines("", [(*r, 1, 2, 3, 4) for r in rows], "|").encode()),
    ),
    Form(
        "kaiko.csv",
        MINUTE,
        lambda rows: lines(
            "", [(r.t * 1000, 7 + at, *r[1:], (r.h + r.l) / 2) for at, r in enumerate(rows)]
        ),
    ),
    Form(
        "twelvedata.json",
        HOUR,
        lambda rows: answer(
            {
                "meta": {"symbol": "BTC/USD", "interval": "1h"},
                "values": [
                    {"datetime": moment(r.t), "open": str(r.o), "high": str(r.h),
                     "low": str(r.l), "close": str(r.c)}
                    for r in rows[::-1]
                ],
            }
        ),
        has_volume=False,
    ),
    Form(
        "alphavantage.csv",
        DAY,
        lambda rows: lines(f"timestamp,{OHLCV}", [(day(r.t), *r[1:]) for r in rows[::-1]]),
    ),
    Form(
        "alphavantage_two_currencies.csv",
        DAY,
        lambda rows: lines(
            "timestamp,open (CNY),high (CNY),low (CNY),close (CNY),open (USD),high (USD),"
            "low (USD),close (USD),volume,market cap (USD)",
            [(day(r.t), *(each * 7 for each in r[1:5]), *r[1:], 9) for r in rows[::-1]],
        ),
    ),
    Form(
        "alphavantage.json",
        DAY,
        lambda rows: answer(
            {
                "Meta Data": {
                    "2. Digital Currency Code": "BTC",
                    "4. Market Code": "USD",
                    "7. Time Zone": "UTC",
                },
                "Time Series (Digital Currency Daily)": {
                    day(r.t): {
                        f"{at}. {name}": str(getattr(r, name[0]))
                        for at, name in enumerate(OHLCV.split(","), start=1)
                    }
                    for r in rows[::-1]
                },
            }
        ),
    ),
    Form(
        "investing.csv",
        DAY,
        lambda rows: (
            '\ufeff"Date","Price","Open","High","Low","Vol.","Change %"\n'
            + lines(
                "",
                [
                    [
                        f'"{each}"'
                        for each in (
                            moment(r.t, "%m/%d/%Y"),
                            *(f"{price:,}" for price in (r.c, r.o, r.h, r.l)),
                            f"{r.v / 1000:.5f}K",
                            "-0.12%",
                        )
                    ]
                    for r in rows[::-1]
                ],
            )
        ),
    ),
    Form(
        "investing_german.csv",
        DAY,
        lambda rows: (
            '\ufeff"Datum","Zuletzt","Eröffn.","Hoch","Tief","Vol.","+/- %"\n'
            + lines(
                "",
                [
                    [
                        f'"{each}"'
                        for each in (
                            moment(r.t, "%d.%m.%Y"),
                            *(european(price) for price in (r.c, r.o, r.h, r.l)),
                            f"{r.v / 1000:.5f}K".replace(".", ","),
                            "-0,12%",
                        )
                    ]
                    for r in rows[::-1]
                ],
            )
        ),
    ),
    Form(
        "nasdaq.csv",
        DAY,
        lambda rows: lines(
            "Date,Close/Last,Volume,Open,High,Low",
            [
                (moment(r.t, "%m/%d/%Y"), f"${r.c}", r.v, f"${r.o}", f"${r.h}", f"${r.l}")
                for r in rows[::-1]
            ],
        ),
    ),
    Form(
        "stooq_database.txt",
        HOUR,
        lambda rows: lines(
            "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
            [("BTC.V", 60, day(r.t, "%Y%m%d"), moment(r.t, "%H%M%S"), *r[1:], 0) for r in rows],
        ),
    ),
    Form(
        "stooq_polish.csv",
        DAY,
        lambda rows: named(rows, "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen", day),
    ),
    Form(
        "histdata.csv",
        MINUTE,
        lambda rows: lines("", [(moment(r.t, "%Y%m%d %H%M%S"), *r[1:]) for r in rows], ";"),
    ),
    Form(
        "metatrader4.csv",
        MINUTE,
        lambda rows: lines(
            "", [(moment(r.t, "%Y.%m.%d"), moment(r.t, "%H:%M"), *r[1:]) for r in rows]
        ),
    ),
    Form(
        "metatrader5.csv",
        MINUTE,
        lambda rows: lines(
            "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
            [
                (moment(r.t, "%Y.%m.%d"), moment(r.t, "%H:%M:%S"), *r[1:5], 10, r.v, 1)
                for r in rows
            ],
            "\t",
        ),
    ),
    Form(
        "metatrader5_daily_counting_ticks.csv",
        DAY,
        lambda rows: lines(
            "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
            [(moment(r.t, "%Y.%m.%d"), *r[1:5], r.v, 0, 1) for r in rows],
            "\t",
        ),
    ),
    Form(
        "dukascopy.csv",
        HOUR,
        lambda rows: named(
            rows,
            "Gmt time,Open,High,Low,Close,Volume",
            lambda t: moment(t, "%d.%m.%Y %H:%M:%S.000"),
        ),
    ),
    Form(
        "dukascopy_local.csv",
        HOUR,
        lambda rows: named(
            rows,
            "Local time,Open,High,Low,Close,Volume",
            lambda t: moment(t, "%d.%m.%Y %H:%M:%S.000 GMT+0100", hours=1),
        ),
    ),
    Form(
        "jforex.csv",
        HOUR,
        lambda rows: named(
            rows,
            "Time (EET),Open,High,Low,Close,Volume ",
            lambda t: moment(t, "%Y.%m.%d %H:%M:%S", hours=2),
        ),
    ),
    Form(
        "gmt8.csv",
        HOUR,
        lambda rows: named(rows, f"candle_begin_time_GMT8,{OHLCV}", lambda t: moment(t, hours=8)),
    ),
    # Data sets
    Form(
        "kaggle_several_coins.csv",
        DAY,
        lambda rows: lines(
            "slug,symbol,name,date,ranknow,open,high,low,close,volume,market,close_ratio,spread",
            [
                each
                for r in rows
                for each in (
                    ("bitcoin", "BTC", "Bitcoin", day(r.t), 1, *r[1:], 1, 0.5, 1),
                    ("ripple", "XRP", "XRP", day(r.t), 3, 2.3, 2.4, 2.2, 2.3, 9, 1, 0.5, 1),
                )
            ],
        ),
    ),
    Form(
        "kaggle_ends_of_days.csv",
        DAY,
        lambda rows: lines(
            "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap",
            [
                (at, "Bitcoin", "BTC", f"{day(r.t)} 23:59:59", r.h, r.l, r.o, r.c, r.v, 1e9)
                for at, r in enumerate(rows, start=1)
            ],
        ),
    ),
    Form(
        "kaggle_float_seconds.csv",
        MINUTE,
        lambda rows: named(rows, "Timestamp,Open,High,Low,Close,Volume", float),
    ),
    Form(
        "kaggle_open_close_first.csv",
        MINUTE,
        lambda rows: lines(
            "time,open,close,high,low,volume",
            [(r.t * 1000, r.o, r.c, r.h, r.l, r.v) for r in rows],
        ),
    ),
)  # fmt: skip
