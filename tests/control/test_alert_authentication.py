"""Only authentic alerts pass, and an unauthenticated body is never parsed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from signalbot.api.auth import Authenticator
from signalbot.config.load import load
from signalbot.control.alert_authentication import AlertAuthenticator
from signalbot.control.discarded_alerts import DiscardedAlertLog
from signalbot.control.token_issuer import create_token
from signalbot.ledger.tokens import Scope, TokenStore
from signalbot.tasks import SystemClock
from tests.control.test_heartbeat_monitor import ManualClock
from tests.domain.samples import NOW
from tests.ledger.ledger_fixtures import ledger

CONFIG = """
[exchanges.sim]
ccxt_id = "simulated"
[strategies.tv]
kind = "webhook"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
[strategies.near]
kind = "webhook"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
[strategies.near.webhook]
addresses = ["192.0.2.0/24"]
"""


class CountingTokens:
    """Looks up tokens in a ledger, and counts the look-ups."""

    def __init__(self, tokens: TokenStore) -> None:
        self._authenticator = Authenticator(tokens, SystemClock())
        self.count = 0

    async def token(self, text: str) -> Any:
        self.count += 1
        return await self._authenticator.token(text)


@asynccontextmanager
async def _authenticator(
    folder: Path,
) -> AsyncIterator[tuple[AlertAuthenticator, CountingTokens, dict[str, str]]]:
    """Two sources with a token each: the authenticator, its look-ups, the tokens by source."""
    (folder / "config.toml").write_text(CONFIG)
    config = load(folder / "config.toml", {})
    secrets = {}
    async with ledger(folder) as store:
        tokens = TokenStore(store.database)
        for name in config.strategies:
            secrets[name], token = create_token(
                scope=Scope.SOURCE, subject=name, label="", now_ms=NOW
            )
            await tokens.add(token)
        tokens_read, clock = CountingTokens(tokens), ManualClock()

        async def resolve(text: str) -> str:
            raise AssertionError(f"unexpected secret {text}")

        authenticator = AlertAuthenticator(
            strategies=config.strategies,
            tokens=tokens_read,
            resolve=resolve,
            discarded_alerts=DiscardedAlertLog(clock),
            clock=clock,
        )
        yield authenticator, tokens_read, secrets


async def test_a_secret_is_found_in_path_and_body_in_every_form(tmp_path: Path) -> None:
    """In JSON and form bodies, and in every accepted field."""
    async with _authenticator(tmp_path) as (authenticator, _, secrets):
        secret = secrets["tv"]
        for body, token in (
            (b"anything", secret),
            (f'{{"action": "buy", "secret": "{secret}"}}'.encode(), None),
            (f'{{"action": "buy", "PassPhrase": "{secret}"}}'.encode(), None),
            (f"action=buy\ntoken={secret}".encode(), None),
        ):
            found = await authenticator.authenticate(
                "tv", body, headers={}, token=token, address=None
            )
            assert found is not None
            assert found.name == "tv"


async def test_a_secret_authenticates_its_own_source_only_and_only_as_a_secret(
    tmp_path: Path,
) -> None:
    """Rejected: another source's, in a comment, with a suffix, or from another address."""
    async with _authenticator(tmp_path) as (authenticator, _, secrets):
        secret = secrets["tv"]
        for name, body, token, address in (
            ("near", b"", secret, "192.0.2.1"),
            ("near", b"", secrets["near"], "198.51.100.1"),
            ("near", b"", secrets["near"], None),
            ("tv", f'{{"comment": "{secret}"}}'.encode(), None, None),
            ("tv", f'{{"secret": "{secret}x"}}'.encode(), None, None),
            ("tv", f'{{"secret": "wrong", "token": "{secret}"}}'.encode(), None, None),
            ("tv", f'{{"secret": "{secret}", "secret": "{secret}"}}'.encode(), None, None),
            ("unknown", f'{{"secret": "{secret}"}}'.encode(), None, None),
            ("tv", f"secret={secret}{'&a=1' * 1_000}".encode(), None, None),
            ("tv", f'{{"secret": "{secret}"'.encode(), None, None),
        ):
            found = await authenticator.authenticate(
                name, body, headers={}, token=token, address=address
            )
            assert found is None, (name, body)
        near = await authenticator.authenticate(
            "near", b"", headers={}, token=secrets["near"], address="192.0.2.1"
        )
        assert near is not None


@pytest.mark.parametrize("body", [b"{" * 65_000, b"a=b" + b" " * 65_000 + b"!", b"\xff" * 100])
async def test_a_body_without_a_token_is_not_parsed(tmp_path: Path, body: bytes) -> None:
    """It is only searched for tokens, of which at most four are looked up."""
    async with _authenticator(tmp_path) as (authenticator, tokens_read, _):
        found = await authenticator.authenticate("tv", body, headers={}, token=None, address=None)
        assert (found, tokens_read.count) == (None, 0)
        many = b" ".join(b"sbt_%043d" % number for number in range(1_000))
        await authenticator.authenticate("tv", many, headers={}, token=None, address=None)
        assert tokens_read.count <= 4


async def test_an_unknown_source_takes_the_same_steps(tmp_path: Path) -> None:
    """As a known source with a wrong secret: response and timing do not differ."""
    async with _authenticator(tmp_path) as (authenticator, tokens_read, _):
        counts = []
        for name in ("tv", "near", "unknown"):
            for token, body in (("x" * 47, b""), (None, b'{"secret": "sbt_%s"}' % (b"a" * 43))):
                before = tokens_read.count
                await authenticator.authenticate(name, body, headers={}, token=token, address=None)
                counts.append(tokens_read.count - before)
        assert set(counts) == {1}
