"""The order of the checks: status and filters, position, risk; then levels and size.

``screen`` skips signals that need no advice; ``plan`` turns the others into orders to place. The
advisor is consulted between the two.
"""

from dataclasses import dataclass
from decimal import Decimal

from signalbot.decision.decision_input import DecisionInput, EntryPlan, ExitPlan, Plan, Skip
from signalbot.decision.exits import plan_exit
from signalbot.decision.filters import (
    check_filters,
    check_signal,
    check_status,
    check_symbol,
)
from signalbot.decision.levels import (
    check_liquidation,
    stop_loss_price,
    take_profit_targets,
    trailing_distance,
)
from signalbot.decision.risk import check_risk
from signalbot.decision.sizing import entry_size
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.market import MarketKind
from signalbot.domain.money import HUNDRED, ONE
from signalbot.domain.orders import OrderType
from signalbot.domain.positions import CloseReason, Position
from signalbot.domain.settings import EntryType, OnOpposite
from signalbot.domain.signals import Side
from signalbot.domain.users import Mode


@dataclass(frozen=True, slots=True)
class ClearedEntry:
    """Cleared to enter, after ``closes`` is closed."""

    closes: Position | None = None


def screen(s: DecisionInput) -> ClearedEntry | ExitPlan | Skip:
    """All checks that need no advice: a skip, an exit, or an entry cleared for planning."""
    skip = check_signal(s) or check_status(s) or check_filters(s)
    if skip is not None:
        return skip
    return _screen_entry(s) if s.signal.action.is_entry else _screen_exit(s)


def plan(s: DecisionInput, cleared: ClearedEntry) -> Plan | Skip:
    """Levels and size of a cleared entry.

    If the entry of a reversal is skipped, the opposite position is still closed.
    """
    entry = _plan_entry(s, cleared.closes)
    if isinstance(entry, Skip) and cleared.closes is not None:
        return ExitPlan(position=cleared.closes, reason=CloseReason.OPPOSITE_SIGNAL)
    return entry


def _screen_exit(s: DecisionInput) -> ExitPlan | Skip:
    if s.user.mode is Mode.SIGNALS:  # their positions are not tracked here
        facts: dict[str, object] = {"side": s.signal.action.side}
        if s.signal.is_partial:
            facts["exit_percent"] = s.signal.exit_percent
        return check_symbol(s) or Skip(DecisionCode.SIGNALS_ONLY, facts)
    held, side = s.open_position, s.signal.action.side
    if held is None or held.side is not side or held.strategy != s.signal.strategy:
        return Skip(DecisionCode.NO_POSITION, {"symbol": s.signal.symbol, "side": side})
    return plan_exit(s, held)


def _check_market(s: DecisionInput) -> Skip | None:
    if s.signal.action.side is Side.SHORT and s.instrument.kind is MarketKind.SPOT:
        return Skip(DecisionCode.SHORT_ON_SPOT, {"symbol": s.signal.symbol})
    return None


def _screen_entry(s: DecisionInput) -> ClearedEntry | ExitPlan | Skip:
    held = s.open_position
    if held is None:
        return _check_market(s) or check_risk(s) or ClearedEntry()
    if held.strategy != s.signal.strategy:
        return Skip(DecisionCode.SYMBOL_HELD_BY_OTHER_STRATEGY, {"strategy": held.strategy})
    if held.side is s.signal.action.side:
        return Skip(DecisionCode.POSITION_OPEN, {"position": held.position_id})
    match s.settings.protection.on_opposite_signal:
        case OnOpposite.IGNORE:
            return Skip(DecisionCode.OPPOSITE_POSITION_OPEN, {"position": held.position_id})
        case OnOpposite.REVERSE if (_check_market(s) or check_risk(s, replaces=held)) is None:
            return ClearedEntry(closes=held)
        case _:
            return ExitPlan(position=held, reason=CloseReason.OPPOSITE_SIGNAL)


def _plan_entry(s: DecisionInput, closes: Position | None) -> EntryPlan | Skip:
    side, last = s.signal.action.side, s.price or s.signal.price
    if last is None:
        return Skip(DecisionCode.PRICE_UNKNOWN)
    entry = _entry_price(s, side=side, last=last)
    stop = stop_loss_price(s, side=side, entry=entry)
    if isinstance(stop, Skip):
        return stop
    sized = entry_size(s, entry=entry, stop=stop, replaces=closes)
    if isinstance(sized, Skip):
        return sized
    if stop is not None and s.instrument.brackets:  # without brackets the size does not matter
        skip = check_liquidation(s, side=side, entry=entry, stop=stop, quantity=sized.quantity)
        if skip is not None:
            return skip
    take_profits = take_profit_targets(s, side=side, entry=entry, quantity=sized.quantity)
    is_limit = s.settings.entry.type is EntryType.LIMIT
    facts: dict[str, object] = {
        "side": side,
        "quantity": sized.quantity,
        "price": entry,
        "stop_loss": stop,
        "take_profits": [aim.price for aim in take_profits],
        "equity": round(s.snapshot.balance.equity, 2),
    }
    if sized.capped_by:
        facts["capped_by"] = sized.capped_by
    return EntryPlan(
        side=side,
        type=OrderType.LIMIT if is_limit else OrderType.MARKET,
        quantity=sized.quantity,
        price=entry,
        stop_loss=stop,
        targets=take_profits,
        trailing_percent=trailing_distance(s.settings.protection, s.signal),
        leverage=s.user.account.leverage,
        facts=facts,
        closes=closes,
    )


def _entry_price(s: DecisionInput, *, side: Side, last: Decimal) -> Decimal:
    """The limit price, offset from the last price; market entries use the last price."""
    rules = s.settings.entry
    if rules.type is EntryType.MARKET:
        return last
    limit = last * (ONE - side.sign * rules.limit_offset_percent / HUNDRED)
    is_long = side is Side.LONG
    return s.instrument.floor_price(limit) if is_long else s.instrument.ceil_price(limit)
