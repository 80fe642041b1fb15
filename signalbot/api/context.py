"""Dependencies of the routes, built once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from signalbot.api.event_stream import EventStream
from signalbot.api.request_limits import RequestLimiter
from signalbot.control.alert_authentication import AlertAuthenticator
from signalbot.control.configuration import ConfigurationService
from signalbot.control.operations import Operations
from signalbot.control.signal_intake import SignalIntake
from signalbot.control.user_registry import UserRegistry
from signalbot.control.webhook_receiver import WebhookReceiver
from signalbot.ledger.base import Work
from signalbot.ledger.database import Database
from signalbot.ledger.executions import Executions
from signalbot.ledger.idempotency import IdempotencyStore
from signalbot.ledger.journal import Journal
from signalbot.ledger.tokens import TokenStore
from signalbot.metrics.collector import MetricsCollector
from signalbot.ports import Clock
from signalbot.settings.strategy import StrategySettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    operations: Operations
    configuration: ConfigurationService
    users: UserRegistry
    strategies: Mapping[str, StrategySettings]
    signal_intake: SignalIntake
    alert_authenticator: AlertAuthenticator
    webhook_receiver: WebhookReceiver
    executions: Executions
    database: Database
    journal: Journal
    tokens: TokenStore
    idempotency: IdempotencyStore
    request_limiter: RequestLimiter
    event_stream: EventStream
    metrics: MetricsCollector
    hosts: frozenset[str] | None  #: accepted host names; None: any
    clock: Clock

    async def read(self, work: Work[T]) -> T:
        """Run a reader of ``ledger.views`` concurrently with the writer."""
        return await self.database.read(work)


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


CurrentContext = Annotated[Context, Depends(_context)]
"""Dependencies of the running daemon."""
