"""Checks between values of the file: referenced names exist, related settings agree.

These checks read raw values, so that they report even when other parts of the file are invalid;
a value of the wrong type is left to pydantic.
"""

from collections.abc import Iterator
from decimal import Decimal
from ipaddress import ip_address

from signalbot.config.checks.ai import ai_conflicts
from signalbot.config.problems import Problem, suggestion
from signalbot.config.sources import Sources, setting_layers
from signalbot.config.strategy_kinds import SPECIAL_KINDS, strategy_kind
from signalbot.config.toml_positions import Keys
from signalbot.config.validators import NAME, split_listen
from signalbot.domain.globs import matches_any
from signalbot.domain.money import ONE
from signalbot.domain.settings import Sizing, SizingMode, StopSource
from signalbot.domain.users import Mode
from signalbot.settings.exchange import SIMULATED


def conflicts(sources: Sources) -> Iterator[Problem]:
    """Yield every contradiction between values of the file."""
    yield from _names(sources)
    yield from _listen(sources)
    yield from _speeds(sources)
    yield from ai_conflicts(sources)
    for strategy in sources.names("strategies"):
        yield from _reference(sources, ("strategies", strategy, "exchange"), "exchanges")
        if sources.has("strategies", strategy, "owner"):
            yield from _reference(sources, ("strategies", strategy, "owner"), "users")
        yield from _kind_keys(sources, strategy)
    for user in sources.names("users"):
        yield from _reference(sources, ("users", user, "account", "exchange"), "exchanges")
        for strategy in sources.names("users", user, "subscriptions"):
            yield from _subscription(sources, user, strategy)


def _names(sources: Sources) -> Iterator[Problem]:
    for section in ("exchanges", "strategies", "users"):
        for name in sources.names(section):
            if not NAME.fullmatch(name):
                yield sources.problem(
                    (section, name),
                    f"{name!r} is not a name: up to 40 of a-z, 0-9, _ and -, "
                    "beginning with a letter or digit",
                )


def _listen(sources: Sources) -> Iterator[Problem]:
    path = ("api", "listen")
    address = split_listen(sources.get(*path))
    if not address or sources.get("api", "tls_behind_proxy") is True:
        return
    if not _is_loopback(address[0]):
        yield sources.problem(
            path,
            f"{sources.get(*path)!r} is open to others without encryption: listen on 127.0.0.1, "
            "or set tls_behind_proxy = true if a proxy in front adds TLS",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _speeds(sources: Sources) -> Iterator[Problem]:
    """Check that time runs faster only without a real exchange, and equally on all exchanges."""
    names = sources.names("exchanges")
    speeds = {name: _speed(sources, name) for name in names}
    real = [name for name in names if sources.get("exchanges", name, "ccxt_id") != SIMULATED]
    expected = ONE if real else next(iter(speeds.values()), ONE)
    for name, speed in speeds.items():
        if speed == expected:
            continue
        if real:
            reason = f"needs every exchange to be simulated, and {real[0]!r} is not"
        else:
            reason = f"is not the {expected} of {names[0]!r}: all exchanges share one clock"
        yield sources.problem(("exchanges", name, "simulated", "speed"), f"{speed} {reason}")


def _speed(sources: Sources, name: str) -> Decimal:
    """Return the speed of an exchange; 1 where it is not given or not a number."""
    speed = sources.get("exchanges", name, "simulated", "speed")
    return Decimal(speed) if isinstance(speed, int | Decimal) else ONE


def _kind_keys(sources: Sources, strategy: str) -> Iterator[Problem]:
    """Check that a strategy has the keys its kind requires, and none of another kind."""
    table = ("strategies", strategy)
    kind = strategy_kind(str(sources.get(*table, "kind")))
    for key in kind.required_keys:
        if not sources.has(*table, key):
            yield sources.problem((*table, "kind"), f"{kind.name!r} needs a {key}")
    for other in SPECIAL_KINDS:
        for key in other.own_keys:
            if other is not kind and sources.has(*table, key):
                message = f"only a strategy of kind {other.name!r} has a {key}"
                yield sources.problem((*table, key), message)
    if kind.is_subscribable and not sources.has(*table, "timeframe"):
        yield sources.problem(
            (*table, "timeframe"), "is missing: the length of its candles, such as '5m'"
        )


def _reference(sources: Sources, path: Keys, section: str) -> Iterator[Problem]:
    name = sources.get(*path)
    if isinstance(name, str) and name not in sources.names(section):
        yield sources.problem(path, _no_such(name, sources, section))


def _no_such(name: str, sources: Sources, section: str) -> str:
    existing = sources.names(section)
    ending = suggestion(name, existing) or f": the file has no [{section}.…] at all"
    return f"{name!r} is not one of the {section} of this file{ending}"


def _subscription(sources: Sources, user: str, strategy: str) -> Iterator[Problem]:
    path = ("users", user, "subscriptions", strategy)
    if strategy not in sources.names("strategies"):
        yield sources.problem(path, _no_such(strategy, sources, "strategies"))
        return
    yield from _allowed(sources, user, strategy)
    yield from _exchange_match(sources, user, strategy)
    yield from _sizing(sources, user, strategy)


def _allowed(sources: Sources, user: str, strategy: str) -> Iterator[Problem]:
    allowed = sources.get("strategies", strategy, "allowed_users")
    if not isinstance(allowed, list) or matches_any(user, tuple(map(str, allowed))):
        return
    yield sources.problem(
        ("users", user, "subscriptions", strategy),
        f"{strategy!r} does not allow {user!r}: see its allowed_users",
    )


def _exchange_match(sources: Sources, user: str, strategy: str) -> Iterator[Problem]:
    account = sources.get("users", user, "account", "exchange")
    source = sources.get("strategies", strategy, "exchange")
    existing = sources.names("exchanges")
    if account == source or account not in existing or source not in existing:
        return
    if sources.get("users", user, "mode") != Mode.SIGNALS:
        yield sources.problem(
            ("users", user, "subscriptions", strategy),
            f"{strategy!r} trades on {source!r}, but the account of {user!r} is on {account!r}: "
            f"subscribe to a strategy of {account!r}, or set mode = 'signals' for this user",
        )


def _sizing(sources: Sources, user: str, strategy: str) -> Iterator[Problem]:
    """Check that sizing by the loss at the stop has a stop."""
    layers = setting_layers(user, strategy)
    mode_path = sources.deciding_path(layers, ("sizing", "mode"))
    stop_path = sources.deciding_path(layers, ("protection", "stop_loss", "source"))
    mode = sources.get(*mode_path) if mode_path else Sizing().mode
    if not stop_path or sources.get(*stop_path) != StopSource.NONE or mode != SizingMode.RISK:
        return
    is_users_own = mode_path and mode_path[0] == "users" and stop_path[0] != "users"
    yield sources.problem(
        mode_path if mode_path and is_users_own else stop_path,
        "sizing mode 'risk' sizes by the stop, but the stop_loss source is 'none': "
        "name another source, or choose sizing mode 'quote' or 'balance'",
    )
