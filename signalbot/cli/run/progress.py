"""Shows the progress of a long run: a bar at a terminal, else a line every few seconds."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final, TextIO

Advance = Callable[[int], None]
"""Called with the amount of work done so far."""

_LINE_EVERY_S: Final = 15.0


@contextmanager
def progress(total: int, *, is_enabled: bool) -> Iterator[Advance]:
    """Show progress on standard error; in a log, runs under 15 s show nothing."""
    if not is_enabled:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _bar(total) as advance:
            yield advance
    else:
        yield ProgressLines(total, sys.stderr, perf_counter)


@contextmanager
def _bar(total: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("replaying"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as bar:
        task = bar.add_task("replaying", total=total)

        def advance(done: int) -> None:
            bar.update(task, completed=done)
            bar.refresh()

        yield advance


class ProgressLines:
    """Prints a line every 15 s: ``replayed 40 % (126,000 of 315,000 candles), 1:20 left``."""

    def __init__(self, total: int, out: TextIO, clock: Callable[[], float]) -> None:
        self._total = total
        self._out = out
        self._clock = clock
        self._began_s = self._last_s = clock()

    def __call__(self, done: int) -> None:
        now_s = self._clock()
        if now_s - self._last_s < _LINE_EVERY_S or not 0 < done < self._total:
            return
        self._last_s = now_s
        left_s = (now_s - self._began_s) / done * (self._total - done)
        minutes, seconds = divmod(round(left_s), 60)
        share = 100 * done // self._total
        counts = f"{done:,} of {self._total:,} candles"
        print(f"replayed {share} % ({counts}), {minutes}:{seconds:02} left", file=self._out)
        self._out.flush()
