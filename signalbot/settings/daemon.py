"""Settings of the daemon, its API, backups and archiving."""

from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSettings:
    """The ``[daemon]`` section."""

    state_dir: Path  #: absolute
    log_format: Literal["console", "json"]
    log_level: Literal["debug", "info", "warning", "error"]
    master_key_file: Path  #: absolute
    min_free_disk_mb: int = 200  #: below it entries are blocked
    trust_flat_ms: int = 600_000  #: maximum age, at the stop, of a flat account's reconciliation


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """The ``[api]`` section."""

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
    """The ``[backup]`` section."""

    directory: Path  #: absolute
    every_ms: int | None  #: None: no backups
    at: time  #: UTC, of one backup per day
    keep_daily: int
    keep_weekly: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    """The ``[retention]`` section."""

    keep_ms: int | None  #: age at which rows move to archives; None: never
