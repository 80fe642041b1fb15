"""Layers of settings merged into one user's Settings for one strategy."""

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
    """Merges layers; equal results are one object, so a thousand like users cost one Settings."""

    def __init__(self) -> None:
        self._cache: dict[Any, Any] = {}

    def settings(self, *layers: SettingsLayer) -> Settings:
        """What holds once each layer has overruled those before it; lists replace whole."""
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
