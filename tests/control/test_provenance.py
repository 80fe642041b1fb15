"""An alert is its source's or a stranger's, and of a stranger's nothing is read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from signalbot.api.auth import Authenticator
from signalbot.config.load import load
from signalbot.control.alert_authentication import AlertAuthenticator
from signalbot.control.discarded_alerts import DiscardedAlertLog
from signalbot.control.registry import TradingRegistry
from signalbot.control.token_issuer import create_token
from signalbot.ledger.tokens import Scope, TokenStore
from signalbot.tasks import SystemClock
from tests.control.test_heartbeat import Hands
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


class Asked:
    """Tokens of a ledger, and how often they are looked up."""

    def __init__(self, tokens: TokenStore) -> None:
        self._gate = Authenticator(tokens, SystemClock())
        self.count = 0

    async def token(self, text: str) -> Any:
        self.count += 1
        return await self._gate.token(text)


@asynccontextmanager
async def _provenance(
    folder: Path,
) -> AsyncIterator[tuple[AlertAuthenticator, Asked, dict[str, str]]]:
    """Two sources, and the secret of each."""
    (folder / "config.toml").write_text(CONFIG)
    config = load(folder / "config.toml", {})
    roster = cast(TradingRegistry, SimpleNamespace(strategies=config.strategies))
    secrets = {}
    async with ledger(folder) as books:
        tokens = TokenStore(books.database)
        for name in config.strategies:
            secrets[name], made = create_token(
                scope=Scope.SOURCE, subject=name, label="", now_ms=NOW
            )
            await tokens.add(made)
        asked, clock = Asked(tokens), Hands()

        async def resolve(text: str) -> str:
            raise AssertionError(f"{text} is not asked for")

        provenance = AlertAuthenticator(
            registry=roster,
            tokens=asked,
            resolve=resolve,
            discarded_alerts=DiscardedAlertLog(clock),
            clock=clock,
        )
        yield provenance, asked, secrets


async def test_a_secret_is_found_in_path_and_body_in_every_form(tmp_path: Path) -> None:
    """JSON, lines, and however it is called."""
    async with _provenance(tmp_path) as (provenance, _, secrets):
        secret = secrets["tv"]
        for body, token in (
            (b"anything", secret),
            (f'{{"action": "buy", "secret": "{secret}"}}'.encode(), None),
            (f'{{"action": "buy", "PassPhrase": "{secret}"}}'.encode(), None),
            (f"action=buy\ntoken={secret}".encode(), None),
        ):
            found = await provenance.authenticate("tv", body, headers={}, token=token, address=None)
            assert found is not None
            assert found.name == "tv"


async def test_a_secret_opens_its_own_source_only_and_as_a_secret_only(tmp_path: Path) -> None:
    """Another source's, one in a comment, one with more behind it, one from elsewhere."""
    async with _provenance(tmp_path) as (provenance, _, secrets):
        secret = secrets["tv"]
        for name, body, token, address in (
            ("near", b"", secret, "192.0.2.1"),
            ("near", b"", secrets["near"], "198.51.100.1"),
            ("near", b"", secrets["near"], None),
            ("tv", f'{{"comment": "{secret}"}}'.encode(), None, None),
            ("tv", f'{{"secret": "{secret}x"}}'.encode(), None, None),
            ("tv", f'{{"secret": "wrong", "token": "{secret}"}}'.encode(), None, None),
            ("tv", f'{{"secret": "{secret}", "secret": "{secret}"}}'.encode(), None, None),
            ("nobody", f'{{"secret": "{secret}"}}'.encode(), None, None),
            ("tv", f"secret={secret}{'&a=1' * 1_000}".encode(), None, None),
            ("tv", f'{{"secret": "{secret}"'.encode(), None, None),
        ):
            found = await provenance.authenticate(
                name, body, headers={}, token=token, address=address
            )
            assert found is None, (name, body)
        near = await provenance.authenticate(
            "near", b"", headers={}, token=secrets["near"], address="192.0.2.1"
        )
        assert near is not None


@pytest.mark.parametrize("body", [b"{" * 65_000, b"a=b" + b" " * 65_000 + b"!", b"\xff" * 100])
async def test_a_body_without_a_token_is_not_parsed(tmp_path: Path, body: bytes) -> None:
    """It is searched for one, and that is all; a body full of tokens is looked at for a few."""
    async with _provenance(tmp_path) as (provenance, asked, _):
        found = await provenance.authenticate("tv", body, headers={}, token=None, address=None)
        assert (found, asked.count) == (None, 0)
        many = b" ".join(b"sbt_%043d" % number for number in range(1_000))
        await provenance.authenticate("tv", many, headers={}, token=None, address=None)
        assert asked.count <= 4


async def test_a_source_that_is_not_there_takes_the_same_steps(tmp_path: Path) -> None:
    """As one whose secret is wrong: neither the answer nor its time tells them apart."""
    async with _provenance(tmp_path) as (provenance, asked, _):
        counts = []
        for name in ("tv", "near", "nobody"):
            for token, body in (("x" * 47, b""), (None, b'{"secret": "sbt_%s"}' % (b"a" * 43))):
                before = asked.count
                await provenance.authenticate(name, body, headers={}, token=token, address=None)
                counts.append(asked.count - before)
        assert set(counts) == {1}
