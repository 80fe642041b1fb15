"""Effective values and their origins, as ``config show`` prints them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import time
from decimal import Decimal
from typing import Any

from signalbot.config.duration import duration_text
from signalbot.config.mask import masked
from signalbot.config.number_types import NO_LIMIT
from signalbot.config.section import Section
from signalbot.config.sections.daemon import ApiSection, DaemonSection
from signalbot.config.sections.exchanges import ExchangeSection
from signalbot.config.sections.maintenance import BackupSection, RetentionSection
from signalbot.config.sections.notify import EventsSection, NotifySection, TimesSection
from signalbot.config.sections.settings_layers import SettingsLayer, StopSection
from signalbot.config.sections.strategies import StrategySection
from signalbot.config.sections.users import UserSection
from signalbot.config.settings import Config
from signalbot.config.sources import Sources, setting_layers
from signalbot.config.toml_positions import Keys, dotted
from signalbot.domain.money import text
from signalbot.domain.settings import HoursRange, TakeProfitRule
from signalbot.settings.simulation import SimulatedSymbol

BUILT_IN = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedValue:
    """One effective value of the configuration for display; secrets are masked."""

    subject: str  #: table it belongs to: ``daemon``, ``users.alice.subscriptions.btc-trend``
    path: str  #: dotted keys within the subject, such as ``filters.max_signal_age``
    value: object  #: a JSON value; decimals and durations as text, "none" for no limit
    origin: str  #: ``default``, a table of the file, or ``environment VARIABLE``
    help: str  #: what the key means


def explain(config: Config) -> tuple[ExplainedValue, ...]:
    """Return every value of ``config`` in the order of the file; settings per subscription."""
    return tuple(_all(config))


def _all(config: Config) -> Iterator[ExplainedValue]:
    sources = config.sources
    yield from _explained(sources, ("daemon",), DaemonSection, config.daemon)
    yield from _explained(sources, ("api",), ApiSection, config.api)
    yield from _explained(sources, ("backup",), BackupSection, config.backup)
    yield from _explained(sources, ("retention",), RetentionSection, config.retention)
    yield from _explained(sources, ("notify",), NotifySection, config.notify)
    for name, exchange in config.exchanges.items():
        yield from _explained(sources, ("exchanges", name), ExchangeSection, exchange)
    for name, strategy in config.strategies.items():
        yield from _explained(sources, ("strategies", name), StrategySection, strategy)
    for user_id, user in config.users.items():
        yield from _explained(sources, ("users", user_id), UserSection, user)
    for recipient in config.notify.recipients:
        if recipient.name in config.users:
            levels_path, times = (
                ("users", recipient.name, key) for key in ("notify_events", "notify_times")
            )
            layers: tuple[Keys, ...] = (levels_path, ("notify", "events"))
            yield from _explained(sources, levels_path, EventsSection, recipient.rules, layers)
            times_value = config.notify.time_settings_for(recipient)
            yield from _explained(sources, times, TimesSection, times_value, (times, ("notify",)))
    for each in config.subscriptions:
        layers = setting_layers(each.user_id, each.strategy)
        yield from _explained(sources, layers[0], SettingsLayer, each.settings, layers)


def _explained(
    sources: Sources,
    subject: Keys,
    table: type[Section],
    values: object,
    layers: Iterable[Keys] | None = None,
) -> Iterator[ExplainedValue]:
    """Yield ``values`` by the keys of ``table``; ``layers`` are the tables that may set them."""
    for path, value, description in _leaves(table, values):
        yield ExplainedValue(
            subject=dotted(subject),
            path=dotted(path),
            value=masked((*subject, *path), value),
            origin=_origin(sources, layers or (subject,), path),
            help=description,
        )


def _origin(sources: Sources, layers: Iterable[Keys], path: Keys) -> str:
    found = sources.deciding_path(layers, path)
    if found is None:
        return BUILT_IN
    if variable := sources.variable_of(found):
        return f"environment {variable}"
    return dotted(found[: -len(path)])


def _leaves(
    table: type[Section], values: object, at: Keys = ()
) -> Iterator[tuple[Keys, object, str]]:
    """Yield path, displayed value and description of every key that ``values`` has."""
    for name, field in table.model_fields.items():
        path, kind = (*at, field.alias or name), field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            # The domain holds the keys of stop_loss in the surrounding group.
            inner = values if kind is StopSection else getattr(values, name, None)
            yield from _leaves(kind, inner, path)
        elif hasattr(values, name):
            for leaf, value in _flat(path, _plain(name, getattr(values, name))):
                yield leaf, value, field.description or ""


def _flat(path: Keys, value: object) -> Iterator[tuple[Keys, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat((*path, key), inner)
    else:
        yield path, value


def _plain(name: str, value: Any) -> object:
    """Convert ``value`` of the field ``name`` to the form the file uses."""
    match value:
        case tuple() | list():
            return [_plain(name, item) for item in value]
        case Mapping():
            return {str(key): _plain(str(key), item) for key, item in value.items()}
        case TakeProfitRule() | SimulatedSymbol():
            return _plain(name, asdict(value))
        case bool() | int() | float() if not name.endswith("_ms"):
            return value
        case _:
            return _text(value)


def _text(value: object) -> str:
    match value:
        case None:
            return NO_LIMIT
        case int():
            return duration_text(value)
        case Decimal():
            return text(value)
        case time():
            return f"{value:%H:%M}"
        case HoursRange():
            return f"{value.start:%H:%M}-{value.end:%H:%M}"
        case _:
            return str(value)
