"""Runs a strategy file on historical candles and reports what would fail live.

A proposal must not depend on earlier calls. So candles are evaluated in order, then some of them
again in reverse order in a fresh worker: different proposals reveal state, look-ahead or
randomness.
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
    """An error on one candle."""

    close_ms: Ms
    message: str


@dataclass(slots=True, kw_only=True)
class DryRun:
    """Result of a dry run."""

    description: StrategyDescription
    start_s: float  #: time until the worker was ready
    evaluated: int = 0
    actions: Counter[str] = field(default_factory=Counter)  #: by action, HOLD included
    failures: list[CandleFailure] = field(default_factory=list)
    disagreements: list[CandleFailure] = field(
        default_factory=list
    )  #: from state, look-ahead or randomness
    rechecked: int = 0
    durations_s: list[float] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)  #: first lines of its output

    @property
    def is_good(self) -> bool:
        """Whether candles were evaluated without failures or disagreements."""
        return bool(self.evaluated) and not self.failures and not self.disagreements

    def duration_s(self, share: float) -> float:
        """Return the quantile ``share`` (0 to 1) of the evaluation times."""
        ordered = sorted(self.durations_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def required_candles(warm_up: Mapping[Timeframe, int], main: Timeframe) -> int:
    """Return the candles of ``main`` that fill every timeframe's window, from any start."""
    return max((length + 1) * (timeframe.ms // main.ms) for timeframe, length in warm_up.items())


def describe_strategy(file: StrategyFile) -> StrategyDescription:
    """Load a strategy file in a worker and return its description.

    Raises:
        BadParameter: a parameter is invalid.
        StrategyFailed: it cannot run.
    """
    runner = StrategyRunner(file, lambda _: None)
    try:
        return runner.describe()
    except WorkerDied as e:
        raise StrategyFailed(str(e)) from None
    finally:
        runner.suspend()


def dry_run(file: StrategyFile, candles: Sequence[Candle], *, most: int = 1_000) -> DryRun:
    """Evaluate the newest ``most`` of ``candles``, which are valid, in order, of one symbol.

    Raises:
        BadParameter: a parameter is invalid.
        StrategyFailed: it cannot run at all.
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
    """Yield the newest ``most`` candles of ``main``, each with the tables it would have live."""
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
    """Evaluate the candles in order; return the proposals of those that did not fail."""
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
    """Evaluate again, newest first; candles with a proposal are chosen before those without."""
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
                CandleFailure(evaluation.close_ms, f"in order: no error; alone: {e}")
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
