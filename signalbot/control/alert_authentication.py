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

from signalbot.control.discarded_alerts import DiscardedAlertLog
from signalbot.control.registry import TradingRegistry
from signalbot.control.token_issuer import TOKEN
from signalbot.domain.errors import ConfigError, InvalidSignal
from signalbot.ledger.tokens import Scope, Token
from signalbot.ports import Clock
from signalbot.settings.strategy import StrategySettings
from signalbot.webhooks.parser import secret_of
from signalbot.webhooks.signature import is_signed, is_valid

log = structlog.get_logger()

ResolveSecret = Callable[[str], Awaitable[str]]
"""``secret:NAME`` to its text."""

_MAX_CANDIDATES = 4
_TOKEN = re.compile(TOKEN.encode() + rb"(?![\w-])", re.ASCII)


class TokenLookup(Protocol):
    """Looks up what a secret stands for."""

    async def token(self, text: str) -> Token | None: ...


class AlertAuthenticator:
    def __init__(
        self,
        *,
        registry: TradingRegistry,
        tokens: TokenLookup,
        resolve: ResolveSecret,
        discarded_alerts: DiscardedAlertLog,
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._tokens = tokens
        self._resolve = resolve
        self._discarded_alerts = discarded_alerts
        self._clock = clock

    async def authenticate(
        self,
        name: str,
        body: bytes,
        *,
        headers: Mapping[str, str],
        token: str | None,
        address: str | None,
    ) -> StrategySettings | None:
        """The source ``name``, if the alert is its own; None for a stranger's.

        ``token`` is what the path had, if it had one; ``address`` the sender's.
        """
        terms = self._registry.strategies.get(name)
        if is_signed(headers):
            is_genuine = await self._is_signed_by(terms, body, headers)
        elif token is not None:
            is_genuine = await self._is_secret_of(name, token)
        else:
            is_genuine = await self._carries_secret_of(name, body)
        if terms is None or terms.webhook is None:
            return None
        if not is_genuine or not _is_from(address, terms.webhook.addresses):
            self._discarded_alerts.refused(name, "it is not known to be its own")
            return None
        return terms

    async def _is_signed_by(
        self, terms: StrategySettings | None, body: bytes, headers: Mapping[str, str]
    ) -> bool:
        names = terms.webhook.hmac if terms is not None and terms.webhook is not None else ()
        try:
            shared_secrets = [await self._resolve(each) for each in names]
        except ConfigError as e:
            self._discarded_alerts.refused(terms.name if terms is not None else "", str(e))
            shared_secrets = []
        return is_valid(body, headers, shared_secrets, now_ms=self._clock.now_ms())

    async def _is_secret_of(self, name: str, text: str) -> bool:
        found = await self._tokens.token(text)
        return found is not None and found.scope is Scope.SOURCE and found.subject == name

    async def _carries_secret_of(self, name: str, body: bytes) -> bool:
        """Whether a token of the source stands in the body, and as its secret.

        Tokens are known by their form, so the body of a stranger is only searched.
        """
        candidates = dict.fromkeys(match[0].decode() for match in _TOKEN.finditer(body))
        for each in islice(candidates, _MAX_CANDIDATES):
            if await self._is_secret_of(name, each):
                try:
                    return secret_of(body) == each
                except InvalidSignal as e:
                    self._discarded_alerts.refused(name, str(e))
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
