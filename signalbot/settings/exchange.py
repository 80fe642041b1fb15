"""Settings of one exchange."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from signalbot.domain.money import ONE
from signalbot.settings.simulation import SimulationRules

SIMULATED = "simulated"
"""The ``ccxt_id`` of an exchange in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSettings:
    """One ``[exchanges.NAME]`` section."""

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
