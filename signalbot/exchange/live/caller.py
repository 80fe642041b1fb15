"""The one way a request reaches an exchange: its turn, its deadline, and what its failure means."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import structlog

from signalbot.domain.errors import SignalbotError, Unavailable, Unreachable
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.budget import Budget
from signalbot.exchange.live.codes import AccountLimited, ClockOff, Codes, Limited
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.outcome import is_already_set, order_error, read_error
from signalbot.exchange.live.sending import Sending, sending

log = structlog.get_logger()

_ORDER_DEADLINE_S = 20.0
_READ_DEADLINE_S = 15.0
_PATIENCE_S = 90.0  # the limits of an address are counted by the minute, at most
AccountLimitMs = Callable[[Mapping[str, str], Ms], int]
"""For how many ms, by an answer's headers, its account must not go on asking."""

_SECRETS = ("apiKey", "secret", "password", "uid", "token", "privateKey")


def _no_limit(_headers: Mapping[str, str], _now_ms: Ms) -> int:
    return 0


# A socket that is closed under a request cancels it, although nobody has cancelled the caller.
_FAILURES = (Exception, asyncio.CancelledError)


@dataclass(frozen=True, slots=True)
class AccountBudget:
    """What one account may ask of its exchange, and what each call costs there."""

    budget: Budget
    cost_of: Callable[[str], int]

    def slot(self, method: str, lane: Lane) -> AbstractAsyncContextManager[None]:
        """Wait until the account may make this call."""
        cost = self.cost_of(method)
        return self.budget.slot(lane, cost) if cost else nullcontext()


class Caller:
    """One account's line to its exchange. Raises nothing but our own errors.

    ``on_clock`` is called when the exchange found our time wrong. ``serial`` sends one request at
    a time, by lane, for exchanges that want every request's nonce above the one before. ``name``
    is whose account it is, for the log. ``account_limit_ms`` reads what answers say of its limits.
    """

    def __init__(
        self,
        client: Any,
        *,
        budget: Budget,
        codes: Codes,
        on_clock: Callable[[], None],
        serial: bool = False,
        name: str = "",
        account_limit_ms: AccountLimitMs = _no_limit,
        own: AccountBudget | None = None,
    ) -> None:
        self._own = own
        self.client = client
        self._name = name
        self._budget = budget
        self._reach = budget.reach
        self._pause = budget.pause()
        self._codes = codes
        self._on_clock = on_clock
        self._turns = budget.one_by_one() if serial else None
        self._account_limit_ms = account_limit_ms

    @property
    def banned_until_ms(self) -> Ms:
        """When the address may be used again."""
        return self._budget.banned_until_ms

    async def order(
        self,
        method: str,
        *args: Any,
        lane: Lane,
        cost: int = 1,
        deadline_s: float = _ORDER_DEADLINE_S,
    ) -> Any:
        """Make a call that changes something there; once, whatever happens.

        A setting that already is as asked for is answered with None.

        Raises:
            OrderRejected: refused by the exchange, or by ccxt before anything was sent.
            OrderOutcomeUnknown: it may have been carried out; also when the deadline has passed.
            Unavailable: it provably was not: never sent, ``Limited``, ``AccountLimited``,
                ``ClockOff``, ``Unreachable``.
            OrderNotFound: what was to be cancelled is not there.
        """
        state = Sending()
        try:
            return await self._call(
                state, method, args, lane=lane, cost=cost, deadline_s=deadline_s
            )
        except _FAILURES as e:
            if _is_final(e):
                raise
            self._reach.failed(e, state)
            if is_already_set(e, codes=self._codes):
                return None
            found = order_error(
                e,
                codes=self._codes,
                was_sent=state.is_sent,
                status=state.status,
                secrets=self._secrets(),
            )
            raise self._note(found, lane, state) from None

    async def read(
        self,
        method: str,
        *args: Any,
        lane: Lane,
        cost: int = 1,
        deadline_s: float = _READ_DEADLINE_S,
    ) -> Any:
        """Ask something. ``deadline_s`` counts from its turn on in lanes that can wait for it.

        Raises:
            Unavailable: no answer; ``AccessDenied`` when this key will never get one,
                ``Unreachable`` while nobody does.
            OrderNotFound: what was asked for is not there.
        """
        state = Sending()
        try:
            return await self._call(
                state, method, args, lane=lane, cost=cost, deadline_s=deadline_s
            )
        except _FAILURES as e:
            if _is_final(e):
                raise
            self._reach.failed(e, state)
            found = read_error(e, codes=self._codes, status=state.status, secrets=self._secrets())
            raise self._note(found, lane, state) from None

    def note(self, error: SignalbotError, *, lane: Lane) -> SignalbotError:
        """Draw conclusions from a refusal that came inside an answer of success; return it."""
        return self._note(error, lane, Sending())

    async def _call(
        self,
        state: Sending,
        method: str,
        args: tuple[Any, ...],
        *,
        lane: Lane,
        cost: int,
        deadline_s: float,
    ) -> Any:
        run: Callable[..., Awaitable[Any]] = getattr(self.client, method)
        token = sending.set(state)
        try:
            may_wait = lane >= Lane.SETTLE
            async with asyncio.timeout(deadline_s + may_wait * _PATIENCE_S) as limit:
                await self._pause.over(lane)
                async with (
                    self._own_slot(method, lane),
                    self._budget.slot(lane, cost),
                    self._turn(lane),
                ):
                    if may_wait:
                        limit.reschedule(asyncio.get_running_loop().time() + deadline_s)
                    state.is_begun = True
                    answer = await run(*args)
                    self._reach.answered()
                    return answer
        except TimeoutError:
            waited_for = "an answer" if state.is_sent else "its turn or a connection"
            raise TimeoutError(f"{deadline_s:g} s were not enough for {waited_for}") from None
        finally:
            sending.reset(token)
            if state.headers:
                self._pause.hold(self._account_limit_ms(state.headers, self._budget.now_ms()))

    def _own_slot(self, method: str, lane: Lane) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self._own is None else self._own.slot(method, lane)

    def _turn(self, lane: Lane) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self._turns is None else self._turns.slot(lane)

    def _note(self, error: SignalbotError, lane: Lane, state: Sending) -> SignalbotError:
        """Draw everybody's conclusions from what one request has met."""
        if type(error) is Unavailable and self._reach.away_since_ms is not None:
            return Unreachable(str(error))
        match error:
            case Limited():
                self._budget.ban(
                    retry_after_s=state.retry_after_s, reason=str(error), status=state.status
                )
            case AccountLimited():
                for_ms = self._pause.begin(
                    lane, retry_after_s=state.retry_after_s, reason=str(error)
                )
                log.warning(
                    "account.limited",
                    exchange=self._budget.name,
                    user_id=self._name,
                    for_s=for_ms / 1000,
                    reason=str(error),
                )
            case ClockOff():
                self._on_clock()
        return error

    def _secrets(self) -> tuple[str, ...]:
        found = (getattr(self.client, name, None) for name in _SECRETS)
        return tuple(str(each) for each in found if each)


def _is_final(error: BaseException) -> bool:
    """Whether an exception goes on as it is: the budget's, and a true cancellation."""
    if not isinstance(error, asyncio.CancelledError):
        return isinstance(error, SignalbotError)
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
