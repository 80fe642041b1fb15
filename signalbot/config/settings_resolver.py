"""Merges layers of settings into the Settings of one user for one strategy."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from signalbot.config.section import given_fields
from signalbot.config.sections.settings_layers import SettingsLayer
from signalbot.domain.settings import (
    AiRules,
    EntryRules,
    Filters,
    Protection,
    RiskLimits,
    Settings,
    Sizing,
)

T = TypeVar("T")

_GROUPS: Mapping[str, Callable[..., Any]] = {
    "filters": Filters,
    "sizing": Sizing,
    "risk": RiskLimits,
    "protection": Protection,
    "entry": EntryRules,
    "ai": AiRules,
}


class SettingsResolver:
    """Merges layers; equal results share one object, so a thousand equal users cost one."""

    def __init__(self) -> None:
        self._cache: dict[Any, Any] = {}

    def settings(self, *layers: SettingsLayer) -> Settings:
        """Merge ``layers``, later over earlier; lists are replaced as a whole."""
        groups = {name: self._group(name, layers) for name in _GROUPS}
        return self._shared(Settings(**groups))

    def _group(self, name: str, layers: tuple[SettingsLayer, ...]) -> Any:
        merged: dict[str, Any] = {}
        for layer in layers:
            if name in layer.model_fields_set:
                merged |= given_fields(getattr(layer, name))
        return self._shared(_GROUPS[name](**merged))

    def _shared(self, value: T) -> T:
        cached: T = self._cache.setdefault(value, value)
        return cached
