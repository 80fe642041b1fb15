"""``[strategies.NAME]``."""

from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from signalbot.config.locate import resolve_from_config
from signalbot.config.number_types import Duration, Number, with_floats
from signalbot.config.section import Section, key
from signalbot.config.sections.webhook import WebhookSection, webhook_settings
from signalbot.config.sources import Sources
from signalbot.config.validators import Globs, Symbols, Text
from signalbot.domain.timeframe import Timeframe
from signalbot.domain.users import UserId
from signalbot.settings.strategy import StrategySettings
from signalbot.settings.webhook import WebhookSettings
from signalbot.strategies.kinds import WEBHOOK


class StrategySection(Section):
    """One strategy, under a name of your choice."""

    kind: Text = Field(
        description='A built-in strategy, such as ema_cross, "file", "llm" or "webhook".'
    )
    path: Text | None = Field(
        default=None, description='The strategy file, for kind "file"; relative to this file.'
    )
    deadline_ms: Annotated[int, Duration(least_ms=1)] = Field(
        default="30s",
        alias="deadline",
        validate_default=True,
        description="Time limit of a strategy file for one candle.",
    )
    memory_mb: Annotated[int, Number(kind=int, at_least=16, at_most=65_536)] = Field(
        default=512, description="Memory limit of a strategy file, in megabytes."
    )
    exchange: Text = Field(description="Name of the exchange that provides its candles.")
    symbols: Symbols = Field(description="Markets it evaluates, each separately.")
    timeframe: Timeframe | None = Field(
        default=None, description='Length of its candles; required except for kind "webhook".'
    )
    webhook: WebhookSection = key('How alerts are interpreted, for kind "webhook".')
    signal_ttl_ms: Annotated[int, Duration(least_ms=1)] = Field(
        default="5m",
        alias="signal_ttl",
        validate_default=True,
        description="How long a signal stays active.",
    )
    params: dict[str, Any] = Field(default={}, description="Parameters of its kind.")
    owner: Text | None = Field(
        default=None, description="User who may change its settings, besides administrators."
    )
    allowed_users: Globs = Field(
        default=("*",), description='Names or globs of users who may subscribe; "*" is all.'
    )


def strategy_settings(
    name: str, table: StrategySection, *, config: Path, sources: Sources
) -> StrategySettings:
    """Convert the section of the file ``config`` to settings."""
    definition = sources.definition_of(("strategies", name))
    file = None if table.path is None else resolve_from_config(config, table.path)
    return StrategySettings(
        name=name,
        kind=table.kind,
        exchange=table.exchange,
        symbols=table.symbols,
        timeframe=table.timeframe,
        webhook=_webhook(table),
        signal_ttl_ms=table.signal_ttl_ms,
        params=with_floats(table.params),
        owner=None if table.owner is None else UserId(table.owner),
        allowed_users=table.allowed_users,
        version=1 if definition is None else definition.version,
        origin=sources.origin_of(("strategies", name)),
        path=file,
        digest=None if file is None else _digest(file),
        deadline_s=table.deadline_ms / 1000,
        memory_mb=table.memory_mb,
    )


def _webhook(table: StrategySection) -> WebhookSettings | None:
    if table.kind != WEBHOOK:
        return None
    given = "webhook" in table.model_fields_set
    return webhook_settings(table.webhook) if given else WebhookSettings()


def _digest(file: Path) -> str:
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""
