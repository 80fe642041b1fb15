"""The strategy kind "file": a user's file, run in a sandboxed worker."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from signalbot.domain.errors import ConfigError
from signalbot.domain.timeframe import Timeframe
from signalbot.settings.strategy import StrategySettings
from signalbot.strategies.kinds import FILE, StrategyKind, StrategyRuntime
from signalbot.strategies.params import BadParameter

if TYPE_CHECKING:
    from signalbot.sandbox.strategy_runner import StrategyFile, WorkerLimits
    from signalbot.strategies.base import RemoteStrategy

_MAX_CACHED = 1_000


class FileKind(StrategyKind):
    """Strategy files; validating one loads it in a worker, unless it was valid before."""

    name = FILE
    own_keys = ("path", "deadline", "memory_mb")
    required_keys = ("path",)
    needs_worker = True

    def __init__(self) -> None:
        self._warm_ups: dict[
            tuple[Path, bytes, Timeframe, str, WorkerLimits], Mapping[Timeframe, int]
        ] = {}

    def validate(self, settings: StrategySettings) -> Mapping[Timeframe, int]:
        from signalbot.sandbox.strategy_runner import StrategyFile  # noqa: PLC0415 - loads numpy

        file = StrategyFile.configured(settings)
        params = json.dumps(dict(file.params))
        cache_key = (file.path, file.source, file.timeframe, params, file.limits)
        if cache_key in self._warm_ups:
            return self._warm_ups[cache_key]
        warm_up = _load_warm_up(file)
        if len(self._warm_ups) >= _MAX_CACHED:
            self._warm_ups.clear()
        self._warm_ups[cache_key] = warm_up
        return warm_up

    async def build(
        self, settings: StrategySettings, runtimes: Mapping[str, StrategyRuntime]
    ) -> "RemoteStrategy":
        from signalbot.strategies.base import StrategyFailed  # noqa: PLC0415 - loads numpy

        try:
            return await runtimes[FILE].open_configured(settings)
        except (StrategyFailed, BadParameter) as e:
            raise ConfigError(f"strategies.{settings.name}: {settings.path}: {e}") from None


def _load_warm_up(file: "StrategyFile") -> Mapping[Timeframe, int]:
    from signalbot.sandbox.dry_run import describe_strategy  # noqa: PLC0415 - loads numpy

    return describe_strategy(file).warm_up
