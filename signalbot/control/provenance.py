"""Tells whether an alert comes from the source that it is sent to. Nothing of it is parsed before.

The steps are the same for a source that is not there and for a secret that is wrong, and no failure
on the way tells the sender anything.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address, ip_network
from itertools import islice
from typing import Protocol

import structlog

from signalbot.config.terms import StrategyTerms
from signalbot.control.minting import TOKEN
from signalbot.control.roster import Roster
from signalbot.control.signing import is_signed, is_valid
from signalbot.control.tally import Tally
from signalbot.domain.errors import BadSignal, ConfigError
from signalbot.intake.alert import secret_of
from signalbot.ledger.tokens import Scope, Token
from signalbot.ports import Clock

log = structlog.get_logger()

Resolve = Callable[[str], Awaitable[str]]
"""``secret:NAME`` to its text."""

_MOST_CANDIDATES = 4
_TOKEN = re.compile(TOKEN.encode() + rb"(?![\w-])", re.ASCII)


class Tokens(Protocol):
    """Looks up what a secret stands for."""

    async def token(self, text: str) -> Token | None: ...


class Provenance:
    def __init__(
        self, *, roster: Roster, tokens: Tokens, resolve: Resolve, tally: Tally, clock: Clock
    ) -> None:
        self._roster = roster
        self._tokens = tokens
        self._resolve = resolve
        self._tally = tally
        self._clock = clock

    async def source_of(
        self,
        name: str,
        body: bytes,
        *,
        headers: Mapping[str, str],
        token: str | None,
        address: str | None,
    ) -> StrategyTerms | None:
        """The source ``name``, if the alert is its own; None for a stranger's.

        ``token`` is what the path had, if it had one; ``address`` the sender's.
        """
        terms = self._roster.strategies.get(name)
        if is_signed(headers):
            is_genuine = await self._is_signed_by(terms, body, headers)
        elif token is not None:
            is_genuine = await self._is_secret_of(name, token)
        else:
            is_genuine = await self._carries_secret_of(name, body)
        if terms is None or terms.webhook is None:
            return None
        if not is_genuine or not _is_from(address, terms.webhook.addresses):
            self._tally.refused(name, "it is not known to be its own")
            return None
        return terms

    async def _is_signed_by(
        self, terms: StrategyTerms | None, body: bytes, headers: Mapping[str, str]
    ) -> bool:
        names = terms.webhook.hmac if terms is not None and terms.webhook is not None else ()
        try:
            known = [await self._resolve(each) for each in names]
        except ConfigError as e:
            self._tally.refused(terms.name if terms is not None else "", str(e))
            known = []
        return is_valid(body, headers, known, now_ms=self._clock.now_ms())

    async def _is_secret_of(self, name: str, text: str) -> bool:
        found = await self._tokens.token(text)
        return found is not None and found.scope is Scope.SOURCE and found.subject == name

    async def _carries_secret_of(self, name: str, body: bytes) -> bool:
        """Whether a token of the source stands in the body, and as its secret.

        Tokens are known by their form, so the body of a stranger is only searched.
        """
        candidates = dict.fromkeys(match[0].decode() for match in _TOKEN.finditer(body))
        for each in islice(candidates, _MOST_CANDIDATES):
            if await self._is_secret_of(name, each):
                try:
                    return secret_of(body) == each
                except BadSignal as e:
                    self._tally.refused(name, str(e))
                    return False
        return False


def _is_from(address: str | None, networks: tuple[str, ...]) -> bool:
    """Whether an address is one of those that are allowed; no networks allow any."""
    if not networks:
        return True
    try:
        sender = ip_address(address or "")
    except ValueError:
        return False
    return any(sender in ip_network(each) for each in networks)
