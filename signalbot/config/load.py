"""Loads the configuration: a path and an environment become a Config, or a list of problems."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from signalbot.config.cross_validation import conflicts
from signalbot.config.locate import resolve_from_config
from signalbot.config.overrides import Overrides
from signalbot.config.problems import InvalidConfig
from signalbot.config.runtime_definitions import Definition
from signalbot.config.sections.ai import ai_settings
from signalbot.config.sections.file import ConfigFile, ExchangeSection, StrategySection, UserSection
from signalbot.config.sections.maintenance import backup_settings, retention_settings
from signalbot.config.sections.notify import rules_for_operator, rules_for_users, user_times
from signalbot.config.sections.settings_layers import RiskSection, SettingsLayer
from signalbot.config.sections.simulation import simulation_rules
from signalbot.config.settings import (
    SIMULATED,
    ApiSettings,
    Config,
    DaemonSettings,
    ExchangeSettings,
    StrategySettings,
)
from signalbot.config.settings_resolver import SettingsResolver
from signalbot.config.shadows import shadow_subscriptions, shadow_users
from signalbot.config.sources import Sources
from signalbot.config.validation_errors import validation_problems
from signalbot.config.warnings import config_warnings
from signalbot.config.webhook import MAX_EXPOSURE_PERCENT, WEBHOOK_KIND, WebhookSection
from signalbot.domain.notices import OPERATOR, NoticeRules, NotificationSettings, Recipient
from signalbot.domain.users import (
    AccountSettings,
    Origin,
    Subscription,
    User,
    UserId,
    subscription_id_of,
)
from signalbot.exchange.simulated.rules import SimulationRules

__all__ = [
    "ApiSettings",
    "Config",
    "DaemonSettings",
    "ExchangeSettings",
    "StrategySettings",
    "load",
]


def load(
    path: Path,
    environ: Mapping[str, str],
    definitions: Iterable[Definition] = (),
    *,
    text: str | None = None,
    overrides: Overrides | None = None,
) -> Config:
    """Read the file at ``path``, with the values of ``environ`` and the API's ``definitions``.

    ``text`` replaces the content of the file. ``overrides`` are applied last.

    Parameters of strategies are checked by ``checks.strategies``, which needs their libraries.

    Raises:
        InvalidConfig: the configuration cannot be used; carries every problem found.
    """
    sources = Sources.read(path, environ, definitions, text=text)
    if overrides is not None:
        sources.apply_overrides(overrides)
    problems = dict.fromkeys(conflicts(sources))
    try:
        file = ConfigFile(sources.tables)
    except ValidationError as e:
        raise InvalidConfig([*validation_problems(e, sources), *problems]) from None
    if problems:
        raise InvalidConfig(problems)
    config = _config(path, file, sources)
    return replace(config, warnings=config_warnings(config))


def _config(path: Path, file: ConfigFile, sources: Sources) -> Config:
    host, port = file.api.listen
    state_dir = resolve_from_config(path, file.daemon.state_dir)
    users = {
        UserId(name): _user(UserId(name), table, sources.origin_of(("users", name)))
        for name, table in file.users.items()
    }
    users |= {each.user_id: each for each in shadow_users(file.users, users)}
    subscriptions = tuple(_subscriptions(file.defaults, file.users, sources))
    return Config(
        path=path,
        daemon=DaemonSettings(
            state_dir=state_dir,
            log_format=file.daemon.log_format,
            log_level=file.daemon.log_level,
            master_key_file=resolve_from_config(path, file.daemon.master_key_file),
            min_free_disk_mb=file.daemon.min_free_disk_mb,
            trust_flat_ms=file.daemon.trust_flat_ms,
        ),
        api=ApiSettings(
            host=host,
            port=port,
            tls_behind_proxy=file.api.tls_behind_proxy,
            requests_per_second=file.api.requests_per_second,
            max_connections=file.api.max_connections,
        ),
        backup=backup_settings(file.backup, state_dir),
        retention=retention_settings(file.retention),
        notify=_notify(file),
        ai=ai_settings(file.ai),
        exchanges={name: _exchange(name, table) for name, table in file.exchanges.items()},
        strategies={
            name: _strategy(path, name, table, sources) for name, table in file.strategies.items()
        },
        users=users,
        subscriptions=(*subscriptions, *shadow_subscriptions(subscriptions, users)),
        sources=sources,
    )


def _notify(file: ConfigFile) -> NotificationSettings:
    table = file.notify
    shared_rules: dict[NoticeRules, NoticeRules] = {}
    operator = Recipient(name=OPERATOR, urls=table.operator, rules=rules_for_operator(table))
    found = [operator]
    for name, user in file.users.items():
        rules = rules_for_users(table, user.notify_events)
        shared = shared_rules.setdefault(rules, rules)
        found.append(
            Recipient(
                name=UserId(name),
                urls=user.notify,
                rules=shared,
                time_settings=user_times(table, user.notify_times),
            )
        )
    return NotificationSettings(
        recipients=tuple(each for each in found if each.urls),
        operator=operator.urls,
        events=rules_for_users(table, None),
        operator_events=operator.rules,
        daily_summary=table.daily_summary,
        time_zone=table.time_zone,
    )


def _exchange(name: str, table: ExchangeSection) -> ExchangeSettings:
    rules = SimulationRules() if table.ccxt_id == SIMULATED else None
    return ExchangeSettings(
        name=name,
        ccxt_id=table.ccxt_id,
        sandbox=table.sandbox,
        request_share=table.request_share,
        request_limits=table.request_limits,
        visibility_lag_ms=table.visibility_lag_ms,
        ccxt=_with_floats(table.ccxt),
        simulated=simulation_rules(table.simulated)
        if "simulated" in table.model_fields_set
        else rules,
    )


def _strategy(path: Path, name: str, table: StrategySection, sources: Sources) -> StrategySettings:
    made = sources.definition_of(("strategies", name))
    file = None if table.path is None else resolve_from_config(path, table.path)
    return StrategySettings(
        name=name,
        kind=table.kind,
        exchange=table.exchange,
        symbols=table.symbols,
        timeframe=table.timeframe,
        webhook=_webhook(table),
        signal_ttl_ms=table.signal_ttl_ms,
        params=_with_floats(table.params),
        owner=None if table.owner is None else UserId(table.owner),
        allowed_users=table.allowed_users,
        version=1 if made is None else made.version,
        origin=sources.origin_of(("strategies", name)),
        path=file,
        digest=None if file is None else _digest(file),
        deadline_s=table.deadline_ms / 1000,
        memory_mb=table.memory_mb,
    )


def _webhook(table: StrategySection) -> WebhookSection | None:
    if table.kind != WEBHOOK_KIND:
        return None
    return table.webhook if "webhook" in table.model_fields_set else WebhookSection()


def _user(user_id: UserId, table: UserSection, origin: Origin) -> User:
    account = table.account
    return User(
        user_id=user_id,
        mode=table.mode,
        account=AccountSettings(
            exchange=account.exchange,
            leverage=account.leverage,
            margin_mode=account.margin_mode,
            paper_balance=account.paper_balance,
            egress=account.egress,
            allow_withdrawal_keys=account.allow_withdrawal_keys,
        ),
        notify=table.notify,
        origin=origin,
    )


def _subscriptions(
    defaults: SettingsLayer, users: Mapping[str, UserSection], sources: Sources
) -> Iterator[Subscription]:
    resolver = SettingsResolver()
    ceiling = SettingsLayer(risk=RiskSection(max_exposure_percent=MAX_EXPOSURE_PERCENT))
    for name, user in users.items():
        user_id = UserId(name)
        for strategy, layer in user.subscriptions.items():
            is_source = sources.get("strategies", strategy, "kind") == WEBHOOK_KIND
            lowest_layers = (ceiling,) if is_source else ()
            yield Subscription(
                subscription_id=subscription_id_of(user_id=user_id, strategy=strategy),
                user_id=user_id,
                strategy=strategy,
                settings=resolver.settings(*lowest_layers, defaults, user, layer),
                origin=sources.origin_of(("users", name, "subscriptions", strategy)),
            )


def _digest(file: Path) -> str:
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""


def _with_floats(value: Any) -> Any:
    """Convert Decimals in ``value`` to floats: parameters and ccxt options are not money."""
    match value:
        case Decimal():
            return float(value)
        case dict():
            return {key: _with_floats(inner) for key, inner in value.items()}
        case list():
            return [_with_floats(inner) for inner in value]
        case _:
            return value
