"""Builds the orders of a plan, with deterministic ids; pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from signalbot.decision.decision_input import EntryPlan
from signalbot.decision.levels import split_targets, trailing_distance
from signalbot.domain.market import Instrument
from signalbot.domain.money import HUNDRED, ZERO
from signalbot.domain.orders import (
    Leg,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    client_order_id_of,
    entry_side,
    exit_side,
)
from signalbot.domain.positions import Position, TakeProfit
from signalbot.domain.settings import Protection
from signalbot.domain.signals import Signal, position_id_of
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import User


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryIntents:
    """An entry with its protection, and the position its first fill opens."""

    position: Position  #: planned: holds nothing yet
    entry: OrderRequest
    protection: tuple[OrderRequest, ...]

    @property
    def stop(self) -> OrderRequest | None:
        return next((each for each in self.protection if each.leg is Leg.STOP_LOSS), None)

    @property
    def all(self) -> tuple[OrderRequest, ...]:
        return (self.entry, *self.protection)


def build_intents(signal: Signal, user: User, plan: EntryPlan, *, now_ms: Ms) -> EntryIntents:
    """Return every order of an entry plan; the ids depend on signal and user only."""
    position = _planned_position(signal, user, plan, now_ms=now_ms)
    entry = OrderRequest(
        client_order_id=client_order_id_of(
            signal_id=signal.signal_id, user_id=user.user_id, leg=Leg.ENTRY
        ),
        user_id=user.user_id,
        exchange=signal.exchange,
        symbol=signal.symbol,
        leg=Leg.ENTRY,
        side=entry_side(plan.side),
        type=plan.type,
        quantity=plan.quantity,
        price=plan.price if plan.type is OrderType.LIMIT else None,
        decided_price=plan.price,
        leverage=plan.leverage,
        signal_id=signal.signal_id,
        position_id=position.position_id,
        intended_at_ms=now_ms,
    )
    stops = () if plan.stop_loss is None else (
        closing_request(
            position, leg=Leg.STOP_LOSS, type_=OrderType.STOP, trigger=plan.stop_loss,
            quantity=plan.quantity, attempt=0, now_ms=now_ms,
        ),
    )  # fmt: skip
    take_profits = tuple(
        closing_request(
            position,
            leg=Leg.TAKE_PROFIT,
            type_=OrderType.TAKE_PROFIT,
            trigger=aim.price,
            quantity=aim.quantity,
            attempt=index,
            now_ms=now_ms,
        )
        for index, aim in enumerate(plan.targets)
    )
    return EntryIntents(position=position, entry=entry, protection=stops + take_profits)


def restore_intents(
    signal: Signal, user: User, orders: Sequence[Order], rules: Protection
) -> EntryIntents:
    """Rebuild the intents from the orders stored with a claim."""
    requests = [order.request for order in orders if not _was_dropped(order)]
    entry = next(request for request in requests if request.leg is Leg.ENTRY)
    stop = next((each.trigger_price for each in requests if each.leg is Leg.STOP_LOSS), None)
    take_profits = sorted(
        (each for each in requests if each.leg is Leg.TAKE_PROFIT),
        key=lambda each: (each.trigger_price or ZERO) * signal.action.side.sign,
    )
    plan = EntryPlan(
        side=signal.action.side,
        type=entry.type,
        quantity=entry.quantity,
        price=entry.decided_price or entry.price or signal.price or ZERO,
        stop_loss=stop,
        targets=tuple(
            TakeProfit(each.trigger_price, each.quantity)
            for each in take_profits
            if each.trigger_price
        ),
        trailing_percent=trailing_distance(rules, signal),
        leverage=entry.leverage,
        facts={},
    )
    return build_intents(signal, user, plan, now_ms=entry.intended_at_ms)


def _was_dropped(order: Order) -> bool:
    """Whether a target was cancelled before it was sent, as its share had become too small."""
    is_target = order.request.leg is Leg.TAKE_PROFIT
    return is_target and order.status is OrderStatus.CANCELLED and not order.exchange_order_id


def resize_intents(
    intents: EntryIntents, quantity: Decimal, instrument: Instrument
) -> EntryIntents:
    """Return the intents for a smaller entry of ``quantity``, with the same ids.

    Targets keep their shares; one with a share too small to trade is left out.
    """
    entry, planned = intents.entry, intents.position
    levels = [(aim.price, aim.quantity / entry.quantity * HUNDRED) for aim in planned.take_profits]
    take_profits = split_targets(levels, quantity=quantity, instrument=instrument)
    shares: dict[Decimal | None, Decimal] = {aim.price: aim.quantity for aim in take_profits}
    protection = (
        replace(each, quantity=size)
        for each in intents.protection
        if (size := quantity if each.leg is Leg.STOP_LOSS else shares.get(each.trigger_price))
    )
    return EntryIntents(
        position=replace(planned, take_profits=take_profits),
        entry=replace(entry, quantity=quantity),
        protection=tuple(protection),
    )


def closing_request(
    position: Position,
    *,
    leg: Leg,
    type_: OrderType,
    quantity: Decimal,
    attempt: int,
    now_ms: Ms,
    trigger: Decimal | None = None,
) -> OrderRequest:
    """Return a reduce-only order on the closing side of ``position``."""
    return OrderRequest(
        client_order_id=client_order_id_of(
            signal_id=position.signal_id, user_id=position.user_id, leg=leg, attempt=attempt
        ),
        user_id=position.user_id,
        exchange=position.exchange,
        symbol=position.symbol,
        leg=leg,
        side=exit_side(position.side),
        type=type_,
        quantity=quantity,
        trigger_price=trigger,
        reduce_only=True,
        leverage=position.leverage,
        signal_id=position.signal_id,
        position_id=position.position_id,
        intended_at_ms=now_ms,
    )


def partial_exit_request(
    signal: Signal, position: Position, *, quantity: Decimal, now_ms: Ms
) -> OrderRequest:
    """Return the market order of a partial exit, with its deterministic id."""
    request = closing_request(
        position,
        leg=Leg.EXIT,
        type_=OrderType.MARKET,
        quantity=quantity,
        attempt=0,
        now_ms=now_ms,
    )
    own_id = client_order_id_of(
        signal_id=signal.signal_id, user_id=position.user_id, leg=Leg.EXIT
    )  # fmt: skip
    return replace(request, client_order_id=own_id, signal_id=signal.signal_id)


def is_partial_exit(request: OrderRequest) -> bool:
    """Whether an order is a partial exit, made by ``partial_exit_request``.

    It has the id of the exit signal; other exits have that of the signal that opened the position.
    """
    if request.leg is not Leg.EXIT or request.signal_id is None:
        return False
    opened = position_id_of(signal_id=request.signal_id, user_id=request.user_id)
    return request.position_id != opened


def _planned_position(signal: Signal, user: User, plan: EntryPlan, *, now_ms: Ms) -> Position:
    return Position(
        position_id=position_id_of(signal_id=signal.signal_id, user_id=user.user_id),
        user_id=user.user_id,
        signal_id=signal.signal_id,
        strategy=signal.strategy,
        exchange=signal.exchange,
        symbol=signal.symbol,
        side=plan.side,
        mode=user.mode,
        stop_loss=plan.stop_loss,
        take_profits=plan.targets,
        trailing_percent=plan.trailing_percent,
        leverage=plan.leverage,
        opened_at_ms=now_ms,
    )
