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
from signalbot.sandbox.response_parser import StrategyDescription
from signalbot.sandbox.strategy_runner import StrategyFile, StrategyRunner, WorkerDied
from signalbot.strategies.base import CandleWindow, SignalProposal, StrategyFailed, Tables

HOLD = "HOLD"
_MAX_RECHECKED = 200
_MAX_DEATHS = 3
_MAX_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class CandleFailure:
    """What went wrong on one candle."""

    close_ms: Ms
    message: str


@dataclass(slots=True, kw_only=True)
class DryRun:
    """What came of it."""

    description: StrategyDescription
    start_s: float  #: until it could be asked
    evaluated: int = 0
    actions: Counter[str] = field(default_factory=Counter)  #: by action, HOLD included
    failures: list[CandleFailure] = field(default_factory=list)
    disagreements: list[CandleFailure] = field(
        default_factory=list
    )  #: memory, look-ahead or chance
    rechecked: int = 0
    durations_s: list[float] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)  #: the first it printed

    @property
    def is_good(self) -> bool:
        return bool(self.evaluated) and not self.failures and not self.disagreements

    def duration_s(self, share: float) -> float:
        """The duration that ``share`` (0 to 1) of all answers did not exceed."""
        ordered = sorted(self.durations_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def required_candles(warm_up: Mapping[Timeframe, int], main: Timeframe) -> int:
    """Candles of ``main`` until every timeframe has its history, wherever the first one lies."""
    return max((length + 1) * (timeframe.ms // main.ms) for timeframe, length in warm_up.items())


def describe_strategy(file: StrategyFile) -> StrategyDescription:
    """What a strategy file says of itself.

    Raises:
        BadParameter: a parameter does not suit it.
        Failed: it cannot be run.
    """
    runner = StrategyRunner(file, lambda _: None)
    try:
        return runner.describe()
    except WorkerDied as e:
        raise StrategyFailed(str(e)) from None
    finally:
        runner.suspend()


def dry_run(file: StrategyFile, candles: Sequence[Candle], *, most: int = 1_000) -> DryRun:
    """Ask the file about the newest ``most`` of ``candles``, valid and in order, of one symbol.

    Raises:
        BadParameter: a parameter does not suit it.
        Failed: it cannot be run at all.
    """
    lines: list[str] = []
    runner = StrategyRunner(
        file, lambda line: lines.append(line) if len(lines) < _MAX_EXAMPLES else None
    )
    began_s = perf_counter()
    try:
        result = DryRun(
            description=runner.describe(), start_s=perf_counter() - began_s, lines=lines
        )
        evaluations = list(_evaluations(candles, file.timeframe, result.description, most))
        first = _evaluate_forwards(runner, evaluations, result)
        runner.suspend()
        _reevaluate_backwards(runner, evaluations, first, result)
    except WorkerDied as e:
        raise StrategyFailed(str(e)) from None
    finally:
        runner.suspend()
    return result


@dataclass(frozen=True, slots=True)
class _Evaluation:
    close_ms: Ms
    symbol: str
    tables: Tables


def _evaluations(
    candles: Sequence[Candle], main: Timeframe, description: StrategyDescription, most: int
) -> Iterator[_Evaluation]:
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
            yield _Evaluation(candle.close_ms, candle.symbol, tables)


def _evaluate_forwards(
    runner: StrategyRunner, evaluations: Iterable[_Evaluation], result: DryRun
) -> dict[Ms, SignalProposal | None]:
    """What it says about every candle; candles that it fails on are left out."""
    proposals: dict[Ms, SignalProposal | None] = {}
    deaths = 0
    for evaluation in evaluations:
        result.evaluated += 1
        began_s = perf_counter()
        try:
            proposal = runner.evaluate(evaluation.symbol, evaluation.tables)
        except (StrategyFailed, WorkerDied) as e:
            result.failures.append(CandleFailure(evaluation.close_ms, str(e)))
            deaths += isinstance(e, WorkerDied)
            if deaths == _MAX_DEATHS:
                break
            continue
        result.durations_s.append(perf_counter() - began_s)
        result.actions[HOLD if proposal is None else proposal.action] += 1
        proposals[evaluation.close_ms] = proposal
    return proposals


def _reevaluate_backwards(
    runner: StrategyRunner,
    evaluations: Sequence[_Evaluation],
    first: Mapping[Ms, SignalProposal | None],
    result: DryRun,
) -> None:
    """Ask again, newest first: those with an idea before those without."""
    evaluated = [each for each in evaluations if each.close_ms in first]
    evaluated.sort(key=lambda each: first[each.close_ms] is None)
    chosen = sorted(evaluated[:_MAX_RECHECKED], key=lambda each: -each.close_ms)
    for evaluation in chosen:
        result.rechecked += 1
        before = first[evaluation.close_ms]
        try:
            repeated = runner.evaluate(evaluation.symbol, evaluation.tables)
        except (StrategyFailed, WorkerDied) as e:
            result.disagreements.append(
                CandleFailure(evaluation.close_ms, f"in order fine, alone: {e}")
            )
            if isinstance(e, WorkerDied):
                return
            continue
        if repeated != before:
            message = f"in order: {_short(before)}; alone: {_short(repeated)}"
            result.disagreements.append(CandleFailure(evaluation.close_ms, message))


def _short(proposal: SignalProposal | None) -> str:
    if proposal is None:
        return HOLD
    levels = f"stop {proposal.stop_loss} targets {proposal.take_profits}"
    return f"{proposal.action} {proposal.confidence:g} {levels}"
