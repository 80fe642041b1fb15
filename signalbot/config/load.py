"""The way in: a path and an environment become a Config, or every reason why not."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from signalbot.config.ai import ai_terms
from signalbot.config.complaints import complaints
from signalbot.config.cross import contradictions
from signalbot.config.definitions import Definition
from signalbot.config.file import ConfigFile, ExchangeTable, StrategyTable, UserTable
from signalbot.config.keeping import backup_terms, retention_terms
from signalbot.config.layers import RiskTable, SettingsLayer
from signalbot.config.locate import beside
from signalbot.config.notices import own_time, rules_for_operator, rules_for_users
from signalbot.config.problems import InvalidConfig
from signalbot.config.resolve import Resolver
from signalbot.config.shadows import followed, shadows
from signalbot.config.simulation import rules_of
from signalbot.config.sources import Sources
from signalbot.config.terms import (
    SIMULATED,
    ApiTerms,
    Config,
    DaemonTerms,
    ExchangeTerms,
    StrategyTerms,
)
from signalbot.config.unserved import notices
from signalbot.config.webhook import MOST_EXPOSURE_PERCENT, WEBHOOK_KIND, WebhookTable
from signalbot.config.wishes import Wishes
from signalbot.domain.notices import OPERATOR, NoticeRules, NotifyTerms, Recipient
from signalbot.domain.users import (
    AccountTerms,
    Origin,
    Subscription,
    User,
    UserId,
    subscription_id_of,
)
from signalbot.exchange.simulated.rules import SimulationRules

__all__ = ["ApiTerms", "Config", "DaemonTerms", "ExchangeTerms", "StrategyTerms", "load"]


def load(
    path: Path,
    environ: Mapping[str, str],
    definitions: Iterable[Definition] = (),
    *,
    text: str | None = None,
    wishes: Wishes | None = None,
) -> Config:
    """Read the file at ``path`` with the overrides of ``environ``, and what the API has made.

    With ``text`` the file is taken to hold that, whatever it holds by now. ``wishes`` are laid
    over all of it.

    Parameters of strategies are checked by ``check_strategies``, which needs their libraries.

    Raises:
        InvalidConfig: the whole cannot be used; it carries every problem found.
    """
    sources = Sources.read(path, environ, definitions, text=text)
    if wishes is not None:
        sources.try_out(wishes)
    problems = dict.fromkeys(contradictions(sources))
    try:
        file = ConfigFile(sources.tables)
    except ValidationError as e:
        raise InvalidConfig([*complaints(e, sources), *problems]) from None
    if problems:
        raise InvalidConfig(problems)
    config = _config(path, file, sources)
    return replace(config, notices=notices(config))


def _config(path: Path, file: ConfigFile, sources: Sources) -> Config:
    host, port = file.api.listen
    state_dir = beside(path, file.daemon.state_dir)
    users = {
        UserId(name): _user(UserId(name), table, sources.origin_of(("users", name)))
        for name, table in file.users.items()
    }
    users |= {each.user_id: each for each in shadows(file.users, users)}
    subscriptions = tuple(_subscriptions(file.defaults, file.users, sources))
    return Config(
        path=path,
        daemon=DaemonTerms(
            state_dir=state_dir,
            log_format=file.daemon.log_format,
            log_level=file.daemon.log_level,
            master_key_file=beside(path, file.daemon.master_key_file),
            min_free_disk_mb=file.daemon.min_free_disk_mb,
            trust_flat_ms=file.daemon.trust_flat_ms,
        ),
        api=ApiTerms(
            host=host,
            port=port,
            tls_behind_proxy=file.api.tls_behind_proxy,
            requests_per_second=file.api.requests_per_second,
            max_connections=file.api.max_connections,
        ),
        backup=backup_terms(file.backup, state_dir),
        retention=retention_terms(file.retention),
        notify=_notify(file),
        ai=ai_terms(file.ai),
        exchanges={name: _exchange(name, table) for name, table in file.exchanges.items()},
        strategies={
            name: _strategy(path, name, table, sources) for name, table in file.strategies.items()
        },
        users=users,
        subscriptions=(*subscriptions, *followed(subscriptions, users)),
        sources=sources,
    )


def _notify(file: ConfigFile) -> NotifyTerms:
    table = file.notify
    known: dict[NoticeRules, NoticeRules] = {}
    operator = Recipient(name=OPERATOR, urls=table.operator, rules=rules_for_operator(table))
    found = [operator]
    for name, user in file.users.items():
        rules = rules_for_users(table, user.notify_events)
        shared = known.setdefault(rules, rules)
        found.append(
            Recipient(
                name=UserId(name),
                urls=user.notify,
                rules=shared,
                own_time=own_time(table, user.notify_times),
            )
        )
    return NotifyTerms(
        recipients=tuple(each for each in found if each.urls),
        operator=operator.urls,
        events=rules_for_users(table, None),
        operator_events=operator.rules,
        daily_summary=table.daily_summary,
        time_zone=table.time_zone,
    )


def _exchange(name: str, table: ExchangeTable) -> ExchangeTerms:
    rules = SimulationRules() if table.ccxt_id == SIMULATED else None
    return ExchangeTerms(
        name=name,
        ccxt_id=table.ccxt_id,
        sandbox=table.sandbox,
        request_share=table.request_share,
        request_limits=table.request_limits,
        visibility_lag_ms=table.visibility_lag_ms,
        ccxt=_with_floats(table.ccxt),
        simulated=rules_of(table.simulated) if "simulated" in table.model_fields_set else rules,
    )


def _strategy(path: Path, name: str, table: StrategyTable, sources: Sources) -> StrategyTerms:
    made = sources.definition_of(("strategies", name))
    file = None if table.path is None else beside(path, table.path)
    return StrategyTerms(
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


def _webhook(table: StrategyTable) -> WebhookTable | None:
    if table.kind != WEBHOOK_KIND:
        return None
    return table.webhook if "webhook" in table.model_fields_set else WebhookTable()


def _user(user_id: UserId, table: UserTable, origin: Origin) -> User:
    account = table.account
    return User(
        user_id=user_id,
        mode=table.mode,
        account=AccountTerms(
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
    defaults: SettingsLayer, users: Mapping[str, UserTable], sources: Sources
) -> Iterator[Subscription]:
    resolver = Resolver()
    ceiling = SettingsLayer(risk=RiskTable(max_exposure_percent=MOST_EXPOSURE_PERCENT))
    for name, user in users.items():
        user_id = UserId(name)
        for strategy, layer in user.subscriptions.items():
            is_source = sources.get("strategies", strategy, "kind") == WEBHOOK_KIND
            beneath = (ceiling,) if is_source else ()
            yield Subscription(
                subscription_id=subscription_id_of(user_id=user_id, strategy=strategy),
                user_id=user_id,
                strategy=strategy,
                settings=resolver.settings(*beneath, defaults, user, layer),
                origin=sources.origin_of(("users", name, "subscriptions", strategy)),
            )


def _digest(file: Path) -> str:
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""


def _with_floats(value: Any) -> Any:
    """``value`` with floats for Decimals: parameters and ccxt options are no money."""
    match value:
        case Decimal():
            return float(value)
        case dict():
            return {key: _with_floats(inner) for key, inner in value.items()}
        case list():
            return [_with_floats(inner) for inner in value]
        case _:
            return value
