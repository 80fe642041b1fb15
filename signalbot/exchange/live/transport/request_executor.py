"""Executes every request to an exchange: rate limits, deadline, and the meaning of failures."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import structlog

from signalbot.domain.errors import SignalbotError, Unavailable, Unreachable
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.transport.error_codes import (
    AccountRateLimited,
    AddressRateLimited,
    ClockSkewed,
    ErrorCodes,
)
from signalbot.exchange.live.transport.error_mapping import is_already_set, order_error, read_error
from signalbot.exchange.live.transport.exchange_api import RequestPriority
from signalbot.exchange.live.transport.rate_limiter import RateLimiter
from signalbot.exchange.live.transport.request_trace import RequestTrace, current_trace

log = structlog.get_logger()

_ORDER_DEADLINE_S = 20.0
_READ_DEADLINE_S = 15.0
_MAX_QUEUE_S = 90.0  # the limits of an address are counted by the minute, at most
AccountLimitReader = Callable[[Mapping[str, str], Ms], int]
"""How many ms an account must pause, by the headers of a response."""

_SECRET_FIELDS = ("apiKey", "secret", "password", "uid", "token", "privateKey")


def _no_limit(_headers: Mapping[str, str], _now_ms: Ms) -> int:
    return 0


# A socket that closes under a request cancels it, although the caller was not cancelled.
_FAILURES = (Exception, asyncio.CancelledError)


@dataclass(frozen=True, slots=True)
class AccountRateLimit:
    """The rate limit of one account, and the cost of each call in it."""

    rate_limiter: RateLimiter
    cost_of: Callable[[str], int]

    def slot(self, method: str, priority: RequestPriority) -> AbstractAsyncContextManager[None]:
        """Wait until the account may make this call."""
        cost = self.cost_of(method)
        return self.rate_limiter.slot(priority, cost) if cost else nullcontext()


class RequestExecutor:
    """The requests of one account. Raises only our own errors.

    ``on_clock_skew`` is called when the exchange rejects our time. ``serial`` sends one request at
    a time, by priority, for exchanges that require a rising nonce. ``name`` is the account's user,
    for the log. ``account_limit_ms`` reads the account's limits from response headers.
    """

    def __init__(
        self,
        client: Any,
        *,
        rate_limiter: RateLimiter,
        codes: ErrorCodes,
        on_clock_skew: Callable[[], None],
        serial: bool = False,
        name: str = "",
        account_limit_ms: AccountLimitReader = _no_limit,
        account_limit: AccountRateLimit | None = None,
    ) -> None:
        self._account_limit = account_limit
        self.client = client
        self._name = name
        self._rate_limiter = rate_limiter
        self._connectivity = rate_limiter.connectivity
        self._backoff = rate_limiter.account_backoff()
        self._codes = codes
        self._on_clock_skew = on_clock_skew
        self._serial_queue = rate_limiter.serial_queue() if serial else None
        self._account_limit_ms = account_limit_ms

    @property
    def banned_until_ms(self) -> Ms:
        """When the address may be used again."""
        return self._rate_limiter.banned_until_ms

    async def execute(
        self,
        method: str,
        *args: Any,
        priority: RequestPriority,
        cost: int = 1,
        deadline_s: float = _ORDER_DEADLINE_S,
    ) -> Any:
        """Make a call that changes something at the exchange; once, whatever happens.

        Returns None for a setting that has the requested value already.

        Raises:
            OrderRejected: by the exchange, or by ccxt before anything was sent.
            OrderOutcomeUnknown: it may have been carried out; also when the deadline has passed.
            Unavailable: it provably was not: never sent, ``AddressRateLimited``,
                ``AccountRateLimited``, ``ClockSkewed``, ``Unreachable``.
            OrderNotFound: the order to cancel does not exist.
        """
        state = RequestTrace()
        try:
            return await self._call(
                state, method, args, priority=priority, cost=cost, deadline_s=deadline_s
            )
        except _FAILURES as e:
            if _must_propagate(e):
                raise
            self._connectivity.record_failure(e, state)
            if is_already_set(e, codes=self._codes):
                return None
            found = order_error(
                e,
                codes=self._codes,
                was_sent=state.is_sent,
                status=state.status,
                secrets=self._secrets(),
            )
            raise self._apply_error(found, priority, state) from None

    async def read(
        self,
        method: str,
        *args: Any,
        priority: RequestPriority,
        cost: int = 1,
        deadline_s: float = _READ_DEADLINE_S,
    ) -> Any:
        """Make a call that changes nothing; ``deadline_s`` starts with its slot at low priority.

        Raises:
            Unavailable: no valid response; ``AccessDenied`` when the key is denied,
                ``Unreachable`` while the exchange responds to no request.
            OrderNotFound: the order does not exist.
        """
        state = RequestTrace()
        try:
            return await self._call(
                state, method, args, priority=priority, cost=cost, deadline_s=deadline_s
            )
        except _FAILURES as e:
            if _must_propagate(e):
                raise
            self._connectivity.record_failure(e, state)
            found = read_error(e, codes=self._codes, status=state.status, secrets=self._secrets())
            raise self._apply_error(found, priority, state) from None

    def apply_error(self, error: SignalbotError, *, priority: RequestPriority) -> SignalbotError:
        """Apply an error inside a response of success to later requests; return it."""
        return self._apply_error(error, priority, RequestTrace())

    async def _call(
        self,
        state: RequestTrace,
        method: str,
        args: tuple[Any, ...],
        *,
        priority: RequestPriority,
        cost: int,
        deadline_s: float,
    ) -> Any:
        run: Callable[..., Awaitable[Any]] = getattr(self.client, method)
        token = current_trace.set(state)
        try:
            may_wait = priority >= RequestPriority.SETTLE
            async with asyncio.timeout(deadline_s + may_wait * _MAX_QUEUE_S) as limit:
                await self._backoff.wait(priority)
                async with (
                    self._account_slot(method, priority),
                    self._rate_limiter.slot(priority, cost),
                    self._serial_slot(priority),
                ):
                    if may_wait:
                        limit.reschedule(asyncio.get_running_loop().time() + deadline_s)
                    state.is_started = True
                    response = await run(*args)
                    self._connectivity.record_response()
                    return response
        except TimeoutError:
            waited_for = "a response" if state.is_sent else "a slot or a connection"
            raise TimeoutError(f"{deadline_s:g} s were not enough for {waited_for}") from None
        finally:
            current_trace.reset(token)
            if state.headers:
                self._backoff.hold_for(
                    self._account_limit_ms(state.headers, self._rate_limiter.now_ms())
                )

    def _account_slot(
        self, method: str, priority: RequestPriority
    ) -> AbstractAsyncContextManager[None]:
        return (
            nullcontext()
            if self._account_limit is None
            else self._account_limit.slot(method, priority)
        )

    def _serial_slot(self, priority: RequestPriority) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self._serial_queue is None else self._serial_queue.slot(priority)

    def _apply_error(
        self, error: SignalbotError, priority: RequestPriority, state: RequestTrace
    ) -> SignalbotError:
        """Apply the error of one request to later requests; return the error to raise."""
        if type(error) is Unavailable and self._connectivity.outage_since_ms is not None:
            return Unreachable(str(error))
        match error:
            case AddressRateLimited():
                self._rate_limiter.ban(
                    retry_after_s=state.retry_after_s, reason=str(error), status=state.status
                )
            case AccountRateLimited():
                for_ms = self._backoff.begin(
                    priority, retry_after_s=state.retry_after_s, reason=str(error)
                )
                log.warning(
                    "account.rate_limited",
                    exchange=self._rate_limiter.name,
                    user_id=self._name,
                    for_s=for_ms / 1000,
                    reason=str(error),
                )
            case ClockSkewed():
                self._on_clock_skew()
        return error

    def _secrets(self) -> tuple[str, ...]:
        found = (getattr(self.client, name, None) for name in _SECRET_FIELDS)
        return tuple(str(each) for each in found if each)


def _must_propagate(error: BaseException) -> bool:
    """Whether an exception is raised unchanged: our own errors, and a true cancellation."""
    if not isinstance(error, asyncio.CancelledError):
        return isinstance(error, SignalbotError)
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
