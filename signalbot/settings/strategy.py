"""Settings of one strategy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from signalbot.domain.globs import matches_any
from signalbot.domain.timeframe import Timeframe
from signalbot.domain.users import Origin, UserId
from signalbot.settings.webhook import WebhookSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySettings:
    """One ``[strategies.NAME]`` section."""

    name: str
    kind: str
    exchange: str
    symbols: tuple[str, ...]  #: at least one, each once
    timeframe: Timeframe | None  #: None: it reads no candles
    signal_ttl_ms: int
    params: Mapping[str, Any] = field(repr=False)  #: JSON values, not yet validated
    owner: UserId | None = None  #: who may change its settings, besides administrators
    allowed_users: tuple[str, ...] = ("*",)  #: globs of who may subscribe
    webhook: WebhookSettings | None = field(default=None, repr=False)  #: of kind "webhook" only
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
