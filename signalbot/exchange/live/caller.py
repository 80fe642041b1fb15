"""The one way a request reaches an exchange: its turn, its deadline, and what its failure means."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from signalbot.domain.errors import SignalbotError
from signalbot.exchange.live.budget import Budget
from signalbot.exchange.live.codes import ClockOff, Codes, Limited
from signalbot.exchange.live.connection import Sending, sending
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.outcome import is_already_set, order_error, read_error

log = structlog.get_logger()

_ORDER_DEADLINE_S = 20.0
_READ_DEADLINE_S = 15.0


class Caller:
    """One account's line to its exchange. Raises nothing but our own errors.

    ``on_clock`` is called when the exchange found our time wrong.
    """

    def __init__(
        self,
        client: Any,
        *,
        budget: Budget,
        codes: Codes,
        on_clock: Callable[[], None],
        serial: bool = False,
    ) -> None:
        self.client = client
        self._budget = budget
        self._codes = codes
        self._on_clock = on_clock
        self._one_by_one = asyncio.Lock() if serial else None

    async def order(
        self,
        method: str,
        *args: Any,
        lane: Lane,
        cost: int = 1,
        deadline_s: float = _ORDER_DEADLINE_S,
    ) -> Any:
        """Make a call that changes something there; once, whatever happens.

        Raises:
            OrderRejected, OrderOutcomeUnknown, Unavailable, OrderNotFound: see ``outcome``.
        """
        state = Sending()
        try:
            return await self._call(state, method, args, lane, cost, deadline_s)
        except Exception as e:  # noqa: BLE001 - every failure is an outcome
            if is_already_set(e, codes=self._codes):
                return None
            raise self._note(order_error(e, codes=self._codes, was_sent=state.is_sent)) from None

    async def read(
        self,
        method: str,
        *args: Any,
        lane: Lane,
        cost: int = 1,
        deadline_s: float = _READ_DEADLINE_S,
    ) -> Any:
        """Ask something.

        Raises:
            Unavailable: no answer; AccessDenied when this key will never get one.
            OrderNotFound: what was asked for is not there.
        """
        try:
            return await self._call(Sending(), method, args, lane, cost, deadline_s)
        except Exception as e:  # noqa: BLE001 - every failure is an outcome
            raise self._note(read_error(e, codes=self._codes)) from None

    async def _call(
        self,
        state: Sending,
        method: str,
        args: tuple[Any, ...],
        lane: Lane,
        cost: int,
        deadline_s: float,
    ) -> Any:
        run: Callable[..., Awaitable[Any]] = getattr(self.client, method)
        token = sending.set(state)
        try:
            async with asyncio.timeout(deadline_s), self._budget.slot(lane, cost):
                if self._one_by_one is None:
                    return await run(*args)
                async with self._one_by_one:
                    return await run(*args)
        finally:
            sending.reset(token)

    def _note(self, error: SignalbotError) -> SignalbotError:
        if isinstance(error, Limited) and not str(error).startswith(self._budget.name):
            self._budget.ban(retry_after_s=self._retry_after_s(), reason=str(error))
        elif isinstance(error, ClockOff):
            self._on_clock()
        return error

    def _retry_after_s(self) -> float | None:
        headers = self.client.last_response_headers or {}
        for name, value in headers.items():
            if name.lower() == "retry-after":
                try:
                    return float(value)
                except ValueError:
                    return None
        return None
