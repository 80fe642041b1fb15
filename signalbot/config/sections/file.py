"""The whole file as a pydantic model."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

from pydantic import Field
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from signalbot.config.locate import DEFAULT_STATE_DIR
from signalbot.config.number_types import Duration, Number
from signalbot.config.section import Section, key
from signalbot.config.sections.ai import AiSection
from signalbot.config.sections.maintenance import BackupSection, RetentionSection
from signalbot.config.sections.notify import EventsSection, NotifySection, TimesSection
from signalbot.config.sections.settings_layers import SettingsLayer
from signalbot.config.sections.simulation import SimulatedSection
from signalbot.config.validators import (
    DIRECT,
    CcxtId,
    Egress,
    Globs,
    Listen,
    Name,
    NotifyUrl,
    RequestLimits,
    Symbols,
    Text,
)
from signalbot.config.webhook import WebhookSection
from signalbot.domain.timeframe import Timeframe
from signalbot.domain.users import MarginMode, Mode

Flag = Annotated[bool, Field(strict=True)]


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


class ExchangeSection(Section):
    """One exchange, under a name of your choice."""

    ccxt_id: CcxtId = Field(description='Its id in ccxt, such as "binanceusdm", or "simulated".')
    sandbox: Flag = Field(default=False, description="Whether to use the exchange's test network.")
    request_share: Annotated[Decimal, Number(above=0, at_most=1)] = Field(
        default=1,
        validate_default=True,
        description="Share of its published rate limits to use, where programs share an address.",
    )
    request_limits: RequestLimits = Field(
        default={},
        validate_default=True,
        description='Rate limits of your account that differ from the published: { "1m" = 6000 }.',
    )
    visibility_lag_ms: Annotated[int, Duration(least_ms=1_000)] = Field(
        default="60s",
        alias="visibility_lag",
        validate_default=True,
        description="Delay with which it may report orders and positions; until then absence is no "
        "proof.",
    )
    ccxt: dict[str, Any] = Field(
        default={},
        description="Merged into the ccxt constructor unchanged: urls, proxies, options.",
    )
    simulated: SimulatedSection = key(
        "Behavior of a simulated exchange, or of paper fills on a real one."
    )


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


class AccountSection(Section):
    """A user's account at one exchange."""

    exchange: Text = Field(description="Name of an exchange of this file.")
    leverage: Annotated[int, Number(kind=int, at_least=1, at_most=125)] = Field(
        default=1, description="Leverage of every position."
    )
    margin_mode: MarginMode = Field(
        default=MarginMode.ISOLATED, description="Margin mode of positions."
    )
    paper_balance: Annotated[Decimal, Number(above=0)] = Field(
        default=10_000,
        validate_default=True,
        description="Initial balance of a paper account, in quote currency.",
    )
    shadow: Flag = Field(
        default=False,
        description="Whether a paper account mirrors this live account with the same settings.",
    )
    allow_withdrawal_keys: Flag = Field(
        default=False,
        description="Whether to accept a key that can withdraw; else its user is halted.",
    )
    egress: Egress = Field(
        default=DIRECT,
        description="Route of its requests: direct, a proxy URL, or a local address.",
    )


class UserSection(SettingsLayer):
    """One trading account; a person with two accounts is two users."""

    mode: Mode = Field(
        default=Mode.PAPER, description="Notifications only, simulated fills, or real orders."
    )
    notify: tuple[NotifyUrl, ...] = Field(
        default=(), description='apprise URLs to notify; "secret:NAME" is read from the vault.'
    )
    notify_events: EventsSection = key(
        "Level of each notice to this user; overrides notify.events."
    )
    notify_times: TimesSection = key(
        "Summary time and time zone of this user; override those of notify."
    )
    account: AccountSection = Field(description="The account that trades.")
    subscriptions: dict[Name, SettingsLayer] = Field(
        default={}, description="Strategies this user follows, each with its settings."
    )


class _MergedSource(PydanticBaseSettingsSource):
    """File and environment, merged by ``Sources``.

    pydantic's own sources do not record which variable set a value, ignore a misspelled section,
    accept ``[Users]`` for ``[users]``, and read only the process environment.
    """

    def __init__(self, settings_cls: type[BaseSettings], tables: dict[str, Any]) -> None:
        super().__init__(settings_cls)
        self._tables = tables

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._tables.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self._tables


class ConfigFile(BaseSettings):
    """signalbot's configuration file."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    daemon: DaemonSection = Field(default_factory=DaemonSection, description="The daemon itself.")
    api: ApiSection = Field(default_factory=ApiSection, description="The HTTP and WebSocket API.")
    backup: BackupSection = Field(
        default_factory=BackupSection, description="Backups of the ledger."
    )
    retention: RetentionSection = Field(
        default_factory=RetentionSection, description="Archiving of old ledger rows."
    )
    notify: NotifySection = Field(default_factory=NotifySection, description="Notices.")
    ai: AiSection = Field(
        default_factory=AiSection, description="Model providers for users and strategies."
    )
    exchanges: dict[Name, ExchangeSection] = Field(default={}, description="Exchanges by name.")
    strategies: dict[Name, StrategySection] = Field(default={}, description="Strategies by name.")
    defaults: SettingsLayer = Field(
        default_factory=SettingsLayer, description="Settings of every user."
    )
    users: dict[Name, UserSection] = Field(default={}, description="Users by name.")

    def __init__(self, tables: Mapping[str, Any]) -> None:
        super().__init__(tables=tables)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        given = cast(InitSettingsSource, init_settings).init_kwargs
        return (_MergedSource(settings_cls, given["tables"]),)
