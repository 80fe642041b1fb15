"""The configuration as plain, frozen dataclasses: complete and validated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from signalbot.ai.settings import AiSettings
from signalbot.config.sources import Sources
from signalbot.config.webhook import WebhookSection
from signalbot.domain.globs import matches_any
from signalbot.domain.money import ONE
from signalbot.domain.notices import NotificationSettings
from signalbot.domain.timeframe import Timeframe
from signalbot.domain.users import Origin, Subscription, User, UserId
from signalbot.exchange.simulated.rules import SimulationRules

SIMULATED = "simulated"
"""The ``ccxt_id`` of an exchange in memory."""

FILE_KIND = "file"
"""The ``kind`` of a strategy that runs from a user's file in a sandbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSettings:
    state_dir: Path  #: absolute
    log_format: Literal["console", "json"]
    log_level: Literal["debug", "info", "warning", "error"]
    master_key_file: Path  #: absolute
    min_free_disk_mb: int = 200  #: below it entries are blocked
    trust_flat_ms: int = 600_000  #: maximum age, at the stop, of a flat account's reconciliation


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    host: str  #: loopback unless ``tls_behind_proxy``
    port: int
    tls_behind_proxy: bool
    requests_per_second: int = 20  #: per token or source, else per address
    max_connections: int = 256  #: of all clients of the public listener

    @property
    def listen(self) -> str:
        """``HOST:PORT``, or ``[HOST]:PORT`` for IPv6."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSettings:
    directory: Path  #: absolute
    every_ms: int | None  #: None: no backups
    at: time  #: UTC, of one backup per day
    keep_daily: int
    keep_weekly: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    keep_ms: int | None  #: age at which rows move to archives; None: never


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSettings:
    name: str
    ccxt_id: str
    sandbox: bool
    ccxt: Mapping[str, Any] = field(repr=False)  #: merged into the ccxt constructor unchanged
    simulated: SimulationRules | None  #: set if ``is_simulated``; otherwise for paper fills
    request_share: Decimal = ONE  #: share of the exchange's rate limits to use
    request_limits: Mapping[int, int] = field(default_factory=dict)  #: cost by window length in ms
    visibility_lag_ms: int = 60_000  #: delay with which it may report orders

    @property
    def is_simulated(self) -> bool:
        return self.ccxt_id == SIMULATED


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySettings:
    name: str
    kind: str
    exchange: str
    symbols: tuple[str, ...]  #: at least one, each once
    timeframe: Timeframe | None  #: None: it reads no candles
    signal_ttl_ms: int
    params: Mapping[str, Any] = field(repr=False)  #: JSON values, not yet validated
    owner: UserId | None = None  #: who may change its settings, besides administrators
    allowed_users: tuple[str, ...] = ("*",)  #: globs of who may subscribe
    webhook: WebhookSection | None = field(default=None, repr=False)  #: of kind "webhook" only
    version: int = 1  #: of its settings; incremented with every change by the API
    origin: Origin = Origin.CONFIG
    path: Path | None = None  #: absolute; of kind "file" only
    digest: str | None = None  #: SHA-256 of the file; "" if it cannot be read
    deadline_s: float = 30.0  #: of kind "file", for one candle
    memory_mb: int = 512  #: of kind "file"

    @property
    def candle_timeframe(self) -> Timeframe:
        """Length of its candles; an alert source has none."""
        assert self.timeframe is not None, f"{self.name} reads no candles"  # noqa: S101 - a bug
        return self.timeframe

    def allows(self, user_id: UserId) -> bool:
        """Return whether this user may subscribe."""
        return matches_any(user_id, self.allowed_users)


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
