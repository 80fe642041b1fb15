"""What the configuration may ask for and this version does not do yet.

A notice can be lived with; a run problem would be unsafe to ignore, so ``run`` refuses it.
Each line goes when its feature comes.
"""

from collections.abc import Iterator

from signalbot.config.problems import Problem
from signalbot.config.sources import layers_of
from signalbot.config.terms import Config, ExchangeTerms
from signalbot.domain.users import MarginMode, Mode, UserId

RESERVED_KINDS = ("llm",)
"""Strategy kinds of later versions."""

_SHOWN_NAMES = 5


def notices(config: Config) -> tuple[str, ...]:
    """What the file sets without effect, as sentences for its owner."""
    return tuple(_notices(config))


def run_problems(config: Config) -> tuple[Problem, ...]:
    """Why this version must not run the configuration; ``check`` and ``replay`` still may."""
    return tuple(dict.fromkeys(_run_problems(config)))


def _notices(config: Config) -> Iterator[str]:
    crossed = [
        user_id
        for user_id, user in config.users.items()
        if user.mode is Mode.PAPER and user.account.margin_mode is MarginMode.CROSS
    ]
    if crossed:
        yield (
            "account.margin_mode = 'cross' has no effect on paper: simulated margin is isolated "
            f"(set for {_few(crossed)})"
        )
    for exchange in config.exchanges.values():
        yield from _without_effect(exchange)


def _without_effect(exchange: ExchangeTerms) -> Iterator[str]:
    if exchange.is_simulated and (exchange.ccxt or exchange.sandbox):
        yield f"exchanges.{exchange.name}: ccxt and sandbox have no effect on a simulated exchange"


def _few(names: list[UserId]) -> str:
    more = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _run_problems(config: Config) -> Iterator[Problem]:
    problem = config.sources.problem
    for strategy in config.strategies.values():
        if strategy.kind in RESERVED_KINDS:
            message = f"{strategy.kind!r} cannot be run yet: it is a kind of a later version"
            yield problem(("strategies", strategy.name, "kind"), message)
    for subscription in config.subscriptions:
        if subscription.settings.ai.enabled:
            layers = layers_of(subscription.user_id, subscription.strategy)
            path = config.sources.deciding(layers, ("ai", "enabled")) or ("defaults", "ai")
            yield problem(path, "true cannot be run yet: this version asks no AI")
