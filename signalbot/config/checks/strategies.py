"""Checks that build every strategy; they load the numerical libraries."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from signalbot.config.checks.candles import candle_problems
from signalbot.config.checks.live import live_problems
from signalbot.config.load import load
from signalbot.config.problems import InvalidConfig, Problem
from signalbot.config.runtime_definitions import Definition
from signalbot.config.sections.ai import LLM_KIND, ai_library_problems
from signalbot.config.settings import FILE_KIND, Config, StrategySettings
from signalbot.config.webhook import WEBHOOK_KIND
from signalbot.strategies import BadParameter, UnknownKind, build_strategy


def load_for_daemon(
    path: Path,
    environ: Mapping[str, str],
    definitions: Iterable[Definition] = (),
    *,
    text: str | None = None,
) -> Config:
    """Load the configuration and run every check the daemon needs.

    Raises:
        InvalidConfig: a check failed; carries every problem found.
    """
    config = load(path, environ, definitions, text=text)
    problems = [*check_strategies(config), *live_problems(config), *ai_library_problems(config)]
    if problems:
        raise InvalidConfig(problems)
    return config


def check_strategies(config: Config) -> tuple[Problem, ...]:
    """Return a problem for every strategy with an unknown kind or an invalid parameter."""
    found = (_problem(config, strategy) for strategy in config.strategies.values())
    return (
        *(problem for problem in found if problem),
        *_file_problems(config),
        *dict.fromkeys(candle_problems(config)),
    )


def _file_problems(config: Config) -> tuple[Problem, ...]:
    if not any(strategy.kind == FILE_KIND for strategy in config.strategies.values()):
        return ()
    from signalbot.config.checks.strategy_files import strategy_file_problems  # noqa: PLC0415 - few have any

    return tuple(strategy_file_problems(config))


def _problem(config: Config, strategy: StrategySettings) -> Problem | None:
    if strategy.kind in (FILE_KIND, WEBHOOK_KIND):
        return None
    try:
        if strategy.kind == LLM_KIND:
            from signalbot.ai.analysis import parse_analysis_params  # noqa: PLC0415 - few have any

            parse_analysis_params(strategy.candle_timeframe, strategy.params)
            return None
        build_strategy(strategy.kind, timeframe=strategy.candle_timeframe, params=strategy.params)
    except UnknownKind as e:
        return config.sources.problem(("strategies", strategy.name, "kind"), str(e))
    except BadParameter as e:
        path = ("strategies", strategy.name, "params", e.name)
        return config.sources.problem(path, str(e))
    return None
