"""Whatever the form, a file gives the candles that were written, or it is refused: never others."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.errors import ConfigError
from signalbot.domain.timeframe import Timeframe
from signalbot.replay.candle_files import read_candles
from tests.replay.candle_files.reading import BTC

Row = tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal]

FIRST_MS = 1_230_768_000_000  # 2009-01-01


def _local(form: str, hours: int = 0) -> Callable[[int], str]:
    zone = timezone(timedelta(hours=hours))
    return lambda ms: datetime.fromtimestamp(ms / 1000, zone).strftime(form)


TIMES: tuple[Callable[[int], str], ...] = (
    lambda ms: str(ms // 1000),
    str,
    lambda ms: str(ms * 1000),
    lambda ms: str(ms * 1_000_000),
    lambda ms: f"{ms / 1000:.1f}",
    _local("%Y-%m-%d %H:%M:%S"),
    _local("%Y-%m-%dT%H:%M:%SZ"),
    _local("%Y-%m-%dT%H:%M:%S+0300", 3),
    _local("%d.%m.%Y %H:%M"),
    _local("%m/%d/%Y %H:%M"),
    _local("%d/%m/%Y %H:%M"),
    _local("%m/%d/%Y %I:%M %p"),
    _local("%Y%m%d %H%M%S"),
    _local("%d-%b-%Y %H:%M"),
)
HEADERS = (
    "timestamp,open,high,low,close,volume",
    "close,time,volume,high,low,open",
    "n,date,o,c,h,l,v",
    "",
)
KEYS = {"timestamp": 0, "time": 0, "date": 0, "open": 1, "o": 1, "high": 2, "h": 2, "low": 3,
        "l": 3, "close": 4, "c": 4, "volume": 5, "v": 5}  # fmt: skip


@dataclass(frozen=True)
class Dialect:
    header: str
    time: Callable[[int], str]
    separator: str
    decimal: str
    thousands: str
    is_newest_first: bool
    is_quoted: bool

    def number(self, value: Decimal) -> str:
        text = f"{value:,.2f}" if self.thousands else f"{value:.2f}"
        signs = {",": self.thousands, ".": self.decimal}
        return "".join(signs.get(letter, letter) for letter in text)

    def write(self, rows: list[Row]) -> str:
        names = (self.header or HEADERS[0]).split(",")
        lines = [self.separator.join(names)] if self.header else []
        ordered = rows[::-1] if self.is_newest_first else rows
        for count, row in enumerate(ordered):
            lines.append(self.separator.join(self._cell(name, row, count) for name in names))
        return "\n".join(lines)

    def _cell(self, name: str, row: Row, count: int) -> str:
        if name == "n":
            return str(count)
        key = KEYS[name]
        cell = self.time(row[0]) if key == 0 else self.number(Decimal(row[key]))
        return f'"{cell}"' if self.is_quoted or self.separator in cell else cell


@st.composite
def dialects(draw: st.DrawFn) -> Dialect:
    decimal = draw(st.sampled_from(".,"))
    return Dialect(
        header=draw(st.sampled_from(HEADERS)),
        time=draw(st.sampled_from(TIMES)),
        separator=draw(st.sampled_from(",;\t|")),
        decimal=decimal,
        thousands=draw(st.sampled_from(["", " ", "." if decimal == "," else ","])),
        is_newest_first=draw(st.booleans()),
        is_quoted=draw(st.booleans()),
    )


@st.composite
def series(draw: st.DrawFn) -> tuple[Timeframe, list[Row]]:
    """Candles in a row, some of them missing, of a price that walks."""
    timeframe = draw(st.sampled_from(list(Timeframe)))
    count = draw(st.integers(5, 60))
    first = draw(st.integers(0, 5_000))
    missing = draw(st.sets(st.integers(1, count - 2), max_size=count // 4))
    close = draw(st.decimals("0.50", "90000", places=2))
    start_ms = timeframe.floor(FIRST_MS + first * 86_400_000)  # type: ignore[arg-type]
    found: list[Row] = []
    for at in range(count):
        move = draw(st.integers(-20, 20))
        opened, close = close, max(close + close * move / 1000, Decimal("0.02"))
        close = close.quantize(Decimal("0.01"))
        high, low = max(opened, close), min(opened, close)
        volume = Decimal(draw(st.integers(0, 10**7))) / 100
        if at not in missing:
            found.append((start_ms + at * timeframe.ms, opened, high, low, close, volume))
    return timeframe, found


@given(dialects(), series())
def test_a_file_gives_the_candles_that_were_written_or_is_refused(
    dialect: Dialect, written: tuple[Timeframe, list[Row]]
) -> None:
    """No other time, no other price, no other volume, no candle more."""
    timeframe, rows = written
    with TemporaryDirectory() as folder:
        path = Path(folder) / "candles.csv"
        path.write_text(dialect.write(rows), encoding="utf-8")
        try:
            file = read_candles(path, BTC)
        except ConfigError as refused:
            assert "candles.csv: " in str(refused)  # noqa: PT017 - refusing is one of two answers
            return
    found = [(c.open_ms, c.open, c.high, c.low, c.close, c.volume) for c in file.candles]
    assert found == rows
    assert file.timeframe is timeframe
    assert file.dropped == {}


@given(series(), st.sampled_from(TIMES[:8]))
def test_what_leaves_nothing_open_is_never_refused(
    written: tuple[Timeframe, list[Row]], time: Callable[[int], str]
) -> None:
    """A header, decimal points, times that have one meaning."""
    dialect = Dialect(HEADERS[0], time, ",", ".", "", is_newest_first=False, is_quoted=False)
    _, rows = written
    with TemporaryDirectory() as folder:
        path = Path(folder) / "candles.csv"
        path.write_text(dialect.write(rows), encoding="utf-8")
        file = read_candles(path, BTC)
    assert [candle.open_ms for candle in file.candles] == [row[0] for row in rows]
    assert (
        file.candles[0].open_ms == datetime.fromtimestamp(rows[0][0] / 1000, UTC).timestamp() * 1000
    )
