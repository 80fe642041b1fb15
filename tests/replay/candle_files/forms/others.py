"""Candles as exchanges, vendors and databases write them that fewer people use."""

from tests.replay.candle_files.forms.writing import (
    DAY,
    HOUR,
    MINUTE,
    Form,
    answer,
    lines,
    moment,
)

ISO = "%Y-%m-%dT%H:%M:%S"

OTHERS = (
    Form(
        "dydx.json",
        HOUR,
        lambda rows: answer({"candles": [
            {"startedAt": moment(r.t, f"{ISO}.000Z"), "ticker": "BTC-USD", "resolution": "1HOUR",
             "low": str(r.l), "high": str(r.h), "open": str(r.o), "close": str(r.c),
             "baseTokenVolume": str(r.v), "usdVolume": "1", "startingOpenInterest": "1"}
            for r in rows[::-1]
        ]}),
    ),
    Form(
        "upbit.json",
        MINUTE,
        lambda rows: answer([
            {"market": "USDT-BTC", "candle_date_time_utc": moment(r.t, ISO),
             "candle_date_time_kst": moment(r.t, ISO, hours=9), "opening_price": float(r.o),
             "high_price": float(r.h), "low_price": float(r.l), "trade_price": float(r.c),
             "timestamp": r.t * 1000 + 58_123, "candle_acc_trade_price": 1.0,
             "candle_acc_trade_volume": float(r.v), "unit": 1}
            for r in rows[::-1]
        ]),
    ),
    Form(
        "ascendex.json",
        MINUTE,
        lambda rows: answer({"code": 0, "data": [
            {"m": "bar", "s": "BTC/USDT", "data": {
                "i": "1", "ts": r.t * 1000, "o": str(r.o), "c": str(r.c), "h": str(r.h),
                "l": str(r.l), "v": str(r.v)}}
            for r in rows
        ]}),
    ),
    Form(
        "coinex.json",
        MINUTE,
        lambda rows: answer({"code": 0, "data": [
            {"market": "BTCUSDT", "created_at": r.t * 1000, "open": str(r.o), "close": str(r.c),
             "high": str(r.h), "low": str(r.l), "volume": str(r.v), "value": "1"}
            for r in rows
        ]}),
    ),
    Form(
        "whitebit.json",
        MINUTE,
        lambda rows: answer({"success": True, "result": [
            [r.t, *map(str, (r.o, r.c, r.h, r.l, r.v, r.v * r.o))] for r in rows
        ]}),
    ),
    Form(
        "tiingo.json",
        HOUR,
        lambda rows: answer([{
            "ticker": "btcusd", "baseCurrency": "btc", "quoteCurrency": "usd", "priceData": [
                {"date": moment(r.t, f"{ISO}+00:00"), "open": float(r.o), "high": float(r.h),
                 "low": float(r.l), "close": float(r.c), "volume": float(r.v), "tradesDone": 3}
                for r in rows
            ],
        }]),
    ),
    Form(
        "databento.csv",
        HOUR,
        lambda rows: lines(
            "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol",
            [(r.t * 10**9, 33, 1, 5, *r[1:], "BTCUSDT") for r in rows],
        ),
    ),
    Form(
        "barchart.csv",
        DAY,
        lambda rows: lines(
            "Time,Open,High,Low,Last,Change,%Chg,Volume",
            [(moment(r.t, "%m/%d/%Y"), *r[1:5], 1, "0.1%", r.v) for r in rows[::-1]],
        ),
    ),
    Form(
        "sierra_chart.txt",
        MINUTE,
        lambda rows: lines(
            "Date, Time, Open, High, Low, Last, Volume, NumberOfTrades, BidVolume, AskVolume",
            [
                (moment(r.t, "%Y/%m/%d"), moment(r.t, " %H:%M:%S.000000"), *r[1:], 5, 1, 2)
                for r in rows
            ],
        ),
    ),
    Form(
        "finam.csv",
        MINUTE,
        lambda rows: lines(
            "<TICKER>;<PER>;<DATE>;<TIME>;<OPEN>;<HIGH>;<LOW>;<CLOSE>;<VOL>",
            [
                ("BTCUSD", 1, moment(r.t, "%Y%m%d"), moment(r.t, "%H%M%S"), *r[1:])
                for r in rows
            ],
            ";",
        ),
    ),
    Form(
        "influxdb.csv",
        HOUR,
        lambda rows: (
            "#group,false,false,true,true,false,false,false,false,false,false\n"
            "#datatype,string,long,dateTime,dateTime,dateTime,double,double,double,double,double\n"
            "#default,_result,,,,,,,,,\n"
        ) + lines(
            ",result,table,_start,_stop,_time,close,high,low,open,volume",
            [
                ("", "", 0, "2023-01-01T00:00:00Z", "2025-01-01T00:00:00Z",
                 moment(r.t, f"{ISO}Z"), r.c, r.h, r.l, r.o, r.v)
                for r in rows
            ],
        ),
    ),
)  # fmt: skip
