"""Small files in the form of their source are read, or refused with what helps."""

from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from signalbot.domain.errors import ConfigError
from signalbot.domain.timeframe import Timeframe
from signalbot.replay.candle_files import read_candles, read_options

CASES = Path(__file__).parent / "cases"
BTC = "BTC/USDT:USDT"
NEW_YEAR_2025 = 1_735_689_600_000
NEW_YEAR_2024 = 1_704_067_200_000


class Read(NamedTuple):
    candles: int
    timeframe: Timeframe
    first_ms: int
    open: str = "42000"
    high: str = "42223.42"
    low: str = "41997.21"
    close: str = "42162.31"
    volume: str = "13.88365"
    missing: int = 0
    left_out: int = 0


MINUTES = Read(40, Timeframe.M1, NEW_YEAR_2025)
HOURS = Read(40, Timeframe.H1, NEW_YEAR_2024)
LATER = ("42589.96", "42694.12", "42556.62", "42641.67", "14.42999")
READ = {
    "binance_spot_us.csv": MINUTES._replace(candles=41),
    "bitget.csv": MINUTES,
    "bybit_mt4.csv": MINUTES._replace(candles=41),
    "bybit_v5.csv": Read(40, Timeframe.M1, 1_735_705_200_000, *LATER),
    "camel.csv": MINUTES,
    "ccxt_default.csv": MINUTES,
    "cdd_ampm.csv": Read(40, Timeframe.H1, 1_705_003_200_000, *LATER),
    "cdd_banner.csv": Read(
        39, Timeframe.H1, 1_705_006_800_000, "42641.67", "42667.64", "42621.6", "42667.41",
        "30.39803",
    ),
    "close_time_stamp.csv": MINUTES,
    "cmc.csv": Read(40, Timeframe.D1, 1_694_995_200_000, *LATER[:4], "14429990"),
    "date_and_time_columns.csv": MINUTES,
    "euro.csv": HOURS._replace(volume="13.88"),
    "histdata.csv": MINUTES,
    "hyperliquid.csv": MINUTES,
    "kraken_ohlcvt.csv": MINUTES._replace(candles=41, missing=11),
    "months_wrong_order.csv": Read(
        40, Timeframe.M1, 1_735_697_400_000, "44296.02", "44447.43", "44273.0", "44443.41",
        "12.92746",
    ),
    "mt5.csv": MINUTES,
    "pandas_index.csv": MINUTES,
    "pipe.csv": MINUTES,
    "polygon.csv": MINUTES,
    "slash.csv": HOURS,
    "sparse_1m.csv": MINUTES._replace(candles=95, missing=205),
    "tv_novolume.csv": HOURS._replace(volume="0"),
    "two_symbols_mixed.csv": MINUTES._replace(candles=20, left_out=20),
    "unfinished_last.csv": Read(
        19, Timeframe.M1, 1_735_706_400_000, "42265.32", "42349.86", "42220.65", "42329.51",
        "6.96735", left_out=1,
    ),
    "us.csv": HOURS,
    "utc_suffix.csv": HOURS,
    "yfinance_multi.csv": Read(
        38, Timeframe.D1, 1_672_531_200_000, volume="13883650000",
    ),
}  # fmt: skip
REFUSED = {
    "excel_sci.csv": ("line 2: ", "'1.73569E+12'", "--time-format"),
    "okx_1d_utc8.csv": ("line 2: ", "ts is '1672588800000'", "--time-zone Asia/Shanghai"),
    "okx_1d_utc8_named.csv": ("line 2: ", "'1672588800000'", "--time-zone Asia/Shanghai"),
    "xrp_only.csv": ("line 2: ", "'XRPUSDT'", "--symbol", "--columns"),
}


def test_every_case_has_its_result() -> None:
    """So that none is passed over."""
    assert {path.name for path in CASES.iterdir()} == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", READ)
def test_a_case_is_read(name: str) -> None:
    """All of its candles, the first of them with its time, its prices and its volume."""
    expected = READ[name]
    file = read_candles(CASES / name, BTC)
    first = file.candles[0]
    values = (first.open, first.high, first.low, first.close, first.volume)
    assert values == tuple(map(Decimal, expected[3:8]))
    assert (first.open_ms, file.timeframe) == (expected.first_ms, expected.timeframe)
    assert (len(file.candles), file.missing) == (expected.candles, expected.missing)
    assert sum(file.dropped.values()) == expected.left_out


@pytest.mark.parametrize("name", REFUSED)
def test_a_case_that_cannot_be_read_is_refused(name: str) -> None:
    """With its line, the value there, and the option that helps."""
    with pytest.raises(ConfigError) as refused:
        read_candles(CASES / name, BTC)
    for part in (name, *REFUSED[name]):
        assert part in str(refused.value)


@pytest.mark.parametrize("name", ["okx_1d_utc8.csv", "okx_1d_utc8_named.csv"])
def test_days_of_a_zone_are_read_as_days_if_asked(name: str) -> None:
    """The first opens at midnight of 2 January in Shanghai, which is 16:00 of 1 January UTC."""
    options = read_options(time_zone="Asia/Shanghai")
    file = read_candles(CASES / name, BTC, options)
    assert (len(file.candles), file.timeframe) == (40, Timeframe.D1)
    assert file.candles[0].open_ms == 1_672_588_800_000 + 8 * 3_600_000
    assert any("Asia/Shanghai" in note for note in file.notes)


def test_the_other_market_of_a_file_is_read_by_its_own_name() -> None:
    """It is left out and counted, not lost."""
    file = read_candles(CASES / "two_symbols_mixed.csv", "XRP/USDT:USDT")
    assert len(file.candles) == 20
    assert file.candles[0].close == Decimal("2.3007")
    assert file.dropped == {"of another market": 20}
