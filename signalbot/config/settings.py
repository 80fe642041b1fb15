"""The whole configuration: settings of every section, and the sources they came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from signalbot.config.sources import Sources
from signalbot.domain.money import ONE
from signalbot.domain.notices import NotificationSettings
from signalbot.domain.users import Subscription, User, UserId
from signalbot.settings.ai import AiSettings
from signalbot.settings.daemon import (
    ApiSettings,
    BackupSettings,
    DaemonSettings,
    RetentionSettings,
)
from signalbot.settings.exchange import ExchangeSettings
from signalbot.settings.strategy import StrategySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A valid configuration: every name in it exists and every value is within bounds."""

    path: Path
    daemon: DaemonSettings
    api: ApiSettings
    backup: BackupSettings
    retention: RetentionSettings
    notify: NotificationSettings
    ai: AiSettings = field(default_factory=AiSettings)
    exchanges: Mapping[str, ExchangeSettings]
    strategies: Mapping[str, StrategySettings]
    users: Mapping[UserId, User]
    subscriptions: tuple[Subscription, ...]  #: equal settings are one object
    warnings: tuple[str, ...] = ()  #: settings without effect
    sources: Sources = field(repr=False, compare=False)

    @property
    def speed(self) -> Decimal:
        """Simulated seconds per real second; 1 unless every exchange is simulated."""
        rules = (each.simulated for each in self.exchanges.values() if each.is_simulated)
        return next((each.speed for each in rules if each), ONE)
