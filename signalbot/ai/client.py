"""Calls models within the daily budget and a deadline; records every call."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar
from uuid import uuid4

import structlog

from signalbot.ai.daily_budget import DailyBudget, DailyBudgetExceeded, utc_day_start
from signalbot.ai.prompt import Prompt
from signalbot.ai.provider_models import ModelCallFailed, ModelReply, ProviderModels
from signalbot.ai.schemas import AiResponse
from signalbot.domain.money import ZERO
from signalbot.domain.signals import SignalId, digest
from signalbot.domain.timeframe import Ms
from signalbot.ledger.ai_calls import AiCall, AiCalls, CallKind, CallOutcome
from signalbot.ports import Clock
from signalbot.settings.ai import MAX_CALL_S, AiProviderSettings, AiSettings

log = structlog.get_logger()

A = TypeVar("A", bound=AiResponse)
ResolveSecret = Callable[[str], Awaitable[str]]

_CHARACTERS_PER_TOKEN = 2  # a lower bound, so that the reserved cost is an upper bound


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """Purpose of a call."""

    kind: CallKind
    strategy: str
    symbol: str
    signal_id: SignalId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult(Generic[A]):
    call_id: str
    response: A


class AiCallFailed(Exception):
    """A call failed; the message is the reason."""

    def __init__(self, cause: str, *, call_id: str | None = None) -> None:
        super().__init__(cause)
        self.call_id = call_id


class AiClient:
    """The configured providers."""

    def __init__(
        self,
        models: Mapping[str, ProviderModels],
        *,
        budget: DailyBudget,
        calls: AiCalls,
        clock: Clock,
    ) -> None:
        self._models = models
        self._budget = budget
        self._calls = calls
        self._clock = clock

    @classmethod
    @asynccontextmanager
    async def running(
        cls, settings: AiSettings, *, calls: AiCalls, resolve: ResolveSecret, clock: Clock
    ) -> AsyncIterator["AiClient"]:
        """Resolve the API keys, load the libraries, and read today's cost from the ledger.

        Raises:
            ConfigError: a library is missing, or the vault lacks a key.
        """
        models: dict[str, ProviderModels] = {}
        async with AsyncExitStack() as stack:
            for name, provider in settings.providers.items():
                key = None if provider.api_key is None else await resolve(provider.api_key)
                models[name] = ProviderModels(provider, key)
                await stack.enter_async_context(models[name].running())
            spent = await calls.spent_since(utc_day_start(clock.now_ms()))
            budget = DailyBudget(settings.budget_per_day, spent=spent, clock=clock)
            yield cls(models, budget=budget, calls=calls, clock=clock)

    async def call(
        self, context: CallContext, prompt: Prompt, schema: type[A], *, provider: str, model: str
    ) -> CallResult[A]:
        """Call one model once, and record the result.

        Raises:
            DailyBudgetExceeded: the call was not made.
            AiCallFailed: the call failed.
        """
        models = self._models.get(provider)
        if models is None:
            raise AiCallFailed(f"no provider {provider!r} is configured")
        max_cost = _max_cost(models.settings, prompt)
        started_ms = self._clock.now_ms()
        try:
            self._budget.reserve(max_cost)
        except DailyBudgetExceeded as e:
            made = self._record(context, prompt, None, started_ms, provider, model, str(e))
            e.call_id = made.call_id
            raise
        reply, failure = await _try_call(models, model, prompt, schema)
        cost, is_estimate = _actual_cost(models.settings, max_cost, reply, failure)
        self._budget.settle(max_cost, cost)
        made = self._record(
            context,
            prompt,
            reply or failure,
            started_ms,
            provider,
            model,
            cost=cost,
            cost_is_estimate=is_estimate,
        )
        if reply is None:
            raise AiCallFailed(str(failure), call_id=made.call_id)
        return CallResult(call_id=made.call_id, response=reply.response)

    def _record(
        self,
        context: CallContext,
        prompt: Prompt,
        result: ModelReply[A] | ModelCallFailed | None,
        started_ms: Ms,
        provider: str,
        model: str,
        error: str | None = None,
        *,
        cost: Decimal = ZERO,
        cost_is_estimate: bool = False,
    ) -> AiCall:
        response_text = (
            result.response.model_dump_json() if isinstance(result, ModelReply) else None
        )
        made = AiCall(
            call_id=f"ai_{uuid4().hex[:16]}",
            kind=context.kind,
            signal_id=context.signal_id,
            strategy=context.strategy,
            symbol=context.symbol,
            provider=provider,
            model=model,
            started_at_ms=started_ms,
            latency_ms=self._clock.now_ms() - started_ms,
            outcome=_call_outcome(result),
            answer=response_text,
            error=str(result) if isinstance(result, ModelCallFailed) else error,
            input_tokens=result.input_tokens if result else 0,
            output_tokens=result.output_tokens if result else 0,
            cost=cost,
            cost_is_estimate=cost_is_estimate,
            prompt_hash=prompt.hash,
            answer_hash=None if response_text is None else digest(response_text),
        )
        self._calls.record(made)
        _log_call(made)
        return made


def _call_outcome(result: ModelReply[A] | ModelCallFailed | None) -> CallOutcome:
    match result:
        case None:
            return CallOutcome.NOT_CALLED
        case ModelCallFailed():
            return CallOutcome.FAILED
        case _:
            return CallOutcome.ANSWERED


async def _try_call(
    models: ProviderModels, model: str, prompt: Prompt, schema: type[A]
) -> tuple[ModelReply[A] | None, ModelCallFailed | None]:
    try:
        async with asyncio.timeout(MAX_CALL_S):
            return await models.request(model, prompt, schema), None
    except TimeoutError:
        return None, ModelCallFailed(f"no answer within {MAX_CALL_S} s")
    except ModelCallFailed as e:
        return None, e


def _max_cost(settings: AiProviderSettings, prompt: Prompt) -> Decimal:
    """Return the upper bound of a call's cost."""
    characters = len(prompt.system) + len(prompt.text)
    return settings.cost(characters // _CHARACTERS_PER_TOKEN + 1_000, settings.max_output_tokens)


def _actual_cost(
    settings: AiProviderSettings,
    max_cost: Decimal,
    reply: ModelReply[A] | None,
    failure: ModelCallFailed | None,
) -> tuple[Decimal, bool]:
    """Return the cost of a call and whether it is an estimate: the upper bound, if unknown."""
    if reply is not None:
        return settings.cost(reply.input_tokens, reply.output_tokens), False
    if failure is not None and (failure.is_rejected or failure.input_tokens):
        return settings.cost(failure.input_tokens, failure.output_tokens), False
    return max_cost, True


def _log_call(made: AiCall) -> None:
    facts = {
        "call": made.call_id,
        "strategy": made.strategy,
        "symbol": made.symbol,
        "provider": made.provider,
        "model": made.model,
        "latency_ms": made.latency_ms,
        "cost": str(made.cost),
    }
    match made.outcome:
        case CallOutcome.NOT_CALLED:
            log.warning("ai.budget_exceeded", **facts, cause=made.error)
        case CallOutcome.FAILED:
            log.warning("ai.call_failed", **facts, cause=made.error)
        case CallOutcome.ANSWERED:
            log.info("ai.call_completed", **facts, tokens=made.input_tokens + made.output_tokens)
