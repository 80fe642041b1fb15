"""Loads the configuration: a path and an environment become a Config, or a list of problems."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from signalbot.config.config_file import ConfigFile
from signalbot.config.cross_validation import conflicts
from signalbot.config.overrides import Overrides
from signalbot.config.problems import InvalidConfig
from signalbot.config.runtime_definitions import Definition
from signalbot.config.sections.ai import ai_settings
from signalbot.config.sections.daemon import api_settings, daemon_settings
from signalbot.config.sections.exchanges import exchange_settings
from signalbot.config.sections.maintenance import backup_settings, retention_settings
from signalbot.config.sections.notify import rules_for_operator, rules_for_users, user_times
from signalbot.config.sections.settings_layers import RiskSection, SettingsLayer
from signalbot.config.sections.strategies import strategy_settings
from signalbot.config.sections.users import UserSection, user_settings
from signalbot.config.settings import Config
from signalbot.config.settings_resolver import SettingsResolver
from signalbot.config.shadows import shadow_subscriptions, shadow_users
from signalbot.config.sources import Sources
from signalbot.config.validation_errors import validation_problems
from signalbot.config.warnings import config_warnings
from signalbot.domain.notices import OPERATOR, NoticeRules, NotificationSettings, Recipient
from signalbot.domain.users import (
    Subscription,
    UserId,
    subscription_id_of,
)
from signalbot.settings.webhook import MAX_EXPOSURE_PERCENT
from signalbot.strategies.kinds import WEBHOOK


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
    daemon = daemon_settings(file.daemon, path)
    users = {
        UserId(name): user_settings(UserId(name), table, sources.origin_of(("users", name)))
        for name, table in file.users.items()
    }
    users |= {each.user_id: each for each in shadow_users(file.users, users)}
    subscriptions = tuple(_subscriptions(file.defaults, file.users, sources))
    return Config(
        path=path,
        daemon=daemon,
        api=api_settings(file.api),
        backup=backup_settings(file.backup, daemon.state_dir),
        retention=retention_settings(file.retention),
        notify=_notify(file),
        ai=ai_settings(file.ai),
        exchanges={name: exchange_settings(name, table) for name, table in file.exchanges.items()},
        strategies={
            name: strategy_settings(name, table, config=path, sources=sources)
            for name, table in file.strategies.items()
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


def _subscriptions(
    defaults: SettingsLayer, users: Mapping[str, UserSection], sources: Sources
) -> Iterator[Subscription]:
    resolver = SettingsResolver()
    ceiling = SettingsLayer(risk=RiskSection(max_exposure_percent=MAX_EXPOSURE_PERCENT))
    for name, user in users.items():
        user_id = UserId(name)
        for strategy, layer in user.subscriptions.items():
            is_source = sources.get("strategies", strategy, "kind") == WEBHOOK
            lowest_layers = (ceiling,) if is_source else ()
            yield Subscription(
                subscription_id=subscription_id_of(user_id=user_id, strategy=strategy),
                user_id=user_id,
                strategy=strategy,
                settings=resolver.settings(*lowest_layers, defaults, user, layer),
                origin=sources.origin_of(("users", name, "subscriptions", strategy)),
            )
