"""Settings of one live exchange."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from signalbot.domain.money import ONE
from signalbot.settings.simulation import SimulationRules


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveExchangeSettings:
    """``config`` is merged unchanged into the arguments of ccxt's constructor."""

    name: str
    ccxt_id: str
    sandbox: bool
    config: Mapping[str, object]
    paper: SimulationRules
    request_share: Decimal = ONE  #: of the exchange's request limits
    request_limits: Mapping[int, int] = field(default_factory=dict)  #: cost by length in ms
    visibility_lag_ms: int = 60_000  #: how late the exchange may show an order or a fill
