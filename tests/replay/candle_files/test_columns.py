"""Every column is found by its name, and what may be several columns is refused."""

from pathlib import Path

import pytest

from tests.replay.candle_files.reading import FIRST_S, read, refusal, shape, table

VALUES = "10,12,9,11"


@pytest.mark.parametrize(
    "header",
    [
        "timestamp,open,high,low,close,volume",
        "Open time,Open,High,Low,Close,Volume",
        "openTime,openPrice,highPrice,lowPrice,closePrice,baseVolume",
        "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>",
        "t,o,h,l,c,v",
        "Date,O,H,L,C,V",
        "time_open,price_open,price_high,price_low,price_close,volume_traded",
        "Timestamp (ms),Opening price,Highest price,Lowest price,Closing price,Vol.",
        "ts,Open (USDT),High (USDT),Low (USDT),Close (USDT),Volume (BTC)",
        "ts,open_btcusdt,high_btcusdt,low_btcusdt,close_btcusdt,volume_btcusdt",
        "unix,1. open,2. high,3. low,4. close,5. volume",
        "Fecha,Apertura,Máximo,Mínimo,Cierre,Volumen",
        "Datum,Eröffn.,Hoch,Tief,Schluss,Volumen",
        "Date,Ouv.,+ Haut,+ Bas,Dernier,Vol.",
        "日期,开盘,最高,最低,收盘,成交量",
    ],
)
def test_columns_are_known_by_many_names(tmp_path: Path, header: str) -> None:
    """Of exchanges, vendors, programs and languages."""
    file = read(tmp_path, table(header, f"{{t}},{VALUES},5"))
    assert shape(file) == ("10", "12", "9", "11", "5")
    assert file.candles[0].open_ms == FIRST_S * 1000


@pytest.mark.parametrize(
    ("header", "row", "volume"),
    [
        ("t,o,h,l,c,vol,amount", "7,8", "7"),
        ("t,o,h,l,c,Volume USDT,Volume BTC", "7,8", "8"),
        ("t,o,h,l,c,Volume BTC,Volume USDT", "7,8", "7"),
        ("t,o,h,l,c,quote_volume,volume", "7,8", "8"),
        ("t,o,h,l,c,turnover", "7", "7"),
        ("ts,o,h,l,c,vol,volCcy,volCcyQuote", "700,7,300000", "7"),  # OKX, a contract
        ("ts,o,h,l,c,vol,volCcy,volCcyQuote", "7,300000,300000", "7"),  # OKX, spot
        ("t,o,h,l,c,tickvol,vol", "7,8", "8"),
        ("t,o,h,l,c,tickvol,vol", "7,0", "7"),
        ("t,o,h,l,c,Volume MA,Volume", "7,8", "8"),
        ("t,o,h,l,c,V,v", "7,8", "8"),
    ],
)
def test_the_volume_is_that_in_coins(tmp_path: Path, header: str, row: str, volume: str) -> None:
    """Where there is one."""
    assert shape(read(tmp_path, table(header, f"{{t}},{VALUES},{row}")))[-1] == volume


@pytest.mark.parametrize(
    ("header", "row", "shown"),
    [
        ("t,open,high,low,close,Adj Close", f"{VALUES},99", ("10", "12", "9", "11", "0")),
        ("t,open,high,low,close,open_interest", f"{VALUES},99", ("10", "12", "9", "11", "0")),
        ("t,T,o,c,h,l,L,v,V", "{t}999,10,11,12,9,77,5,4", ("10", "12", "9", "11", "5")),
        ("t,open,high,low,close,close", f"{VALUES},11", ("10", "12", "9", "11", "0")),
    ],
)
def test_what_only_sounds_like_a_price_is_none(
    tmp_path: Path, header: str, row: str, shown: tuple[str, ...]
) -> None:
    """Adjusted prices, interest, the numbers of trades that exchanges call L."""
    assert shape(read(tmp_path, table(header, f"{{t}},{row}"))) == shown


def test_the_time_of_a_candle_is_its_open_among_others(tmp_path: Path) -> None:
    """CoinAPI's ``time_open`` is that of the first trade; its period begins before."""
    header = "time_period_start,time_open,time_close,open,high,low,close"
    row = f"{{t}},{FIRST_S + 3},{FIRST_S + 9},{VALUES}"
    assert read(tmp_path, table(header, row)).candles[0].open_ms == FIRST_S * 1000


def test_a_time_that_never_changes_is_that_of_no_candle(tmp_path: Path) -> None:
    """Databases write the bounds of the query beside each row."""
    header = "result,table,_start,_stop,_time,open,high,low,close"
    row = f"_result,0,2021-12-01T00:00:00Z,2022-02-01T00:00:00Z,2022-01-01T0{{n}}:00:00Z,{VALUES}"
    above = "#group,false,true,true,false,false,false,false,false\n"
    assert (
        read(tmp_path, above + table(header, row)).candles[3].open_ms // 1000 == FIRST_S + 3 * 3600
    )


def test_a_column_of_ends_may_be_named(tmp_path: Path) -> None:
    """BitMEX stamps a candle with its end, and nothing in its answer tells."""
    text = table("timestamp,open,high,low,close", f"{{t}},{VALUES}")
    file = read(tmp_path, text, columns="close_time=timestamp")
    assert file.candles[0].open_ms // 1000 == FIRST_S - 3600


def test_a_date_and_a_time_of_day_are_one_time(tmp_path: Path) -> None:
    """Written with colons, as six digits, as four, or as the hour alone."""
    for clock in ("{n:02}:00", "{n:02}:00:00", "{n:02}0000", "{n:02}00"):
        file = read(tmp_path, table("Date,Time,o,h,l,c", f"2022-01-01,{clock},{VALUES}"))
        assert [each.open_ms // 1000 for each in file.candles] == [
            FIRST_S + at * 3600 for at in range(4)
        ]
    hours = read(tmp_path, table("date,hour,o,h,l,c", f"20220101,{{n}},{VALUES}"))
    assert hours.candles[3].open_ms // 1000 == FIRST_S + 3 * 3600


def test_bare_digits_of_a_time_of_day_may_be_refused(tmp_path: Path) -> None:
    """100 is one o'clock, or one minute past midnight."""
    told = refusal(tmp_path, table("Date,Time,o,h,l,c", f"2022-01-01,{{n}}00,{VALUES}"))
    assert "f.csv: line 2: the time of day '000' may be" in told
    assert "--time-format" in told


def test_prices_of_two_sides_are_refused(tmp_path: Path) -> None:
    """Bid or ask: the option that decides is shown, and then it does."""
    header = "t,BidOpen,BidHigh,BidLow,BidClose,AskOpen,AskHigh,AskLow,AskClose"
    text = table(header, f"{{t}},{VALUES},20,22,19,21")
    told = refusal(tmp_path, text)
    assert "several columns may be the open: BidOpen, AskOpen: set --columns open=BidOpen" in told
    chosen = "open=AskOpen,high=AskHigh,low=AskLow,close=AskClose"
    assert shape(read(tmp_path, text, columns=chosen))[:4] == ("20", "22", "19", "21")


def test_two_columns_of_one_name_are_refused_if_they_differ(tmp_path: Path) -> None:
    """A chart with two markets is exported so."""
    told = refusal(tmp_path, table("t,open,high,low,close,close", f"{{t}},{VALUES},12"))
    assert "columns 5 and 6 are both named 'close'" in told
    assert "--columns close=5" in told


def test_prices_in_a_currency_that_was_not_asked_for_are_refused(tmp_path: Path) -> None:
    """Seven times as much is another price."""
    header = "t,open (CNY),high (CNY),low (CNY),close (CNY)"
    assert "prices are in CNY, not in USDT" in refusal(tmp_path, table(header, f"{{t}},{VALUES}"))


def test_columns_of_another_market_are_refused(tmp_path: Path) -> None:
    """pandas writes the market above or below the name."""
    text = "Price,Open,High,Low,Close\nTicker" + ",ETH-USD" * 4 + "\nDate,,,,\n"
    told = refusal(tmp_path, text + table("", f"{{t}},{VALUES}"))
    assert "columns of ETH-USD; none is BTC/USDT:USDT (--symbol)" in told


@pytest.mark.parametrize(
    "columns",
    [
        "time,open,high,low,close,-,volume",
        "time=1,open=2,high=3,low=4,close=5,volume=7",
        "open=first thing,volume=Traded",
    ],
)
def test_the_user_may_say_which_column_is_which(tmp_path: Path, columns: str) -> None:
    """All in their order, or single ones by place or name."""
    text = table("when,first thing,high,low,close,-,traded", f"{{t}},{VALUES},x,5")
    text = text.replace("when", "time")
    assert shape(read(tmp_path, text, columns=columns)) == ("10", "12", "9", "11", "5")


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With what the header reads."""
    text = table("t,o,h,l,c", f"{{t}},{VALUES}")
    assert "--columns close=Last: not in the header: t, o, h, l, c" in refusal(
        tmp_path, text, columns="close=Last"
    )
    assert "--columns close=9: the table has 5 columns" in refusal(
        tmp_path, text, columns="close=9"
    )


def test_rows_with_a_name_before_them_are_not_shifted(tmp_path: Path) -> None:
    """R and pandas name all columns but that of the rows."""
    file = read(tmp_path, table("t,o,h,l,c,v", f"{{n}},{{t}},{VALUES},5"))
    assert shape(file) == ("10", "12", "9", "11", "5")
    assert any("is taken for a row's name" in note for note in file.notes)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("t,symbol,o,h,l,c", f"{{t}},BTCUSDT,{VALUES}"),
        ("t,exchange,market,o,h,l,c", f"{{t}},binance,spot,{VALUES}"),
        ("t,name,o,h,l,c", f"{{t}},2781,{VALUES}"),
        ("t,currency,o,h,l,c", f"{{t}},USD,{VALUES}"),
        ("t,coin,o,h,l,c", f"{{t}},Bitcoin,{VALUES}"),
    ],
)
def test_a_column_that_names_no_other_market_is_no_reason_to_refuse(
    tmp_path: Path, header: str, row: str
) -> None:
    """The market itself, an exchange, a kind of market, an id, a currency."""
    assert len(read(tmp_path, table(header, row)).candles) == 4


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("t,symbol,o,h,l,c", f"{{t}},ETHUSDT,{VALUES}"),
        ("t,coin,o,h,l,c", f"{{t}},ETH,{VALUES}"),
        ("t,name,o,h,l,c", f"{{t}},Ethereum,{VALUES}"),
        ("t,instId,o,h,l,c", f"{{t}},BTC-USDT-240329,{VALUES}"),
        ("t,asset_id,o,h,l,c", f"{{t}},{{n}},{VALUES}"),
        ("t,ticker,o,h,l,c", f"{{t}},BTCEUR,{VALUES}"),
    ],
)
def test_a_file_without_the_market_is_refused(tmp_path: Path, header: str, row: str) -> None:
    """With its line, what stands there, and the options that help."""
    told = refusal(tmp_path, table(header, row))
    assert "f.csv: line 2: column" in told
    assert "no row of BTC/USDT:USDT (--symbol); --columns symbol=- ignores" in told


def test_what_a_file_says_is_nothing_to_a_terminal(tmp_path: Path) -> None:
    """Names and values of a stranger's file are shown without what a terminal would obey."""
    red = "\x1b[31m"
    for text in (
        table(f"t,{red}o,h,l,c", f"{{t}},{VALUES}"),
        table("t,symbol,o,h,l,c", f"{{t}},{red}ETHUSDT,{VALUES}"),
    ):
        told = refusal(tmp_path, text)
        assert "\\x1b[31m" in told
        assert "\x1b" not in told
    other = table("", f"{{t}},{red}ETHUSDT,{VALUES}")
    file = read(tmp_path, table("t,symbol,o,h,l,c", f"{{t}},BTCUSDT,{VALUES}") + other)
    assert all(note.isprintable() for note in file.notes)


def test_names_of_two_markets_that_may_be_meant_are_refused(tmp_path: Path) -> None:
    """Neither dollar is nearer than the other."""
    text = table("t,symbol,o,h,l,c", f"{{t}},BTCUSD,{VALUES}")
    told = refusal(tmp_path, text + table("", f"{{t}},BTCUSDC,{VALUES}"))
    assert "line 6: column 'symbol' has 'BTCUSD', 'BTCUSDC', of which several match" in told


def test_candles_of_several_lengths_are_refused(tmp_path: Path) -> None:
    """A dump of everything is no series."""
    text = table("t,interval,o,h,l,c", f"{{t}},1h,{VALUES}") + f"{FIRST_S},1m,{VALUES}\n"
    assert "line 6: several timeframes (1h, 1m)" in refusal(tmp_path, text)


def test_days_of_a_spreadsheet_may_have_decimal_commas(tmp_path: Path) -> None:
    """As a German Excel saves hours."""
    rows = "".join(
        f"{45292 + at / 24:.6f};42000,5;42100,5;41900,5;42000,5\n".replace(".", ",")
        for at in range(4)
    )
    file = read(tmp_path, "Date;Open;High;Low;Close\n" + rows)
    assert [each.open_ms for each in file.candles] == [
        1_704_067_200_000 + at * 3_600_000 for at in range(4)
    ]
