"""Checks that need the strategies themselves, and so the libraries they calculate with."""

from signalbot.config.problems import Problem
from signalbot.config.terms import Config, StrategyTerms
from signalbot.config.unserved import RESERVED_KINDS
from signalbot.strategies import BadParameter, UnknownKind, build


def check_strategies(config: Config) -> tuple[Problem, ...]:
    """A problem for every strategy that cannot be built: its kind or a parameter is wrong."""
    found = (_problem(config, strategy) for strategy in config.strategies.values())
    return tuple(problem for problem in found if problem)


def _problem(config: Config, strategy: StrategyTerms) -> Problem | None:
    if strategy.kind in RESERVED_KINDS:
        return None
    try:
        build(strategy.kind, timeframe=strategy.timeframe, params=strategy.params)
    except UnknownKind as e:
        return config.sources.problem(("strategies", strategy.name, "kind"), str(e))
    except BadParameter as e:
        path = ("strategies", strategy.name, "params", e.name)
        return config.sources.problem(path, str(e))
    return None
