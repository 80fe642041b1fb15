"""Binance says with every answer what its address has used of the minute's request weight.

https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info#ip-limits
"""

from collections.abc import Mapping
from typing import Final

MINUTE_MS: Final = 60_000
_USED_HEADER: Final = "X-MBX-USED-WEIGHT-1M"


def parse_used_weight(headers: Mapping[str, str]) -> Mapping[int, int]:
    """The weight used in the exchange's present minute, by the length of the limit."""
    used = headers.get(_USED_HEADER, "")
    return {MINUTE_MS: int(used)} if used.isdecimal() else {}
