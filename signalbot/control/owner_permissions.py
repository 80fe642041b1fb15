"""Which settings of a strategy its owner may change: parameters, never kind or market."""

from typing import Any

from signalbot.config.sections.strategies import StrategySection
from signalbot.config.strategy_kinds import strategy_kind
from signalbot.domain.errors import NotAllowed

OWNER_FIELDS = frozenset({"params", "signal_ttl_ms", "allowed_users"})
"""Settings of a strategy that its owner may change; only an administrator changes the others."""


def require_owner_changes_only(current: StrategySection, requested: StrategySection) -> None:
    """Check that ``requested`` differs from ``current`` only in fields of the owner.

    Raises:
        NotAllowed: it differs in other fields; the message names them.
    """
    changed = [
        field.alias or name
        for name, field in StrategySection.model_fields.items()
        if name not in OWNER_FIELDS and getattr(current, name) != getattr(requested, name)
    ]
    changed += [
        f"params.{name}"
        for name in strategy_kind(current.kind).operator_params
        if _differs(name, current, requested)
    ]
    if changed:
        raise NotAllowed(
            f"only an administrator may change {', '.join(changed)} of a strategy; its owner may "
            "change params, signal_ttl and allowed_users"
        )


def _differs(name: str, current: StrategySection, requested: StrategySection) -> bool:
    before: Any = current.params.get(name)
    return bool(before != requested.params.get(name))
