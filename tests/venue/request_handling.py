"""From a request to its answer: bans, limits, what goes wrong, and what the dialect says."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field, replace

from aiohttp import web

from tests.venue.corrupt_responses import spoiled, thinned, with_rows_of
from tests.venue.faults import (
    Action,
    Ban,
    Cut,
    Delay,
    Drop,
    Faults,
    Hang,
    Hide,
    Postpone,
    Refuse,
    RepeatPage,
    Reply,
    Rule,
    Spoil,
    Stale,
    Thin,
    Unlist,
)
from tests.venue.http_wire import Answer, Call, Dialect, Trouble
from tests.venue.limits import Limits, Over, RefusedRequest


class Dropped(Exception):
    """The connection is cut instead of answered."""


@dataclass(slots=True)
class Counts:
    """Every request, by whom and for what."""

    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)  #: method, path, key
    addresses: Counter[str] = field(default_factory=Counter)
    weights: Counter[tuple[str, int]] = field(default_factory=Counter)  #: address, minute
    connects: int = 0  #: websockets opened

    def of(self, method: str = "", path: str = "", key: str = "") -> int:
        """How many requests were of this method, to a path that ends so, with this key."""
        return sum(
            times for (verb, at, who), times in self.calls.items()
            if method in ("", verb) and at.endswith(path) and key in ("", who)
        )  # fmt: skip


class Answering:
    """Carries requests out, and lets them fail as scripted."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.engine = dialect.engine
        self.faults = Faults(self._prepare)
        self.limits = Limits()
        self.counts = Counts()
        self.calls: list[Call] = []  #: every request, when ``keeps_calls``
        self.keeps_calls = True
        self.limits_weight = False  #: answer 429 and ban once the limit of a minute is used up
        self.closing = asyncio.Event()
        self._pages: dict[tuple[str, str], Answer] = {}  # path, key: the last true answer

    async def answer_http(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, or do what is scripted instead."""
        call = Call(
            method=request.method, path=request.path, query=request.raw_path.partition("?")[2],
            body=await request.text() if request.can_read_body else "", headers=request.headers,
            address=request.remote or "", at_s=time.monotonic(),
        )  # fmt: skip
        call.facts = self.dialect.facts(call)
        self._count(call)
        try:
            answer, cut = await self._answer(call)
        except Dropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if self.limits.on:
            told = self.dialect.limit_headers(call, self.limits, answer)
            answer = replace(answer, headers={**answer.headers, **told})
        if cut is not None and not cut.honest:
            return await _truncated(request, answer, cut.keep)
        body = answer.body if cut is None else answer.body[: cut.keep]
        return web.Response(status=answer.status, body=body, headers=answer.headers)

    def _count(self, call: Call) -> None:
        self.counts.calls[call.method, call.path, call.facts.key] += 1
        self.counts.addresses[call.address] += 1
        self.counts.weights[call.address, int(call.at_s) // 60] += self.dialect.weight(call)
        if self.keeps_calls:
            self.calls.append(call)

    async def _answer(self, call: Call) -> tuple[Answer, Cut | None]:
        """The answer, and whether it arrives whole."""
        banned = self.faults.banned(call)
        if banned is not None:
            return self._limited(*banned), None
        used = self.counts.weights[call.address, int(call.at_s) // 60]
        if self.limits_weight and used > self.dialect.weight_per_minute:
            self.faults.ban(call.address, seconds=60 - call.at_s % 60)
            return self._limited(429, 60 - int(call.at_s % 60)), None
        if self.limits.on and (refused := self._over_limit(call)) is not None:
            return refused, None
        if (refused := self._over_own_limit(call)) is not None:
            return refused, None
        rule = self.faults.of(call)
        if rule is None:
            return self._true(call), None
        return await self._fail(call, rule)

    def _true(self, call: Call) -> Answer:
        return self.dialect.answer(call)

    # --- limits ---------------------------------------------------------------------------------

    def _over_limit(self, call: Call) -> Answer | None:
        """The refusal of a request that is over a limit, or from a banned address."""
        limits, now_s = self.limits, self.dialect.now_s()
        charges = self.dialect.charges(call)
        if left_s := limits.banned_s(call.address, now_s):
            return self._refused(call, Over(charges[0], limits.used(charges[0], now_s), left_s))
        over = limits.take(charges, now_s)
        if over is None or not limits.refuses:
            return None
        if over.charge.bans_s:
            limits.ban(call.address, over.charge.bans_s, now_s)
            return self._refused(call, _waiting(over, over.charge.bans_s))
        if over.charge.warns and (seconds := limits.warn(call.address, over, now_s)):
            return self._refused(call, _waiting(over, seconds))
        return self._refused(call, over, banned=False)

    def _over_own_limit(self, call: Call) -> Answer | None:
        """The refusal of a request that is over a limit which only its dialect knows."""
        if not (self.limits_weight or (self.limits.on and self.limits.refuses)):
            return None
        answer = self.dialect.over_limit(call)
        if answer is not None:
            self.limits.refused.append(
                RefusedRequest(
                    at_ms=self.engine.now_ms(), method=call.method, path=call.path,
                    key=call.facts.key, address=call.address, used=0, status=answer.status,
                    limit=call.path,
                )
            )  # fmt: skip
        return answer

    def _refused(self, call: Call, over: Over, *, banned: bool = True) -> Answer:
        answer = self.dialect.limited(over, self.limits, banned=banned)
        self.limits.refused.append(
            RefusedRequest(
                at_ms=self.engine.now_ms(), method=call.method, path=call.path,
                key=call.facts.key, address=call.address, used=over.used, status=answer.status,
                limit="ban" if banned else over.charge.name,
            )
        )  # fmt: skip
        return answer

    def _limited(self, status: int, seconds: int) -> Answer:
        why = Trouble.BANNED if status == 418 else Trouble.RATE_LIMITED
        answer = self.dialect.refusal(why)
        headers = {**answer.headers, "Retry-After": str(seconds)}
        return Answer(status=status, body=answer.body, headers=headers)

    # --- what goes wrong ------------------------------------------------------------------------

    def _prepare(self, rule: Rule) -> None:
        """What a rule needs before its first request."""
        for act in rule.does:
            if isinstance(act, Stale):
                self.engine.remember(act.seconds)

    async def _fail(self, call: Call, rule: Rule) -> tuple[Answer, Cut | None]:
        does = rule.chosen()
        for act in does:
            match act:
                case Delay(after=False):
                    call.checked_ms = self.engine.now_ms() if act.accepted else 0
                    await asyncio.sleep(act.seconds)
                case Hang(before=True):
                    await self._never()
                case Drop(before=True):
                    raise Dropped
                case Reply(after=False):
                    return _said(act), None
                case Refuse(after=False):
                    return self.dialect.refusal_of(call, act.why), None
                case Postpone():
                    return await self._postpone(call, act), None
                case Ban():
                    self.faults.ban(call.address, seconds=act.seconds, status=act.status)
                    return self._limited(act.status, int(act.seconds) + 1), None
        seen = len(self.engine.journal.lines)
        answer = self._carry_out(call, does)
        return await self._fail_after(call, rule, does, answer, seen)

    def _carry_out(self, call: Call, does: tuple[Action, ...]) -> Answer:
        ago_s = next((act.seconds for act in does if isinstance(act, Stale)), 0.0)
        stale = ago_s if call.method == "GET" else 0.0  # what changes something acts on the present
        with self.engine.as_of(call.facts.key, stale):
            return self._true(call)

    async def _postpone(self, call: Call, act: Postpone) -> Answer:
        """Carry the request out later."""
        call.checked_ms = self.engine.now_ms() if act.accepted else 0
        asyncio.get_running_loop().call_later(act.seconds, self._true, call)
        if not act.status:
            await self._never()
        return Answer(status=act.status, body=act.body.encode())

    async def _fail_after(
        self, call: Call, rule: Rule, does: tuple[Action, ...], answer: Answer, seen: int
    ) -> tuple[Answer, Cut | None]:
        cut: Cut | None = None
        for act in does:
            match act:
                case Hide():
                    self.engine.hide_since(seen, until_s=time.monotonic() + act.seconds)
                case Unlist():
                    self.engine.hide_since(seen, until_s=None)
                case Delay(after=True):
                    await asyncio.sleep(act.seconds)
                case Hang(before=False):
                    await self._never()
                case Drop(before=False):
                    raise Dropped
                case Cut():
                    cut = act
                case _:
                    answer = self._altered(call, rule, act, answer)
        return answer, cut

    def _altered(self, call: Call, rule: Rule, act: Action, answer: Answer) -> Answer:
        """Another answer than the true one."""
        match act:
            case Reply(after=True):
                return _said(act)
            case Refuse(after=True):
                return self.dialect.refusal_of(call, act.why)
            case Spoil():
                return spoiled(act.how[0], answer, act.inside)
            case Thin():
                return thinned(answer, act.keep, rule.random)
            case RepeatPage():
                place = (call.path, call.facts.key)
                earlier = self._pages.get(place)
                self._pages[place] = answer
                return answer if earlier is None else with_rows_of(answer, earlier)
            case _:
                return answer

    async def _never(self) -> None:
        await self.closing.wait()
        raise Dropped


def _waiting(over: Over, seconds: float) -> Over:
    return replace(over, wait_s=seconds)


def _said(act: Reply) -> Answer:
    headers = {"Content-Type": act.content_type, **dict(act.headers)}
    return Answer(status=act.status, body=act.body.encode(), headers=headers)


async def _truncated(request: web.BaseRequest, answer: Answer, keep: int) -> web.StreamResponse:
    length = {"Content-Length": str(len(answer.body))}
    response = web.StreamResponse(status=answer.status, headers={**answer.headers, **length})
    await response.prepare(request)
    await response.write(answer.body[:keep])
    if request.transport is not None:
        request.transport.close()
    return response
