"""Means to write candles: rows, times, numbers, archives."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

MINUTE, HOUR, DAY = 60, 3_600, 86_400
STARTS = {MINUTE: 1_735_689_600, HOUR: 1_704_067_200, DAY: 1_672_531_200}
"""2025-01-01, 2024-01-01 and 2023-01-01."""

COUNT = 40
SHANGHAI = timezone(timedelta(hours=8))


class Row(NamedTuple):
    t: int  #: open, in epoch seconds
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 - as exchanges call it
    c: Decimal
    v: Decimal


def rows_of(step: int, count: int = COUNT, price: str = "42000.00") -> list[Row]:
    """``count`` candles in a row, each of which opens where the one before closed."""
    found = []
    close = Decimal(price)
    for at in range(count):
        move = Decimal((at * 37) % 23 - 11) / 10_000
        opened, close = close, (close * (1 + move)).quantize(Decimal("0.01"))
        high = max(opened, close) + Decimal(at % 7 + 1) / 4
        low = min(opened, close) - Decimal(at % 5 + 1) / 4
        volume = Decimal(at % 11 + 1) + Decimal("0.25")
        found.append(Row(STARTS[step] + at * step, opened, high, low, close, volume))
    return found


@dataclass(frozen=True)
class Form:
    """A way of writing candles; ``name`` ends as the file's name does."""

    name: str
    step: int
    write: Callable[[list[Row]], str | bytes]
    has_volume: bool = True
    places: int = 2  #: decimals of its prices

    def content(self) -> bytes:
        made = self.write(rows_of(self.step))
        return made.encode() if isinstance(made, str) else made


def day(t: int, form: str = "%Y-%m-%d") -> str:
    return moment(t, form)


def moment(t: int, form: str = "%Y-%m-%d %H:%M:%S", hours: int = 0) -> str:
    """An instant as the clock of a zone so many hours ahead shows it."""
    return datetime.fromtimestamp(t + hours * HOUR, UTC).strftime(form)


def lines(header: str, rows: Sequence[Sequence[Any]], sign: str = ",") -> str:
    texts = [sign.join(map(str, row)) for row in rows]
    return "\n".join([header, *texts] if header else texts) + "\n"


def european(value: Decimal) -> str:
    """1.234,56"""
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def zipped(members: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return out.getvalue()


def binance(rows: Sequence[Row], ticks: int) -> str:
    """Twelve columns without a header; ``ticks`` a second."""
    return lines("", [
        (r.t * ticks, *r[1:6], (r.t + MINUTE) * ticks - 1, r.v * r.o, 7, r.v / 2, r.v * r.o / 2, 0)
        for r in rows
    ])  # fmt: skip


def texts(rows: Sequence[Row], *more: Callable[[Row], Any], ticks: int = 1000) -> list[list[str]]:
    """Rows of an answer: every number is text."""
    return [[str(r.t * ticks), *map(str, r[1:6]), *(str(each(r)) for each in more)] for r in rows]


def objects(rows: Sequence[Row], **names: str) -> list[dict[str, Any]]:
    """Objects with numbers under the names given for ``t o h l c v``; times in milliseconds."""
    values = [{"t": r.t * 1000} | {key: float(getattr(r, key)) for key in "ohlcv"} for r in rows]
    return [{name: each[key] for key, name in names.items()} for each in values]


def answer(content: Any) -> str:
    return json.dumps(content)


def named(rows: Sequence[Row], header: str, time: Callable[[int], Any]) -> str:
    """A header, and open, high, low, close and volume after the time."""
    return lines(header, [(time(r.t), *r[1:6]) for r in rows])


OHLCV = "open,high,low,close,volume"
QUOTE: Callable[[Row], Any] = lambda r: r.v * r.o  # noqa: E731 - short, and used often
