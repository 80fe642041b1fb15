"""Authenticates alerts before they are parsed: by signature, path token or token in the body.

Unknown sources and wrong secrets take the same steps, and failures give the sender no details.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address, ip_network
from itertools import islice
from typing import Protocol

import structlog

from signalbot.control.discarded_alerts import DiscardedAlertLog
from signalbot.control.token_issuer import TOKEN
from signalbot.domain.errors import ConfigError, InvalidSignal
from signalbot.ledger.tokens import Scope, Token
from signalbot.ports import Clock
from signalbot.settings.strategy import StrategySettings
from signalbot.webhooks.parser import secret_of
from signalbot.webhooks.signature import is_signed, is_valid

log = structlog.get_logger()

ResolveSecret = Callable[[str], Awaitable[str]]
"""Resolves ``secret:NAME`` to its text."""

_MAX_CANDIDATES = 4
_TOKEN = re.compile(TOKEN.encode() + rb"(?![\w-])", re.ASCII)


class TokenLookup(Protocol):
    """Looks up a token by its text."""

    async def token(self, text: str) -> Token | None: ...


class AlertAuthenticator:
    """Decides whether an alert comes from its source."""

    def __init__(
        self,
        *,
        strategies: Mapping[str, StrategySettings],
        tokens: TokenLookup,
        resolve: ResolveSecret,
        discarded_alerts: DiscardedAlertLog,
        clock: Clock,
    ) -> None:
        self._strategies = strategies
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
        """The settings of source ``name`` if the alert is authentic, else None.

        ``token`` is the one in the path, if any; ``address`` is the sender's.
        """
        strategy = self._strategies.get(name)
        if is_signed(headers):
            is_genuine = await self._is_signed_by(strategy, body, headers)
        elif token is not None:
            is_genuine = await self._is_secret_of(name, token)
        else:
            is_genuine = await self._carries_secret_of(name, body)
        if strategy is None or strategy.webhook is None:
            return None
        if not is_genuine or not _is_from(address, strategy.webhook.addresses):
            self._discarded_alerts.refused(name, "authentication failed")
            return None
        return strategy

    async def _is_signed_by(
        self, strategy: StrategySettings | None, body: bytes, headers: Mapping[str, str]
    ) -> bool:
        names = (
            strategy.webhook.hmac if strategy is not None and strategy.webhook is not None else ()
        )
        try:
            shared_secrets = [await self._resolve(each) for each in names]
        except ConfigError as e:
            self._discarded_alerts.refused(strategy.name if strategy is not None else "", str(e))
            shared_secrets = []
        return is_valid(body, headers, shared_secrets, now_ms=self._clock.now_ms())

    async def _is_secret_of(self, name: str, text: str) -> bool:
        found = await self._tokens.token(text)
        return found is not None and found.scope is Scope.SOURCE and found.subject == name

    async def _carries_secret_of(self, name: str, body: bytes) -> bool:
        """Whether the body carries a token of the source in its secret field.

        Tokens are found by their format, so an unauthenticated body is searched, not parsed.
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
    """Whether an address is in one of ``networks``; an empty tuple allows every address."""
    if not networks:
        return True
    try:
        sender = ip_address(address or "")
    except ValueError:
        return False
    return any(sender in ip_network(each) for each in networks)
