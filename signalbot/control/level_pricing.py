"""Converts the levels of alerts into prices, and rejects implausible ones."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from signalbot.domain.errors import InvalidSignal
from signalbot.domain.market import Instrument
from signalbot.domain.money import HUNDRED, ONE, short_text, trimmed
from signalbot.domain.price_plausibility import SENDER_TOLERANCE, is_within_factor
from signalbot.domain.signals import Action, Signal
from signalbot.webhooks.level_fields import AlertLevel, LevelMeasure
from signalbot.webhooks.levels import AlertLevels

_MAX_TRAIL_PERCENT = Decimal(50)
_MIN_TRAIL_PERCENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPrices:
    """An entry's levels as prices on the tick grid, nearest target first."""

    stop_loss: Decimal | None = None
    take_profits: tuple[Decimal, ...] = ()
    shares: tuple[Decimal, ...] = ()  #: percent of the position; empty: not given
    trailing_percent: Decimal | None = None


def price_levels(
    levels: AlertLevels, action: Action, *, reference: Decimal | None, instrument: Instrument
) -> EntryPrices:
    """Prices of levels that may be distances from ``reference``.

    Raises:
        InvalidSignal: a distance is given without a reference, or a level is not a valid price.
    """
    sign = action.side.sign

    def price(level: AlertLevel, direction: int) -> Decimal:
        found = _price(level, direction * sign, reference)
        rounded = instrument.round_price(found)
        if rounded <= 0:
            raise InvalidSignal(f"{level.field}: too far from the market")
        return rounded

    targets = [(price(each.level, 1), each) for each in levels.targets]
    targets.sort(key=lambda aim: aim[0] * sign)
    for (one, first), (other, second) in pairwise(targets):
        if one == other and (first.share is not None or second.share is not None):
            raise InvalidSignal(f"{first.level.field} and {second.level.field} are the same target")
    unique = list(dict.fromkeys(aim[0] for aim in targets))
    shares = tuple(each.share for _, each in targets if each.share is not None)
    return EntryPrices(
        stop_loss=None if levels.stop is None else price(levels.stop, -1),
        take_profits=tuple(unique),
        shares=shares if len(shares) == len(unique) else (),
        trailing_percent=_trailing(levels.trailing, reference),
    )


def _price(level: AlertLevel, sign: int, reference: Decimal | None) -> Decimal:
    if level.measure is LevelMeasure.PRICE:
        return level.value
    if reference is None:
        raise InvalidSignal(f"{level.field}: this market has no price yet to measure it from")
    if level.measure is LevelMeasure.AMOUNT:
        return reference + sign * level.value
    return reference * (ONE + sign * level.value / HUNDRED)


def _trailing(level: AlertLevel | None, reference: Decimal | None) -> Decimal | None:
    if level is None:
        return None
    percent = level.value
    if level.measure is LevelMeasure.AMOUNT:
        if reference is None:
            raise InvalidSignal(f"{level.field}: this market has no price yet to measure it from")
        percent = round(level.value * HUNDRED / reference, 4)
    if not _MIN_TRAIL_PERCENT <= percent <= _MAX_TRAIL_PERCENT:
        raise InvalidSignal(
            f"{level.field}: a stop trails by {_MIN_TRAIL_PERCENT} to {_MAX_TRAIL_PERCENT} percent"
        )
    return trimmed(percent)


def check_levels(signal: Signal, market: Decimal | None) -> None:
    """Check that price, stop and targets are plausible and on the correct side of the price.

    ``market`` is the last known price. Sides are relative to the signal's price, if it has one.

    Raises:
        InvalidSignal: one of them is not; the message has its name and value.
    """
    for name, value in _prices(signal):
        if not value.is_finite() or value <= 0:
            raise InvalidSignal(f"{name} {value}: every price must be a number above 0")
    if not signal.action.is_entry:
        return
    reference = market if market is not None else signal.price
    if reference is None:
        reference = signal.stop_loss
    if reference is not None:
        _check_near(signal, reference)
    signal_price = signal.price if signal.price is not None else reference
    if signal_price is not None:
        _check_sides(signal, signal_price)


def _check_near(signal: Signal, reference: Decimal) -> None:
    for name, value in _prices(signal):
        times = SENDER_TOLERANCE.price if name == "price" else SENDER_TOLERANCE.level
        if not is_within_factor(value, reference, factor=times):
            raise InvalidSignal(
                f"{name} {short_text(value)} is far from the market, which is at "
                f"{short_text(reference)}: "
                "is a digit missing or doubled, or is it another market?"
            )


def _check_sides(signal: Signal, signal_price: Decimal) -> None:
    sign, stop = signal.action.side.sign, signal.stop_loss
    for target in signal.take_profits:
        if (target - signal_price) * sign <= 0:
            raise InvalidSignal(
                f"take profit {short_text(target)} lies on the losing side of "
                f"{short_text(signal_price)}"
            )
    if stop is not None and stop is not signal_price and (signal_price - stop) * sign <= 0:
        raise InvalidSignal(
            f"stop loss {short_text(stop)} lies on the winning side of {short_text(signal_price)}"
        )


def without_implausible_price(signal: Signal, market: Decimal | None) -> Signal:
    """The signal; an exit without its price if that is implausible: exits are never rejected."""
    price = signal.price
    if price is None or signal.action.is_entry:
        return signal
    is_price = price.is_finite() and price > 0
    if is_price and (
        market is None or is_within_factor(price, market, factor=SENDER_TOLERANCE.price)
    ):
        return signal
    return replace(signal, price=None)


def _prices(signal: Signal) -> Iterator[tuple[str, Decimal]]:
    for name, value in (("price", signal.price), ("stop loss", signal.stop_loss)):
        if value is not None:
            yield name, value
    for target in signal.take_profits:
        yield "take profit", target
