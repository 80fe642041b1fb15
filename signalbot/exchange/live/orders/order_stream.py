"""Private streams of accounts: every message is only a reason to read the account at once.

Reads stay authoritative: a stream that is silent, broken or cannot be opened costs the early read
only. While every stream that an account needs is open and reports our orders in time, the account
is polled less often. A stream of plain orders alone would report too late that a stop is gone.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from ccxt.base.errors import NetworkError

from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import UserId
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.transport.ccxt_internals import (
    FrameHandler,
    close_sockets,
    install_frame_handler,
)
from signalbot.exchange.live.transport.error_mapping import redacted_text
from signalbot.exchange.live.transport.request_executor import RequestExecutor
from signalbot.ports import Clock
from signalbot.stream import Stream
from signalbot.tasks import backoff_s

log = structlog.get_logger()

MAX_STREAMS = 50  # of one exchange: beyond that, accounts are polled only
_CHECK_INTERVAL_S = 1.0
_CONNECT_INTERVAL_S = 0.25  # exchanges count how many connections an address opens
_RENEW_S = 1_500.0  # before a listen key of an hour expires
_STABLE_S = 60.0
_EXPECTED_WITHIN_MS = 3_000  # a stream that reports our order later is unresponsive
_SUBSCRIBES_WITHIN_MS = 1_500  # after the first message of a connection
_MAX_QUEUED_CHANGES = 10_000
_EXPIRED = "listenKeyExpired"
_CONFIG_CHANGED = "ACCOUNT_CONFIG_UPDATE"

OrderIds = tuple[str | None, str | None]
"""An order's client id and exchange id, as a stream has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChange:
    """A change in an account, which is only a reason to read it."""

    user_id: UserId
    orders: tuple[OrderIds, ...] = ()  #: the reported ones; empty: any may have changed
    leverage: int | None = None  #: the new leverage in one of its markets


@dataclass(eq=False, slots=True)
class _AccountStream:
    user_id: UserId
    executor: RequestExecutor
    tasks: tuple[asyncio.Task[None], ...] = ()
    open_urls: set[str] = field(default_factory=set)  #: of connections with a message so far
    opened_ms: Ms = EPOCH  #: first message of the last opened connection
    expected_until_ms: dict[str, Ms] = field(
        default_factory=dict
    )  #: orders to be reported, and by when
    is_unresponsive: bool = False  #: one of them was not reported in time


class OrderStreams:
    """``changes`` gets every change that a stream reports, for one reader.

    All accounts are streamed while there are at most ``max_accounts``, and none beyond.
    """

    def __init__(
        self,
        adapters: Collection[ExchangeAdapter],
        *,
        clock: Clock,
        max_accounts: int = MAX_STREAMS,
    ) -> None:
        streamed = [each for each in adapters if each.order_streams]
        stream_params = (
            tuple(params.items()) for each in streamed for params in each.order_streams
        )
        self._streams = [dict(each) for each in dict.fromkeys(stream_params)]
        self._to_found_order = streamed[0].to_found_order if streamed else None
        self.changes: Stream[AccountChange] = Stream(limit=_MAX_QUEUED_CHANGES)
        self._clock = clock
        self._max_accounts = max_accounts
        self._accounts: dict[UserId, _AccountStream] = {}

    def follow(self, user_id: UserId, executor: RequestExecutor) -> None:
        """Stream an account from now on, with the client of ``executor``."""
        self.unfollow(user_id)
        self._accounts[user_id] = _AccountStream(user_id, executor)

    def unfollow(self, user_id: UserId) -> None:
        account = self._accounts.pop(user_id, None)
        if account is not None:
            _stop(account)

    def expect_order(self, user_id: UserId, client_order_id: str) -> None:
        """Expect an acknowledged order in the account's stream soon."""
        account = self._accounts.get(user_id)
        if account is not None and self._is_open(account):
            account.expected_until_ms[client_order_id] = Ms(
                self._clock.now_ms() + _EXPECTED_WITHIN_MS
            )

    def is_reliable(self, user_id: UserId) -> bool:
        """Whether an account's streams are open and have reported every expected order."""
        account = self._accounts.get(user_id)
        if account is None or not account.tasks or not self._is_open(account):
            return False
        now_ms = self._clock.now_ms()
        if any(until_ms < now_ms for until_ms in account.expected_until_ms.values()):
            account.is_unresponsive = True
            account.expected_until_ms.clear()
            log.debug("account.stream_unresponsive", user_id=user_id)
        return not account.is_unresponsive

    def covers_from_ms(self, user_id: UserId) -> Ms:
        """Since when an account's streams report changes: not before they are subscribed.

        Meaningless for an account without open streams.
        """
        account = self._accounts.get(user_id)
        return EPOCH if account is None else Ms(account.opened_ms + _SUBSCRIBES_WITHIN_MS)

    def _is_open(self, account: _AccountStream) -> bool:
        return len(account.open_urls) >= len(self._streams)

    async def run(self) -> None:
        """Stream until cancelled."""
        if not self._streams:
            return
        async with asyncio.TaskGroup() as group:
            while True:
                is_few = len(self._accounts) <= self._max_accounts
                for account in list(self._accounts.values()):
                    if not is_few:
                        _stop(account)
                    elif not account.tasks:
                        account.tasks = tuple(
                            group.create_task(
                                self._watch(account, params), name=f"orders {account.user_id}"
                            )
                            for params in self._streams
                        )
                        await self._clock.sleep(_CONNECT_INTERVAL_S)
                await self._clock.sleep(_CHECK_INTERVAL_S)

    async def _watch(self, account: _AccountStream, params: Mapping[str, Any]) -> None:
        """Keep one stream open: after it ends it is reopened, and the account is read."""
        client, delays = account.executor.client, backoff_s(initial_s=1.0, max_s=300.0)
        self._install_handler(account)
        while True:
            began_ms = self._clock.now_ms()
            await self._clock.sleep_until(account.executor.banned_until_ms)
            cause = "it is renewed regularly"
            try:
                async with asyncio.timeout(_RENEW_S):
                    while True:
                        orders = await client.watch_orders(None, None, None, dict(params))
                        self._handle_orders(account, orders)
            except TimeoutError:
                delays = backoff_s(initial_s=1.0, max_s=300.0)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                cause = "the socket was closed"
            except Exception as e:  # noqa: BLE001 - a stream is reopened after any error
                cause = redacted_text(e)
            finally:
                account.open_urls.clear()
                account.expected_until_ms.clear()
                await close_sockets(client)
            if self._clock.now_ms() - began_ms > _STABLE_S * 1000:
                delays = backoff_s(initial_s=1.0, max_s=300.0)
            log.debug("account.stream_disconnected", user_id=account.user_id, cause=cause)
            await self._clock.sleep(next(delays))
            self.changes.put(
                AccountChange(user_id=account.user_id)
            )  # changes meanwhile are not reported again

    def _handle_orders(self, account: _AccountStream, raws: Collection[Mapping[str, Any]]) -> None:
        """Report the orders that ccxt has read from the stream."""
        ids = tuple(self._ids(raw) for raw in raws)
        for client_id, _ in ids:
            if client_id is not None and account.expected_until_ms.pop(client_id, None) is not None:
                account.is_unresponsive = False
        self.changes.put(AccountChange(user_id=account.user_id, orders=ids))

    def _ids(self, raw: Mapping[str, Any]) -> OrderIds:
        if self._to_found_order is None or not isinstance(raw.get("info"), Mapping):
            return raw.get("clientOrderId"), _text(raw.get("id"))
        found = self._to_found_order(raw)
        return found.wire_id, _text(found.raw.get("id"))

    def _install_handler(self, account: _AccountStream) -> None:
        """Handle frames that ccxt ignores, and keep the socket's reader alive on errors."""
        client = account.executor.client

        def handle(original: FrameHandler, socket: Any, message: Any) -> None:
            if socket.url not in account.open_urls:
                account.open_urls.add(socket.url)
                account.opened_ms = self._clock.now_ms()
                account.is_unresponsive = False
            event = message.get("e") if isinstance(message, Mapping) else None
            if event == _EXPIRED:
                socket.reset(NetworkError("the listen key has expired"))
                return
            if event == _CONFIG_CHANGED:
                leverage = (message.get("ac") or {}).get("l")
                if leverage is not None:
                    self.changes.put(AccountChange(user_id=account.user_id, leverage=int(leverage)))
                return
            try:
                original(socket, message)
            except Exception as e:  # noqa: BLE001 - ccxt's reader would end without an error
                log.debug("stream.frame_invalid", exchange=client.id, cause=redacted_text(e))
                self.changes.put(AccountChange(user_id=account.user_id))

        install_frame_handler(client, handle)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _stop(account: _AccountStream) -> None:
    for task in account.tasks:
        task.cancel()
    account.tasks = ()
    account.open_urls.clear()
