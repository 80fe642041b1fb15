"""Funding in replays: reads rates from a file and applies them to open positions."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from signalbot.app.services import Services
from signalbot.domain.errors import ConfigError
from signalbot.domain.market import Candle
from signalbot.domain.positions import Position
from signalbot.domain.timeframe import Ms
from signalbot.pipeline.account import Account
from signalbot.pipeline.positions.funding_collector import FundingBooker
from signalbot.replay.candle_files.time_column_parsing import AmbiguousTime, read_times
from signalbot.replay.historical_exchange import HistoricalExchange

_TIME_COLUMNS: Final = (
    "at_ms",
    "funding_time",
    "calc_time",
    "timestamp",
    "datetime",
    "date",
    "time",
)
_RATE_COLUMNS: Final = ("funding_rate", "last_funding_rate", "rate")
_MAX_RATE: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class FundingRate:
    """Payment of longs to shorts at one instant, as a fraction of notional; negative in reverse."""

    at_ms: Ms
    rate: Decimal


def read_funding(path: Path) -> list[FundingRate]:
    """Read the funding rates of one market from a CSV file with a header, oldest first.

    Raises:
        ConfigError: the file is unreadable or a row is invalid; the message has line and value.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            time = _find_column(path, rows.fieldnames or (), _TIME_COLUMNS, "times")
            rate = _find_column(path, rows.fieldnames or (), _RATE_COLUMNS, "rates")
            cells = [(rows.line_num, row[time] or "", row[rate] or "") for row in rows]
    except OSError as e:
        raise ConfigError(f"{path}: the funding rates cannot be read: {e.strerror}") from e
    except (UnicodeDecodeError, csv.Error) as e:
        raise ConfigError(f"{path}: not a CSV file in UTF-8: {e}") from e
    if not cells:
        raise ConfigError(f"{path}: contains no funding rates")
    return sorted(_parse_rates(path, cells, time), key=lambda each: each.at_ms)


def _parse_rates(
    path: Path, cells: Sequence[tuple[int, str, str]], column: str
) -> Iterator[FundingRate]:
    """Parse rows of line number, time and rate."""
    try:
        times = read_times([time for _, time, _ in cells], column=column).at_ms
    except AmbiguousTime as e:
        raise ConfigError(f"{path}, line {cells[e.at][0]}: {e.text!r}: {e.problem}") from e
    for at_ms, (line, time, rate) in zip(times, cells, strict=True):
        if at_ms is None:
            raise ConfigError(f"{path}, line {line}: {time!r} is not a time")
        try:
            yield FundingRate(at_ms, _parse_rate(rate))
        except ValueError as e:
            raise ConfigError(f"{path}, line {line}: {e}") from e


@dataclass(frozen=True, slots=True)
class _LatePayment:
    """A payment to a position that the ledger does not have yet: its entry has just filled."""

    account: Account
    symbol: str
    received: Decimal
    opened_at_ms: Ms


class FundingReplay:
    """Applies the funding rates of every market when they are due."""

    def __init__(self, services: Services, rates: Mapping[str, Sequence[FundingRate]]) -> None:
        self._services = services
        self._booker = FundingBooker(services.storage.trades)
        self._pending = {symbol: list(reversed(each)) for symbol, each in rates.items() if each}
        self._late: list[_LatePayment] = []

    def is_due(self, candle: Candle) -> bool:
        """Whether a payment is due or to be booked by the close of ``candle``."""
        pending = self._pending.get(candle.symbol)
        return bool(self._late or (pending and pending[-1].at_ms <= candle.close_ms))

    async def pay_due(self, candle: Candle, exchanges: Iterable[HistoricalExchange]) -> None:
        """Apply payments due by the close of ``candle``, which has just been traded through.

        Rates from before the candle are ignored: that time was not replayed.
        """
        await self.settle()
        pending = self._pending.get(candle.symbol)
        while pending and pending[-1].at_ms <= candle.close_ms:
            each = pending.pop()
            if each.at_ms <= candle.open_ms:
                continue
            for exchange in exchanges:
                received = exchange.pay_funding(candle.symbol, each.rate, each.at_ms)
                for user_id, amount in received.items():
                    await self._book(self._services.control.accounts[user_id], candle, amount)

    async def settle(self) -> None:
        """Book payments to positions that the ledger did not have at the time."""
        late, self._late = self._late, []
        for each in late:
            held = await self._opened_at(each)
            if held is not None:
                await self._booker.book(each.account, held, each.received)

    async def _book(self, account: Account, candle: Candle, received: Decimal) -> None:
        held = account.positions.get(candle.symbol)
        if held is None:
            self._late.append(_LatePayment(account, candle.symbol, received, candle.close_ms))
        else:
            await self._booker.book(account, held, received)

    async def _opened_at(self, late: _LatePayment) -> Position | None:
        held = late.account.positions.get(late.symbol)
        closed = await self._services.storage.trades.closed_since(
            late.account.user_id, late.opened_at_ms
        )
        found = [*closed, held] if held is not None else closed
        wanted = (late.symbol, late.opened_at_ms)
        return next((p for p in found if (p.symbol, p.opened_at_ms) == wanted), None)


def _find_column(path: Path, names: Iterable[str], aliases: Sequence[str], content: str) -> str:
    by_name = {_plain_name(name): name for name in names}
    for name in aliases:
        if name in by_name:
            return by_name[name]
    raise ConfigError(f"{path}: no column for {content}: name it {' or '.join(aliases)}")


def _plain_name(name: str) -> str:
    """Normalize ``fundingTime`` and ``Funding Time`` to ``funding_time``."""
    parted = "".join(
        f"_{character.lower()}" if character.isupper() else character for character in name
    )
    return "_".join(part for part in parted.replace(" ", "_").split("_") if part)


def _parse_rate(text: str) -> Decimal:
    try:
        rate = Decimal(text.strip())
    except InvalidOperation as e:
        raise ValueError(f"{text!r} is not a number") from e
    if not abs(rate) < _MAX_RATE:
        raise ValueError(f"{text} is not a funding rate: 0.0001 means 0.01 %")
    return rate
