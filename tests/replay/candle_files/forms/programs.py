"""Candles as programs and spreadsheets write them."""

from tests.replay.candle_files.forms.writing import (
    DAY,
    HOUR,
    MINUTE,
    OHLCV,
    Form,
    answer,
    day,
    european,
    lines,
    moment,
    named,
    objects,
)

PROGRAMS = (
    # Programs
    Form(
        "ccxt.json",
        MINUTE,
        lambda rows: answer([[r.t * 1000, *map(float, r[1:])] for r in rows]),
    ),
    Form(
        "ccxt_without_header.csv",
        MINUTE,
        lambda rows: lines("", [(r.t * 1000, *r[1:]) for r in rows]),
    ),
    Form(
        "ccxt_numbered.csv",
        MINUTE,
        lambda rows: lines(
            ",0,1,2,3,4,5", [(at, r.t * 1000, *r[1:]) for at, r in enumerate(rows)]
        ),
    ),
    Form(
        "yfinance.csv",
        DAY,
        lambda rows: lines(
            "Date,Open,High,Low,Close,Adj Close,Volume",
            [(day(r.t), *r[1:5], r.c / 2, r.v) for r in rows],
        ),
    ),
    Form(
        "yfinance_hours.csv",
        HOUR,
        lambda rows: named(
            rows, "Datetime,Open,High,Low,Close,Volume", lambda t: moment(t) + "+00:00"
        ),
    ),
    Form(
        "yfinance_levels.csv",
        DAY,
        lambda rows: (
            "Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume\n"
            "Ticker" + ",BTC-USD,ETH-USD" * 5 + "\nDate" + "," * 10 + "\n"
        )
        + lines(
            "", [(day(r.t), r.c, 2, r.h, 3, r.l, 1, r.o, 2, r.v, 5) for r in rows]
        ),
    ),
    Form(
        "yfinance_by_ticker.csv",
        DAY,
        lambda rows: (
            "Ticker" + ",ETH-USD" * 5 + ",BTC-USD" * 5 + "\nPrice"
            + ",Open,High,Low,Close,Volume" * 2 + "\nDate" + "," * 10 + "\n"
        )
        + lines("", [(day(r.t), 2, 3, 1, 2, 5, *r[1:]) for r in rows]),
    ),
    Form(
        "yfinance_before_0_2_51.csv",
        DAY,
        lambda rows: (
            ",Adj Close,Close,High,Low,Open,Volume\n" + ",BTC-USD" * 6 + "\nDate" + "," * 6 + "\n"
        )
        + lines("", [(day(r.t), r.c / 2, r.c, r.h, r.l, r.o, r.v) for r in rows]),
    ),
    Form(
        "yahoo.json",
        DAY,
        lambda rows: answer(
            {
                "chart": {
                    "result": [
                        {
                            "meta": {"currency": "USD", "symbol": "BTC-USD"},
                            "timestamp": [r.t for r in rows],
                            "indicators": {
                                "quote": [
                                    {
                                        name: [float(getattr(r, name[0])) for r in rows]
                                        for name in OHLCV.split(",")
                                    }
                                ],
                                "adjclose": [{"adjclose": [1.0] * len(rows)}],
                            },
                        }
                    ],
                    "error": None,
                }
            }
        ),
    ),
    Form(
        "pandas_index.csv",
        MINUTE,
        lambda rows: named(rows, f",{OHLCV}", lambda t: moment(t) + "+00:00"),
    ),
    Form(
        "pandas_counted.csv",
        HOUR,
        lambda rows: lines(
            f",date,{OHLCV}", [(at, moment(r.t), *r[1:]) for at, r in enumerate(rows)]
        ),
    ),
    Form(
        "pandas_columns.json",
        MINUTE,
        lambda rows: answer(
            {
                name: {str(r.t * 1000): float(getattr(r, name[0])) for r in rows}
                for name in OHLCV.split(",")
            }
        ),
    ),
    Form(
        "pandas_split.json",
        MINUTE,
        lambda rows: answer(
            {
                "columns": OHLCV.split(","),
                "index": [r.t * 1000 for r in rows],
                "data": [list(map(float, r[1:])) for r in rows],
            }
        ),
    ),
    Form(
        "records.jsonl",
        MINUTE,
        lambda rows: "\n".join(
            map(
                answer,
                objects(
                    rows, t="timestamp", o="open", h="high", l="low", c="close", v="volume"
                ),
            )
        ),
    ),
    Form(
        "polars.csv",
        HOUR,
        lambda rows: named(
            rows, f"open_time,{OHLCV}", lambda t: moment(t, "%Y-%m-%dT%H:%M:%S.000000")
        ),
    ),
    Form(
        "r_with_row_names.csv",
        HOUR,
        lambda rows: lines(
            '"time","open","high","low","close","volume"',
            [(f'"{at}"', moment(r.t), *r[1:]) for at, r in enumerate(rows, start=1)],
        ),
    ),
    # Spreadsheets
    Form(
        "excel_days.csv",
        HOUR,
        lambda rows: named(
            rows,
            "Date,Open,High,Low,Close,Volume",
            lambda t: round(t / DAY + 25_569, 10),
        ),
    ),
    Form(
        "excel_german.csv",
        HOUR,
        lambda rows: (
            "sep=;\n"
            + lines(
                "Datum;Eröffnung;Hoch;Tief;Schluss;Volumen",
                [(moment(r.t, "%d.%m.%Y %H:%M"), *map(european, r[1:])) for r in rows],
                ";",
            )
        ).encode("cp1252"),
    ),
    Form(
        "excel_unicode.txt",
        HOUR,
        lambda rows: lines(
            "Date\tOpen\tHigh\tLow\tClose\tVolume",
            [(moment(r.t), *r[1:]) for r in rows],
            "\t",
        ).encode("utf-16"),
    ),
    Form(
        "excel_american.csv",
        HOUR,
        lambda rows: named(
            rows,
            "Date,Open,High,Low,Close,Volume",
            lambda t: moment(t, "%m/%d/%Y %I:%M:%S %p"),
        ),
    ),
    Form(
        "quoted_decimal_commas.csv",
        HOUR,
        lambda rows: lines(
            "Date,Open,High,Low,Close,Volume",
            [(moment(r.t), *(f'"{european(each)}"' for each in r[1:])) for r in rows],
        ),
    ),
)  # fmt: skip
