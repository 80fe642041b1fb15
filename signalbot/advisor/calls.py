"""Makes calls: within the day's money, with a deadline, and every one of them on record."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar
from uuid import uuid4

import structlog

from signalbot.advisor.answer import Answer
from signalbot.advisor.budget import Budget, BudgetSpent, day_of
from signalbot.advisor.model import CallFailed, Models, Reply
from signalbot.advisor.prompt import Question
from signalbot.advisor.share import LONGEST_CALL_S
from signalbot.advisor.terms import AiTerms, ProviderTerms
from signalbot.domain.money import ZERO
from signalbot.domain.signals import SignalId, digest
from signalbot.domain.timeframe import Ms
from signalbot.ledger.ai import AiCall, AiCalls, CallKind, CallOutcome
from signalbot.ports import Clock

log = structlog.get_logger()

A = TypeVar("A", bound=Answer)
Resolve = Callable[[str], Awaitable[str]]

_CHARACTERS_PER_TOKEN = 2  # fewer than any text in practice: money is set aside, not guessed


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a call is for."""

    kind: CallKind
    strategy: str
    symbol: str
    signal_id: SignalId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Called(Generic[A]):
    call_id: str
    answer: A


class NoAnswer(Exception):
    """A call was made and came to nothing; the message says why."""

    def __init__(self, cause: str, *, call_id: str | None = None) -> None:
        super().__init__(cause)
        self.call_id = call_id


class Caller:
    """The providers of one daemon."""

    def __init__(
        self, models: Mapping[str, Models], *, budget: Budget, calls: AiCalls, clock: Clock
    ) -> None:
        self._models = models
        self._budget = budget
        self._calls = calls
        self._clock = clock

    @classmethod
    @asynccontextmanager
    async def running(
        cls, terms: AiTerms, *, calls: AiCalls, resolve: Resolve, clock: Clock
    ) -> AsyncIterator["Caller"]:
        """Read the providers' keys, load their libraries, and count what this day has cost.

        Raises:
            ConfigError: a library is missing, or the vault has no such key.
        """
        models: dict[str, Models] = {}
        async with AsyncExitStack() as stack:
            for name, provider in terms.providers.items():
                key = None if provider.api_key is None else await resolve(provider.api_key)
                models[name] = Models(provider, key)
                await stack.enter_async_context(models[name].running())
            spent = await calls.spent_since(day_of(clock.now_ms()))
            budget = Budget(terms.budget_per_day, spent=spent, clock=clock)
            yield cls(models, budget=budget, calls=calls, clock=clock)

    async def call(
        self, about: About, question: Question, form: type[A], *, provider: str, model: str
    ) -> Called[A]:
        """Ask one model, once, and record what came of it.

        Raises:
            BudgetSpent: nothing was asked.
            NoAnswer: it failed.
        """
        models = self._models.get(provider)
        if models is None:
            raise NoAnswer(f"no provider {provider!r} is configured")
        most = _most(models.terms, question)
        started_ms = self._clock.now_ms()
        try:
            self._budget.reserve(most)
        except BudgetSpent as e:
            made = self._record(about, question, None, started_ms, provider, model, str(e))
            e.call_id = made.call_id
            raise
        reply, failure = await _attempt(models, model, question, form)
        cost, is_estimate = _cost(models.terms, most, reply, failure)
        self._budget.settle(most, cost)
        made = self._record(
            about,
            question,
            reply or failure,
            started_ms,
            provider,
            model,
            cost=cost,
            cost_is_estimate=is_estimate,
        )
        if reply is None:
            raise NoAnswer(str(failure), call_id=made.call_id)
        return Called(call_id=made.call_id, answer=reply.answer)

    def _record(
        self,
        about: About,
        question: Question,
        came: Reply[A] | CallFailed | None,
        started_ms: Ms,
        provider: str,
        model: str,
        why_not: str | None = None,
        *,
        cost: Decimal = ZERO,
        cost_is_estimate: bool = False,
    ) -> AiCall:
        answer = came.answer.model_dump_json() if isinstance(came, Reply) else None
        made = AiCall(
            call_id=f"ai_{uuid4().hex[:16]}",
            kind=about.kind,
            signal_id=about.signal_id,
            strategy=about.strategy,
            symbol=about.symbol,
            provider=provider,
            model=model,
            started_at_ms=started_ms,
            latency_ms=self._clock.now_ms() - started_ms,
            outcome=_outcome(came),
            answer=answer,
            error=str(came) if isinstance(came, CallFailed) else why_not,
            input_tokens=came.input_tokens if came else 0,
            output_tokens=came.output_tokens if came else 0,
            cost=cost,
            cost_is_estimate=cost_is_estimate,
            prompt_hash=question.hash,
            answer_hash=None if answer is None else digest(answer),
        )
        self._calls.record(made)
        _tell(made)
        return made


def _outcome(came: Reply[A] | CallFailed | None) -> CallOutcome:
    match came:
        case None:
            return CallOutcome.NOT_ASKED
        case CallFailed():
            return CallOutcome.FAILED
        case _:
            return CallOutcome.ANSWERED


async def _attempt(
    models: Models, model: str, question: Question, form: type[A]
) -> tuple[Reply[A] | None, CallFailed | None]:
    try:
        async with asyncio.timeout(LONGEST_CALL_S):
            return await models.ask(model, question, form), None
    except TimeoutError:
        return None, CallFailed(f"no answer within {LONGEST_CALL_S} s")
    except CallFailed as e:
        return None, e


def _most(terms: ProviderTerms, question: Question) -> Decimal:
    """The most a call can cost."""
    characters = len(question.system) + len(question.text)
    return terms.cost(characters // _CHARACTERS_PER_TOKEN + 1_000, terms.max_output_tokens)


def _cost(
    terms: ProviderTerms, most: Decimal, reply: Reply[A] | None, failure: CallFailed | None
) -> tuple[Decimal, bool]:
    """What a call has cost; where nobody knows, the most it can have, and True."""
    if reply is not None:
        return terms.cost(reply.input_tokens, reply.output_tokens), False
    if failure is not None and (failure.refused or failure.input_tokens):
        return terms.cost(failure.input_tokens, failure.output_tokens), False
    return most, True


def _tell(made: AiCall) -> None:
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
        case CallOutcome.NOT_ASKED:
            log.warning("ai.budget_spent", **facts, cause=made.error)
        case CallOutcome.FAILED:
            log.warning("ai.failed", **facts, cause=made.error)
        case CallOutcome.ANSWERED:
            log.info("ai.answered", **facts, tokens=made.input_tokens + made.output_tokens)
