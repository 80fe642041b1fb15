"""Exit levels of a position: stop loss and take profits."""

from collections.abc import Sequence
from decimal import Decimal

from signalbot.decision.costs import expected_entry_price
from signalbot.decision.decision_input import DecisionInput, Skip
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.liquidation import FUNDING_ALLOWANCE, liquidation_price
from signalbot.domain.market import Instrument
from signalbot.domain.money import HUNDRED, ONE, ZERO, average
from signalbot.domain.positions import TakeProfit
from signalbot.domain.settings import Protection, StopSource, TargetSource
from signalbot.domain.signals import Side, Signal
from signalbot.domain.users import MarginMode, Mode


def stop_loss_price(s: DecisionInput, *, side: Side, entry: Decimal) -> Decimal | Skip | None:
    """The stop's trigger price for an entry at ``entry``; None if stops are disabled.

    It is rounded towards the entry: never farther away than requested.
    """
    rules = s.settings.protection
    if rules.stop_source is StopSource.NONE:
        return None
    requested = _requested_stop(rules, s.signal, side=side, entry=entry)
    if requested is None:
        return Skip(DecisionCode.NO_STOP_LOSS, {"source": rules.stop_source})
    stop = round_stop(s.instrument, side=side, price=requested)
    if stop <= 0 or (entry - stop) * side.sign <= 0:
        return Skip(DecisionCode.STOP_ON_WRONG_SIDE, {"side": side, "price": entry, "stop": stop})
    least = s.instrument.smallest_quantity(entry)
    return check_liquidation(s, side=side, entry=entry, stop=stop, quantity=least) or stop


def round_stop(instrument: Instrument, *, side: Side, price: Decimal) -> Decimal:
    """A stop on the tick grid, rounded towards the entry."""
    return instrument.ceil_price(price) if side is Side.LONG else instrument.floor_price(price)


def take_profit_targets(
    s: DecisionInput, *, side: Side, entry: Decimal, quantity: Decimal
) -> tuple[TakeProfit, ...]:  # fmt: skip
    """Take profits with the quantity closed at each, nearest first.

    Targets on the wrong side of ``entry`` or not above zero are omitted. Shares below the tradable
    minimum are added to the next target; quantity without a target stays with the stop.
    """
    levels = _requested_targets(s.settings.protection, s.signal, side=side, entry=entry)
    ahead = [
        (price, share)
        for requested, share in levels
        if (price := s.instrument.round_price(requested)) > 0 and (price - entry) * side.sign > 0
    ]
    ahead.sort(key=lambda level: abs(level[0] - entry))
    return split_targets(ahead, quantity=quantity, instrument=s.instrument)


def split_targets(
    levels: Sequence[tuple[Decimal, Decimal]], *, quantity: Decimal, instrument: Instrument
) -> tuple[TakeProfit, ...]:
    """Divide ``quantity`` over ``(price, share in percent)`` levels on the lot grid.

    The quantities sum to the shares' part of ``quantity``, rounded down to the lot as a whole; an
    untradable remainder is added to the last.
    """
    found: list[TakeProfit] = []
    given, share_so_far = ZERO, ZERO
    for index, (price, share) in enumerate(levels):
        share_so_far += share
        # 3 x 33.33… % is slightly below 100 %: average() rounds to 18 digits before the floor.
        due = instrument.floor_quantity(average(quantity * share_so_far, HUNDRED)) - given
        is_last = index == len(levels) - 1
        rest = quantity - given - due
        if 0 < rest < instrument.smallest_quantity(price) and is_last:
            due += rest
        if due >= instrument.smallest_quantity(price) or (is_last and due == quantity):
            found.append(TakeProfit(price, due))
            given += due
    return tuple(found)


def _requested_stop(
    rules: Protection, signal: Signal, *, side: Side, entry: Decimal
) -> Decimal | None:  # fmt: skip
    own = entry * (ONE - side.sign * rules.stop_percent / HUNDRED)
    match rules.stop_source:
        case StopSource.SIGNAL:
            return _signal_stop(signal, side=side, entry=entry)
        case StopSource.PERCENT:
            return own
        case StopSource.SIGNAL_OR_PERCENT:
            from_signal = _signal_stop(signal, side=side, entry=entry)
            return own if from_signal is None else from_signal
        case StopSource.NONE:
            return None


def trailing_distance(rules: Protection, signal: Signal) -> Decimal | None:
    """The signal's trailing distance in percent, if the user uses stops from signals."""
    takes = rules.stop_source in (StopSource.SIGNAL, StopSource.SIGNAL_OR_PERCENT)
    return signal.trailing_percent if takes else None


def _signal_stop(signal: Signal, *, side: Side, entry: Decimal) -> Decimal | None:
    """The signal's stop; a trailing-only stop starts at its distance from the entry."""
    if signal.stop_loss is not None or signal.trailing_percent is None:
        return signal.stop_loss
    return entry * (ONE - side.sign * signal.trailing_percent / HUNDRED)


def _requested_targets(
    rules: Protection, signal: Signal, *, side: Side, entry: Decimal
) -> list[tuple[Decimal, Decimal]]:
    own = [
        (entry * (ONE + side.sign * rule.percent / HUNDRED), rule.share) for rule in rules.targets
    ]
    from_signal = _signal_targets(rules, signal)
    match rules.targets_from:
        case TargetSource.SIGNAL:
            return from_signal
        case TargetSource.OWN:
            return own
        case TargetSource.SIGNAL_OR_OWN:
            return from_signal or own
        case TargetSource.NONE:
            return []


def _signal_targets(rules: Protection, signal: Signal) -> list[tuple[Decimal, Decimal]]:
    """The signal's target prices with its shares.

    Without shares: the user's shares if their number matches, else equal ones.
    """
    prices = signal.take_profits
    if signal.take_profit_shares:
        return list(zip(prices, signal.take_profit_shares, strict=True))
    if len(rules.targets) == len(prices):
        return [(price, rule.share) for price, rule in zip(prices, rules.targets, strict=True)]
    return [(price, HUNDRED / len(prices)) for price in prices]


def check_liquidation(
    s: DecisionInput, *, side: Side, entry: Decimal, stop: Decimal, quantity: Decimal
) -> Skip | None:
    """Check that the stop triggers before ``quantity``, entered with slippage, is liquidated.

    Includes the exchange's maintenance margin, the taker fee and ``FUNDING_ALLOWANCE``.
    """
    terms = s.user.account
    if terms.margin_mode is MarginMode.CROSS and s.user.mode is Mode.LIVE:
        return None  # cross margin uses the whole account; simulated margin is always isolated
    entered = expected_entry_price(s, side=side, entry=entry)
    limit = liquidation_price(
        s.instrument,
        side=side,
        entry=entered,
        quantity=quantity,
        margin=entered * quantity / terms.leverage,
        leverage=terms.leverage,
        allowance=s.fees.taker + FUNDING_ALLOWANCE,
    )
    if limit is None or (stop - round_stop(s.instrument, side=side, price=limit)) * side.sign > 0:
        return None
    facts = {"stop": stop, "liquidation": round(limit, 8), "leverage": terms.leverage}
    return Skip(DecisionCode.STOP_BEYOND_LIQUIDATION, facts)
