"""``[daemon]`` and ``[api]``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from signalbot.config.locate import DEFAULT_STATE_DIR, resolve_from_config
from signalbot.config.number_types import Duration, Number
from signalbot.config.section import Flag, Section
from signalbot.config.validators import Listen, Text
from signalbot.settings.daemon import ApiSettings, DaemonSettings


class DaemonSection(Section):
    """The daemon itself."""

    state_dir: Text = Field(
        default=DEFAULT_STATE_DIR,
        description="Folder of ledger, control socket and cache; relative to this file.",
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="Format of the log."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Minimum level that is logged."
    )
    trust_flat_ms: Annotated[int, Duration()] = Field(
        default="10m",
        alias="trust_flat",
        validate_default=True,
        description="A flat account reconciled at most this long before the stop enters at once; "
        '"0s": never.',
    )
    master_key_file: Text = Field(
        default="master.key",
        description="File of the key that encrypts the vault; relative to this file.",
    )
    min_free_disk_mb: Annotated[int, Number(kind=int, at_least=1, at_most=1_000_000)] = Field(
        default=200,
        description="Free megabytes on the state directory's disk below which entries are blocked.",
    )


class ApiSection(Section):
    """The HTTP and WebSocket API."""

    listen: Listen = Field(
        default="127.0.0.1:8787",
        validate_default=True,
        description="Address and port to listen on.",
    )
    tls_behind_proxy: Flag = Field(
        default=False,
        description="Whether a reverse proxy adds TLS, so that any address is allowed.",
    )
    requests_per_second: Annotated[int, Number(kind=int, at_least=1, at_most=100_000)] = Field(
        default=20,
        description="Sustained request rate of one token, source, or address without a token.",
    )
    max_connections: Annotated[int, Number(kind=int, at_least=16, at_most=16_384)] = Field(
        default=256,
        description="Open connections of all clients together; at most a quarter of the daemon's "
        "file descriptor limit.",
    )


def daemon_settings(section: DaemonSection, config: Path) -> DaemonSettings:
    """Convert ``[daemon]`` of the file ``config`` to settings."""
    return DaemonSettings(
        state_dir=resolve_from_config(config, section.state_dir),
        log_format=section.log_format,
        log_level=section.log_level,
        master_key_file=resolve_from_config(config, section.master_key_file),
        min_free_disk_mb=section.min_free_disk_mb,
        trust_flat_ms=section.trust_flat_ms,
    )


def api_settings(section: ApiSection) -> ApiSettings:
    """Convert ``[api]`` to settings."""
    host, port = section.listen
    return ApiSettings(
        host=host,
        port=port,
        tls_behind_proxy=section.tls_behind_proxy,
        requests_per_second=section.requests_per_second,
        max_connections=section.max_connections,
    )
