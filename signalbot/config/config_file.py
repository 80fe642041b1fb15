"""The whole file as a pydantic model."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import Field
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from signalbot.config.sections.ai import AiSection
from signalbot.config.sections.daemon import ApiSection, DaemonSection
from signalbot.config.sections.exchanges import ExchangeSection
from signalbot.config.sections.maintenance import BackupSection, RetentionSection
from signalbot.config.sections.notify import NotifySection
from signalbot.config.sections.settings_layers import SettingsLayer
from signalbot.config.sections.strategies import StrategySection
from signalbot.config.sections.users import UserSection
from signalbot.config.validators import Name


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
