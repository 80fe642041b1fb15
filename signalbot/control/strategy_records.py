"""Strategies as the ledger keeps them, for readers and for references."""

import json

from signalbot.ledger.accounts import StrategyRecord
from signalbot.settings.strategy import StrategySettings


def strategy_record(terms: StrategySettings) -> StrategyRecord:
    """The row that stands for a strategy."""
    return StrategyRecord(
        name=terms.name,
        kind=terms.kind,
        exchange=terms.exchange,
        symbols=terms.symbols,
        timeframe=terms.timeframe or "",
        signal_ttl_ms=terms.signal_ttl_ms,
        params=json.dumps(dict(terms.params), sort_keys=True),
        origin=terms.origin,
        owner=terms.owner,
        version=terms.version,
    )
