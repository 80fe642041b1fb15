"""Moves stop and targets that are percent distances to the actual entry price."""

from dataclasses import replace
from decimal import Decimal

from signalbot.decision.levels import round_stop
from signalbot.domain.market import Instrument
from signalbot.domain.money import average
from signalbot.domain.positions import Position, StopKind
from signalbot.domain.settings import Protection, StopSource, TargetSource
from signalbot.domain.signals import Signal

MIN_SHIFT = Decimal("0.0002")
"""Fraction of the price below which levels are not moved: each stop move costs a request."""


def rebased(
    position: Position,
    *,
    decided: Decimal,
    filled: Decimal,
    signal: Signal,
    rules: Protection,
    instrument: Instrument,
) -> Position:
    """The position with its percent levels measured from ``filled``, its average entry price.

    ``decided`` is the price they were measured from before. Absolute prices of the signal stay
    unchanged, and so does every level once the stop has moved or a part was closed.
    """
    is_moved = position.stop_kind is not StopKind.INITIAL or position.targets_hit
    if is_moved or position.exit_quantity or abs(filled - decided) <= decided * MIN_SHIFT:
        return position
    if position.stop_loss is not None and _is_stop_a_distance(rules, signal):
        stop = average(position.stop_loss * filled, decided)
        stop = round_stop(instrument, side=position.side, price=stop)
        if (filled - stop) * position.side.sign > 0:
            position = replace(position, stop_loss=stop)
    if _are_targets_distances(rules, signal):
        take_profits = [
            replace(aim, price=instrument.round_price(average(aim.price * filled, decided)))
            for aim in position.take_profits
        ]
        if all((aim.price - filled) * position.side.sign > 0 for aim in take_profits):
            position = replace(position, take_profits=tuple(take_profits))
    return position


def _is_stop_a_distance(rules: Protection, signal: Signal) -> bool:
    return rules.stop_source is StopSource.PERCENT or signal.stop_loss is None


def _are_targets_distances(rules: Protection, signal: Signal) -> bool:
    is_own = rules.targets_from in (TargetSource.OWN, TargetSource.SIGNAL_OR_OWN)
    return rules.targets_from is TargetSource.OWN or (is_own and not signal.take_profits)
