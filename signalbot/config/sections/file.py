"""The whole file as pydantic sees it. Nothing outside this package does."""

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
        description="Where ledger, control socket and cache live; relative to this file.",
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="How log lines are written."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least level that is logged."
    )
    trust_flat_ms: Annotated[int, Duration()] = Field(
        default="10m",
        alias="trust_flat",
        validate_default=True,
        description='Flat accounts compared so shortly before a stop enter at once; "0s": never.',
    )
    master_key_file: Text = Field(
        default="master.key",
        description="The key that the vault is locked with; relative to this file.",
    )
    min_free_disk_mb: Annotated[int, Number(kind=int, at_least=1, at_most=1_000_000)] = Field(
        default=200,
        description="Megabytes that must be free where the state is; with less, nobody enters.",
    )


class ApiSection(Section):
    """HTTP and WebSocket."""

    listen: Listen = Field(
        default="127.0.0.1:8787",
        validate_default=True,
        description="Address and port to listen on.",
    )
    tls_behind_proxy: Flag = Field(
        default=False,
        description="Whether a proxy in front adds TLS, so any address may be listened on.",
    )
    requests_per_second: Annotated[int, Number(kind=int, at_least=1, at_most=100_000)] = Field(
        default=20,
        description="How often one token, one source, or one address without a token may ask in "
        "the long run.",
    )
    max_connections: Annotated[int, Number(kind=int, at_least=16, at_most=16_384)] = Field(
        default=256,
        description="Connections that all clients together may hold; at most a quarter of the "
        "files that the daemon may open.",
    )


class ExchangeSection(Section):
    """One exchange under a name of your choice."""

    ccxt_id: CcxtId = Field(description='Its id in ccxt, such as "binanceusdm", or "simulated".')
    sandbox: Flag = Field(default=False, description="Whether to use the exchange's test network.")
    request_share: Annotated[Decimal, Number(above=0, at_most=1)] = Field(
        default=1,
        validate_default=True,
        description="Part of its published limits to use, where programs share an address.",
    )
    request_limits: RequestLimits = Field(
        default={},
        validate_default=True,
        description='Limits of your account where they are not the published: { "1m" = 6000 }.',
    )
    visibility_lag_ms: Annotated[int, Duration(least_ms=1_000)] = Field(
        default="60s",
        alias="visibility_lag",
        validate_default=True,
        description="How late it may show an order or position; absence proves nothing until then.",
    )
    ccxt: dict[str, Any] = Field(
        default={}, description="Merged into the ccxt constructor as it is: urls, proxies, options."
    )
    simulated: SimulatedSection = key(
        "How it behaves if it is simulated, and how paper fills do if it is not."
    )


class StrategySection(Section):
    """One strategy under a name of your choice."""

    kind: Text = Field(
        description='A built-in strategy, such as ema_cross, "file", "llm" or "webhook".'
    )
    path: Text | None = Field(
        default=None, description='The strategy\'s file, for kind "file"; relative to this file.'
    )
    deadline_ms: Annotated[int, Duration(least_ms=1)] = Field(
        default="30s",
        alias="deadline",
        validate_default=True,
        description="How long a strategy file may look at one candle.",
    )
    memory_mb: Annotated[int, Number(kind=int, at_least=16, at_most=65_536)] = Field(
        default=512, description="Memory of a strategy file, in megabytes."
    )
    exchange: Text = Field(description="Name of the exchange whose candles it reads.")
    symbols: Symbols = Field(description="Markets it looks at, each by itself.")
    timeframe: Timeframe | None = Field(
        default=None, description='Length of its candles; all kinds but "webhook" need it.'
    )
    webhook: WebhookSection = key('How alerts are understood, for kind "webhook".')
    signal_ttl_ms: Annotated[int, Duration(least_ms=1)] = Field(
        default="5m",
        alias="signal_ttl",
        validate_default=True,
        description="How long a signal stays active.",
    )
    params: dict[str, Any] = Field(default={}, description="Parameters of its kind.")
    owner: Text | None = Field(
        default=None, description="The user who may change its settings; else administrators only."
    )
    allowed_users: Globs = Field(
        default=("*",), description='Names or globs of users who may subscribe; "*" is everybody.'
    )


class AccountSection(Section):
    """A user's account at one exchange."""

    exchange: Text = Field(description="Name of an exchange of this file.")
    leverage: Annotated[int, Number(kind=int, at_least=1, at_most=125)] = Field(
        default=1, description="Leverage of every position."
    )
    margin_mode: MarginMode = Field(default=MarginMode.ISOLATED, description="How margin is held.")
    paper_balance: Annotated[Decimal, Number(above=0)] = Field(
        default=10_000,
        validate_default=True,
        description="Quote currency a paper account starts with.",
    )
    shadow: Flag = Field(
        default=False,
        description="Whether a paper account with the same settings trades beside a live one.",
    )
    allow_withdrawal_keys: Flag = Field(
        default=False,
        description="Whether to trade with a key that may withdraw; else its user is halted.",
    )
    egress: Egress = Field(
        default=DIRECT,
        description="How its requests leave: direct, a proxy's URL, or a local address.",
    )


class UserSection(SettingsLayer):
    """One person's trading account; two accounts of one person are two users."""

    mode: Mode = Field(
        default=Mode.PAPER, description="Told only, simulated fills, or real orders."
    )
    notify: tuple[NotifyUrl, ...] = Field(
        default=(), description='apprise URLs to tell; "secret:NAME" is read from the vault.'
    )
    notify_events: EventsSection = key("How loudly this user is told; overrules notify.events.")
    notify_times: TimesSection = key("This user's clocks; overrule those of notify.")
    account: AccountSection = Field(description="The account that trades.")
    subscriptions: dict[Name, SettingsLayer] = Field(
        default={}, description="Strategies this user follows, each with settings of its own."
    )


class _MergedSource(PydanticBaseSettingsSource):
    """File and environment, as ``Sources`` has laid them together.

    pydantic's own sources forget which variable set a value, pass over a misspelt section, take
    ``[Users]`` for ``[users]``, and read no environment but the process's.
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
    api: ApiSection = Field(default_factory=ApiSection, description="HTTP and WebSocket.")
    backup: BackupSection = Field(
        default_factory=BackupSection, description="Copies of the ledger."
    )
    retention: RetentionSection = Field(
        default_factory=RetentionSection, description="What becomes of the ledger's past."
    )
    notify: NotifySection = Field(default_factory=NotifySection, description="Notices.")
    ai: AiSection = Field(
        default_factory=AiSection, description="The AI that users and strategies may ask."
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
