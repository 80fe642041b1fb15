"""What an exchange does only when a test asks for it; everything is off."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(slots=True, kw_only=True)
class Switches:
    """Set by Python (``engine.switches.windows = True``) or ``POST /_venue/switch``."""

    #: Lists of orders, trades and bookings answer windows, pages and ages as documented; without
    #: it a list without a start answers everything there ever was.
    windows: bool = False
    #: A price liquidates whoever falls below the maintenance margin of the market's brackets.
    liquidates: bool = False
    #: A position may not be larger than its leverage allows (Binance -2027).
    limits_positions: bool = False
    #: Leverage is not changed where documents say so: not below what an isolated position has
    #: (Binance -4161), not when free margin does not suffice (-2028), not while algo orders wait
    #: (OKX 59668, 59669).
    strict_leverage: bool = False
    #: Client ids are unique among open orders only, though the dialect takes each once for good.
    reuses_client_ids: bool = False
    #: So many of the next conditional orders trigger, become no order, and cannot be cancelled.
    triggers_get_stuck: int = 0

    def set(self, name: str, value: Any) -> None:
        """Set one by its name; raises ``KeyError`` or ``TypeError`` for what does not fit."""
        known = {each.name: type(getattr(self, each.name)) for each in fields(self)}
        if name not in known:
            raise KeyError(f"{name} is no switch; there are {', '.join(sorted(known))}")
        if not isinstance(value, known[name]) or isinstance(value, bool) is not (
            known[name] is bool
        ):
            raise TypeError(f"{name} takes {known[name].__name__}, not {value!r}")
        setattr(self, name, value)
