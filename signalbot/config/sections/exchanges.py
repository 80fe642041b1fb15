"""``[exchanges.NAME]``."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from signalbot.config.number_types import Duration, Number, with_floats
from signalbot.config.section import Flag, Section, key
from signalbot.config.sections.simulation import SimulatedSection, simulation_rules
from signalbot.config.validators import CcxtId, RequestLimits
from signalbot.settings.exchange import SIMULATED, ExchangeSettings
from signalbot.settings.simulation import SimulationRules


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


def exchange_settings(name: str, table: ExchangeSection) -> ExchangeSettings:
    """Convert the section to settings."""
    rules = SimulationRules() if table.ccxt_id == SIMULATED else None
    return ExchangeSettings(
        name=name,
        ccxt_id=table.ccxt_id,
        sandbox=table.sandbox,
        request_share=table.request_share,
        request_limits=table.request_limits,
        visibility_lag_ms=table.visibility_lag_ms,
        ccxt=with_floats(table.ccxt),
        simulated=simulation_rules(table.simulated)
        if "simulated" in table.model_fields_set
        else rules,
    )
