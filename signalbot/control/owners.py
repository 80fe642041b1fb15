"""What the owner of a strategy may change of it: how it decides, never what it is."""

from typing import Any

from signalbot.config.ai import LLM_KIND
from signalbot.config.file import StrategyTable
from signalbot.domain.errors import NotAllowed

OWNERS = frozenset({"params", "signal_ttl_ms", "allowed_users"})
"""Settings of a strategy that are its owner's; all others are the operator's."""

_OPERATORS_PARAMS = ("provider", "model")
"""Parameters of a strategy that asks an AI: who is asked, and at whose cost, is the operator's."""


def refuse_beyond_owner(known: StrategyTable, wanted: StrategyTable) -> None:
    """See that ``wanted`` differs from ``known`` in what is the owner's.

    Raises:
        NotAllowed: it differs in more; the message names it.
    """
    changed = [
        field.alias or name
        for name, field in StrategyTable.model_fields.items()
        if name not in OWNERS and getattr(known, name) != getattr(wanted, name)
    ]
    if known.kind == LLM_KIND:
        changed += [f"params.{name}" for name in _OPERATORS_PARAMS if _differs(name, known, wanted)]
    if changed:
        raise NotAllowed(
            f"only an administrator may change {', '.join(changed)} of a strategy; its owner may "
            "change params, signal_ttl and allowed_users"
        )


def _differs(name: str, known: StrategyTable, wanted: StrategyTable) -> bool:
    before: Any = known.params.get(name)
    return bool(before != wanted.params.get(name))
