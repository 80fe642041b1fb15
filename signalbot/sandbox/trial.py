"""Tries a strategy file on candles, and finds what would go wrong live.

A strategy must say the same about a candle whatever it was asked before. So candles are asked in
order, then some of them backwards in a fresh worker: a strategy that remembers what it saw, that
peeps ahead or throws dice does not agree with itself.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from signalbot.domain.market import Candle
from signalbot.domain.resample import Resampler
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.sandbox.answer import Description
from signalbot.sandbox.runner import Runner, StrategyFile, WorkerDied
from signalbot.strategies.base import CandleWindow, Failed, Idea, Tables

HOLD = "HOLD"
_MOST_RECHECKED = 200
_MOST_DEATHS = 3
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong on one candle."""

    close_ms: Ms
    message: str


@dataclass(slots=True, kw_only=True)
class Trial:
    """What came of it."""

    description: Description
    start_s: float  #: until it could be asked
    asked: int = 0
    said: Counter[str] = field(default_factory=Counter)  #: by action, HOLD included
    failures: list[Fault] = field(default_factory=list)
    disagreements: list[Fault] = field(default_factory=list)  #: memory, look-ahead or chance
    rechecked: int = 0
    durations_s: list[float] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)  #: the first it printed

    @property
    def is_good(self) -> bool:
        return bool(self.asked) and not self.failures and not self.disagreements

    def duration_s(self, share: float) -> float:
        """The duration that ``share`` (0 to 1) of all answers did not exceed."""
        ordered = sorted(self.durations_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def needed(warm_up: Mapping[Timeframe, int], main: Timeframe) -> int:
    """Candles of ``main`` until every timeframe has its history, wherever the first one lies."""
    return max((length + 1) * (timeframe.ms // main.ms) for timeframe, length in warm_up.items())


def describe(file: StrategyFile) -> Description:
    """What a strategy file says of itself.

    Raises:
        BadParameter: a parameter does not suit it.
        Failed: it cannot be run.
    """
    runner = Runner(file, lambda _: None)
    try:
        return runner.describe()
    except WorkerDied as e:
        raise Failed(str(e)) from None
    finally:
        runner.rest()


def try_out(file: StrategyFile, candles: Sequence[Candle], *, most: int = 1_000) -> Trial:
    """Ask the file about the newest ``most`` of ``candles``, valid and in order, of one symbol.

    Raises:
        BadParameter: a parameter does not suit it.
        Failed: it cannot be run at all.
    """
    lines: list[str] = []
    runner = Runner(file, lambda line: lines.append(line) if len(lines) < _EXAMPLES else None)
    began_s = perf_counter()
    try:
        trial = Trial(description=runner.describe(), start_s=perf_counter() - began_s, lines=lines)
        questions = list(_questions(candles, file.timeframe, trial.description, most))
        first = _in_order(runner, questions, trial)
        runner.rest()
        _backwards(runner, questions, first, trial)
    except WorkerDied as e:
        raise Failed(str(e)) from None
    finally:
        runner.rest()
    return trial


@dataclass(frozen=True, slots=True)
class _Question:
    close_ms: Ms
    symbol: str
    tables: Tables


def _questions(
    candles: Sequence[Candle], main: Timeframe, description: Description, most: int
) -> Iterator[_Question]:
    """The newest ``most`` candles of ``main``, each with all it would be shown live."""
    base = candles[0].timeframe
    windows = {name: CandleWindow(length) for name, length in description.warm_up.items()}
    grids = {name: Resampler(base, name) for name in windows}
    per_candle = main.ms // base.ms
    first_ms = candles[-1].close_ms - most * per_candle * base.ms
    for candle in candles:
        is_main_closed = False
        for name, grid in grids.items():
            closed = grid.add(candle)
            if closed is not None:
                windows[name].append(closed)
                is_main_closed |= name is main
        if not is_main_closed or candle.close_ms <= first_ms:
            continue
        current = all(
            window.is_full and window.close_ms == name.floor(candle.close_ms)
            for name, window in windows.items()
        )
        if current:
            tables = {name: window.table() for name, window in windows.items()}
            yield _Question(candle.close_ms, candle.symbol, tables)


def _in_order(
    runner: Runner, questions: Iterable[_Question], trial: Trial
) -> dict[Ms, Idea | None]:
    """What it says about every candle; candles that it fails on are left out."""
    said: dict[Ms, Idea | None] = {}
    deaths = 0
    for question in questions:
        trial.asked += 1
        began_s = perf_counter()
        try:
            idea = runner.consider(question.symbol, question.tables)
        except (Failed, WorkerDied) as e:
            trial.failures.append(Fault(question.close_ms, str(e)))
            deaths += isinstance(e, WorkerDied)
            if deaths == _MOST_DEATHS:
                break
            continue
        trial.durations_s.append(perf_counter() - began_s)
        trial.said[HOLD if idea is None else idea.action] += 1
        said[question.close_ms] = idea
    return said


def _backwards(
    runner: Runner,
    questions: Sequence[_Question],
    first: Mapping[Ms, Idea | None],
    trial: Trial,
) -> None:
    """Ask again, newest first: those with an idea before those without."""
    answered = [each for each in questions if each.close_ms in first]
    answered.sort(key=lambda each: first[each.close_ms] is None)
    chosen = sorted(answered[:_MOST_RECHECKED], key=lambda each: -each.close_ms)
    for question in chosen:
        trial.rechecked += 1
        before = first[question.close_ms]
        try:
            again = runner.consider(question.symbol, question.tables)
        except (Failed, WorkerDied) as e:
            trial.disagreements.append(Fault(question.close_ms, f"in order fine, alone: {e}"))
            if isinstance(e, WorkerDied):
                return
            continue
        if again != before:
            message = f"in order: {_short(before)}; alone: {_short(again)}"
            trial.disagreements.append(Fault(question.close_ms, message))


def _short(idea: Idea | None) -> str:
    if idea is None:
        return HOLD
    return f"{idea.action} {idea.confidence:g} stop {idea.stop_loss} targets {idea.take_profits}"
