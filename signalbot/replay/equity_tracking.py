"""Computes an account's equity at every candle after a replay.

Between two changes of wallet or position the equity follows the price alone. So only the changes
are recorded during the replay; the candles between them are evaluated afterwards in one pass, at
their closing and at their worst prices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from signalbot.domain.market import Candle
from signalbot.domain.money import ZERO
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.simulated.accounts import AccountPosition

K = TypeVar("K")
Floats = NDArray[np.float64]
Instants = NDArray[np.int64]
Points = list[tuple[Ms, Decimal]]

_HOUR_MS: Final = Timeframe.H1.ms
_WORST_PRICE, _CLOSE, _FLAT, _AFTER = range(4)
"""Order of events at one instant: the candle's worst price, its close, an exit, everything else."""


@dataclass(frozen=True, slots=True)
class _AccountChange:
    """An account's state from ``at_ms`` on; ``held`` is negative when short."""

    at_ms: Ms
    wallet: Decimal
    symbol: str
    held: Decimal
    entry: Decimal


@dataclass(slots=True)
class EquityTrack:
    """Implements ``Observer``: records the changes of one account."""

    wallet: Decimal  #: at the start
    changes: list[_AccountChange] = field(default_factory=list)
    visits: dict[Ms, tuple[Decimal, Decimal]] = field(default_factory=dict)
    """Lowest and last equity within candles that contain a trade, by their close."""
    before: tuple[Ms, Decimal] | None = None
    """Close and lowest equity, up to the fill, of the candle of the latest resting entry."""

    def on_change(self, account_position: AccountPosition, at_ms: Ms) -> None:
        position = account_position.position
        self.changes.append(
            _AccountChange(
                at_ms,
                account_position.account.wallet,
                account_position.market.instrument.symbol,
                ZERO if position is None else position.quantity * position.side.sign,
                ZERO if position is None else position.entry_price,
            )
        )

    def on_visit(self, account_position: AccountPosition, price: Decimal, at_ms: Ms) -> None:
        equity = account_position.account.equity_at(account_position, price)
        lowest, _ = self.visits.get(at_ms, (equity, equity))
        self.visits[at_ms] = min(lowest, equity), equity

    def on_entry(self, account_position: AccountPosition, price: Decimal, at_ms: Ms) -> None:
        equity = account_position.account.equity_at(account_position, price)
        lowest, _ = self.visits.get(at_ms, (equity, equity))
        self.before = at_ms, min(lowest, equity)

    def on_stop(self, account_position: AccountPosition, price: Decimal, at_ms: Ms) -> None:
        equity = account_position.account.equity_at(account_position, price)
        if self.before is not None and self.before[0] == at_ms:
            self.visits[at_ms] = min(self.before[1], equity), equity


def equity_curves(
    tracks: Mapping[K, EquityTrack], candles: Mapping[str, Sequence[Candle]], *, end_ms: Ms
) -> dict[K, Points]:
    """Compute equity curves: a point per hour, per exit to flat, and at the lowest equity.

    ``candles`` are all candles of the replay by symbol, oldest first; ``end_ms`` is its end, no
    earlier than the last change. Each curve contains the lowest point of each hour, and the peak
    and trough of the maximum drawdown over the closes and worst points of all candles: the drawdown
    of the curve is that of the whole replay.
    """
    grid = _CandleGrid(candles, end_ms)
    return {name: _curve(track, grid) for name, track in tracks.items()}


def _curve(track: EquityTrack, grid: "_CandleGrid") -> Points:
    path = _EquityPath(track, grid)
    kept = {*path.hourly(), *path.deepest_fall()}
    return [(Ms(int(path.times[at])), path.exact_equity(at)) for at in sorted(kept)]


class _CandleGrid:
    """Low, high and close of every market at every candle close of any market."""

    def __init__(self, candles: Mapping[str, Sequence[Candle]], end_ms: Ms) -> None:
        self._candles = candles
        by_symbol = {
            symbol: np.fromiter((each.close_ms for each in of), np.int64, len(of))
            for symbol, of in candles.items()
        }
        self.closes: Instants = np.unique(np.concatenate([*by_symbol.values(), [end_ms]]))
        self._index = {
            symbol: np.searchsorted(closes, self.closes, side="right") - 1
            for symbol, closes in by_symbol.items()
        }
        self._is_own = {
            symbol: closes[np.maximum(self._index[symbol], 0)] == self.closes
            for symbol, closes in by_symbol.items()
            if len(closes)
        }
        self._columns = {
            symbol: np.fromiter(
                (float(price) for each in of for price in (each.low, each.high, each.close)),
                np.float64,
                3 * len(of),
            ).reshape(-1, 3)
            for symbol, of in candles.items()
        }

    def prices(self, symbol: str, held: Floats) -> tuple[Floats, Floats]:
        """Return the close at every instant, and the worst price for what was held into it."""
        columns = self._columns.get(symbol)
        if columns is None or not len(columns):
            return np.zeros(len(self.closes)), np.zeros(len(self.closes))
        low, high, close = columns[np.maximum(self._index[symbol], 0)].T
        worst = np.where(held >= 0, low, high)
        return close, np.where(self._is_own[symbol], worst, close)

    def price(self, symbol: str, instant: int, held: Decimal, *, worst: bool) -> Decimal:
        """Return one such price exactly."""
        candle = self._candles[symbol][max(int(self._index[symbol][instant]), 0)]
        if not worst or candle.close_ms != self.closes[instant]:
            return candle.close
        return candle.low if held >= 0 else candle.high


class _EquityPath:
    """Equity at all instants, in order: floats for searching, exact decimals on request."""

    def __init__(self, track: EquityTrack, grid: _CandleGrid) -> None:
        self._track, self._grid = track, grid
        closes, count = grid.closes, len(grid.closes)
        at_ms = np.fromiter((each.at_ms for each in track.changes), np.int64, len(track.changes))
        self._into = np.searchsorted(at_ms, closes, side="left")  # changes before the close
        self._out = np.searchsorted(at_ms, closes, side="right")
        self._states = list(_account_states(track))
        wallets = np.array([float(wallet) for wallet, _ in self._states])
        worst, close, after = wallets[self._into], wallets[self._into], wallets[self._out]
        for symbol in dict.fromkeys(each.symbol for each in track.changes):
            pairs = [of.get(symbol, (ZERO, ZERO)) for _, of in self._states]
            held = np.fromiter((float(quantity) for quantity, _ in pairs), np.float64, len(pairs))
            entry = np.fromiter((float(price) for _, price in pairs), np.float64, len(pairs))
            price, bad = grid.prices(symbol, held[self._into])
            close = close + held[self._into] * (price - entry[self._into])
            worst = worst + held[self._into] * (bad - entry[self._into])
            after = after + held[self._out] * (price - entry[self._out])
        touched = np.isin(closes, np.fromiter(track.visits, np.int64, len(track.visits)))
        seen = [track.visits[Ms(int(each))] for each in closes[touched]]
        worst[touched] = [float(lowest) for lowest, _ in seen]
        close[touched] = [float(last) for _, last in seen]
        flats = np.array(
            [at for at, (_, of) in enumerate(self._states) if at and not of], dtype=np.int64
        )
        kinds = np.repeat((_WORST_PRICE, _CLOSE, _AFTER, _FLAT), (count, count, count, len(flats)))
        sources = np.concatenate((*[np.arange(count)] * 3, flats))
        times = np.concatenate((closes, closes, closes, at_ms[flats - 1]))
        values = np.concatenate((worst, close, after, wallets[flats]))
        order = np.lexsort((kinds, times))
        self.times: Instants = times[order]
        self._kinds, self._sources, self._values = kinds[order], sources[order], values[order]

    def hourly(self) -> set[int]:
        """Return indices of whole hours, of exits to flat, and of each hour's low."""
        is_after = self._kinds == _AFTER
        on_hour = is_after & (self.times % _HOUR_MS == 0)
        hours = -(-self.times // _HOUR_MS)
        starts = np.flatnonzero(np.diff(hours, prepend=hours[0] - 1))
        lows = [
            int(begin + np.argmin(self._values[begin:end]))
            for begin, end in zip(starts, [*starts[1:], len(hours)], strict=True)
        ]
        flat = np.flatnonzero(self._kinds == _FLAT)
        return {*np.flatnonzero(on_hour).tolist(), *flat.tolist(), *lows, len(hours) - 1}

    def deepest_fall(self) -> tuple[int, int]:
        """Return indices of the peak and trough of the largest relative drawdown."""
        peaks = np.maximum.accumulate(self._values)
        fallen = np.divide(peaks - self._values, peaks, where=peaks > 0, out=np.zeros(len(peaks)))
        trough = int(np.argmax(fallen))
        return int(np.argmax(self._values[: trough + 1])), trough

    def exact_equity(self, at: int) -> Decimal:
        """Return the exact equity at an index."""
        kind, source = self._kinds[at], int(self._sources[at])
        if kind == _FLAT:
            return self._states[source][0]
        close_ms = Ms(int(self._grid.closes[source]))
        if kind != _AFTER and close_ms in self._track.visits:
            return self._track.visits[close_ms][0 if kind == _WORST_PRICE else 1]
        into = self._out if kind == _AFTER else self._into
        wallet, positions = self._states[int(into[source])]
        return wallet + sum(
            (
                held * (self._grid.price(symbol, source, held, worst=kind == _WORST_PRICE) - entry)
                for symbol, (held, entry) in positions.items()
            ),
            ZERO,
        )


def _account_states(track: EquityTrack) -> list[tuple[Decimal, dict[str, tuple[Decimal, Decimal]]]]:
    """Return wallet and positions (quantity and entry by symbol) after each number of changes."""
    states = [(track.wallet, dict[str, tuple[Decimal, Decimal]]())]
    for change in track.changes:
        positions = states[-1][1]
        others = {symbol: of for symbol, of in positions.items() if symbol != change.symbol}
        if change.held:
            others[change.symbol] = change.held, change.entry
        states.append((change.wallet, others))
    return states
