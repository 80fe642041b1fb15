"""Builds and serves the HTTP API, with the services that only the API uses.

FastAPI is imported while the daemon already trades: the import takes seconds on small machines.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from signalbot.app.services import Services
from signalbot.control.alert_authentication import AlertAuthenticator
from signalbot.control.alert_deduplication import AlertDeduplicator
from signalbot.control.configuration import ConfigurationService
from signalbot.control.discarded_alerts import DiscardedAlertLog
from signalbot.control.heartbeat_monitor import HeartbeatMonitor, intervals_of
from signalbot.control.operations import Operations
from signalbot.control.position_tracker import PositionTracker
from signalbot.control.signal_intake import SignalIntake
from signalbot.control.webhook_receiver import WebhookReceiver
from signalbot.daemon.runtime import Runtime
from signalbot.ledger.alert_deliveries import AlertDeliveries
from signalbot.ledger.idempotency import IdempotencyStore
from signalbot.ledger.journal import Journal
from signalbot.ledger.outages import SourceOutages
from signalbot.ledger.tokens import TokenStore
from signalbot.ledger.tracked_positions import TrackedPositions
from signalbot.observability.loop_lag import LoopLag
from signalbot.observability.process_limits import raise_open_file_limit

if TYPE_CHECKING:
    from signalbot.api.connection_limiter import ConnectionLimiter
    from signalbot.api.context import Context
    from signalbot.metrics.collector import MetricsCollector


@asynccontextmanager
async def serving_api(
    runtime: Runtime, services: Services, configuration: ConfigurationService, lag: LoopLag
) -> AsyncIterator[None]:
    """Serve the API for the duration of the block.

    Raises:
        ConfigError: its address cannot be used.
    """
    from signalbot.api.build import build  # noqa: PLC0415
    from signalbot.api.connection_limiter import build_connection_limiter  # noqa: PLC0415
    from signalbot.api.server import serve_api  # noqa: PLC0415
    from signalbot.metrics.collector import MetricsCollector  # noqa: PLC0415

    metrics = MetricsCollector(services, lag=lag)
    await metrics.begin()
    settings = runtime.config.api
    connections = build_connection_limiter(settings, open_files=raise_open_file_limit())
    heartbeats = HeartbeatMonitor(
        lambda: intervals_of(services.control.strategies.all),
        SourceOutages(runtime.database),
        runtime.clock,
    )
    discarded_alerts = DiscardedAlertLog(runtime.clock)
    alerts = _AlertMonitors(heartbeats=heartbeats, discarded=discarded_alerts)
    context = _build_context(runtime, services, configuration, metrics, alerts, connections)
    await context.idempotency.release_unfinished()
    async with (
        context.event_stream.running(),
        heartbeats.running(),
        discarded_alerts.running(),
        serve_api(
            build(context),
            settings,
            connections=connections,
            state_dir=runtime.config.daemon.state_dir,
            clock=runtime.clock,
        ),
    ):
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class _AlertMonitors:
    heartbeats: HeartbeatMonitor
    discarded: DiscardedAlertLog


def _build_context(
    runtime: Runtime,
    services: Services,
    configuration: ConfigurationService,
    metrics: "MetricsCollector",
    alerts: _AlertMonitors,
    connections: "ConnectionLimiter",
) -> "Context":
    from signalbot.api.auth import Authenticator  # noqa: PLC0415
    from signalbot.api.context import Context  # noqa: PLC0415
    from signalbot.api.event_stream import EventStream  # noqa: PLC0415
    from signalbot.api.middleware import LOCAL_HOSTS  # noqa: PLC0415
    from signalbot.api.request_limits import RequestLimiter  # noqa: PLC0415

    database, clock, settings = runtime.database, runtime.clock, runtime.config.api
    tokens, journal = TokenStore(database), Journal(database)
    authenticator = Authenticator(tokens, clock)
    signal_intake = _build_signal_intake(services)
    return Context(
        operations=_build_operations(services),
        configuration=configuration,
        users=services.control.users,
        strategies=services.control.strategies.all,
        signal_intake=signal_intake,
        alert_authenticator=AlertAuthenticator(
            strategies=services.control.strategies.all,
            tokens=authenticator,
            resolve=partial(runtime.credential_store.resolve, runtime.config),
            discarded_alerts=alerts.discarded,
            clock=clock,
        ),
        webhook_receiver=_build_webhook_receiver(runtime, services, signal_intake, alerts),
        executions=services.storage.executions,
        database=database,
        journal=journal,
        tokens=tokens,
        idempotency=IdempotencyStore(database),
        request_limiter=RequestLimiter(
            authenticator,
            per_second=settings.requests_per_second,
            trusts_proxy=settings.tls_behind_proxy,
            connections=connections,
            clock=clock,
        ),
        event_stream=EventStream(journal, services.control.strategies.all, tokens, clock),
        metrics=metrics,
        hosts=None if settings.tls_behind_proxy else LOCAL_HOSTS | {settings.host},
        clock=clock,
    )


def _build_operations(services: Services) -> Operations:
    execution = services.execution
    return Operations(
        users=services.control.users,
        accounts=services.storage.accounts,
        trading_state=execution.trading_state,
        protector=execution.protector,
        key_permissions=execution.key_permissions,
        entry_settler=execution.entry_settler,
        clock=services.clock,
    )


def _build_signal_intake(services: Services) -> SignalIntake:
    return SignalIntake(
        strategies=services.control.strategies.all,
        exchanges=services.market_data.exchanges,
        signals=services.storage.signals,
        emitter=services.outbound.emitter,
        expirer=services.outbound.expirer,
        clock=services.clock,
    )


def _build_webhook_receiver(
    runtime: Runtime, services: Services, signal_intake: SignalIntake, alerts: _AlertMonitors
) -> WebhookReceiver:
    deliveries = AlertDeliveries(runtime.database)
    return WebhookReceiver(
        signal_intake=signal_intake,
        deduplicator=AlertDeduplicator(services.storage.signals, deliveries),
        position_tracker=PositionTracker(TrackedPositions(runtime.database), runtime.clock),
        heartbeat_monitor=alerts.heartbeats,
        discarded_alerts=alerts.discarded,
        clock=runtime.clock,
    )
