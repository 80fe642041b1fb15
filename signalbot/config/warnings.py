"""Settings that are valid but have no effect."""

from collections.abc import Iterator

from signalbot.config.settings import Config
from signalbot.domain.users import MarginMode, Mode, UserId, owner_of
from signalbot.settings.exchange import ExchangeSettings

_MAX_LISTED_NAMES = 5


def config_warnings(config: Config) -> tuple[str, ...]:
    """Return one sentence for each setting that has no effect."""
    return tuple(_warnings(config))


def _warnings(config: Config) -> Iterator[str]:
    crossed = [
        user_id
        for user_id, user in config.users.items()
        if user.mode is Mode.PAPER
        and user.account.margin_mode is MarginMode.CROSS
        and owner_of(user_id) is None
    ]
    if crossed:
        yield (
            "account.margin_mode = 'cross' has no effect on paper: simulated margin is isolated "
            f"(set for {_few(crossed)})"
        )
    idle = [
        UserId(name)
        for name in config.sources.names("users")
        if config.sources.get("users", name, "account", "shadow") is True
        and config.users[UserId(name)].mode is not Mode.LIVE
    ]
    if idle:
        yield f"account.shadow has an effect on live users only (set for {_few(idle)})"
    for exchange in config.exchanges.values():
        yield from _without_effect(exchange)


def _without_effect(exchange: ExchangeSettings) -> Iterator[str]:
    if exchange.is_simulated and (exchange.ccxt or exchange.sandbox):
        yield f"exchanges.{exchange.name}: ccxt and sandbox have no effect on a simulated exchange"


def _few(names: list[UserId]) -> str:
    more = len(names) - _MAX_LISTED_NAMES
    return ", ".join(names[:_MAX_LISTED_NAMES]) + (f" and {more} more" if more > 0 else "")
