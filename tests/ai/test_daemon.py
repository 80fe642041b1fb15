"""The daemon as a process, with a model that rejects its key and prints it."""

import asyncio
from pathlib import Path

import httpx
import pytest

from signalbot.domain.timeframe import Ms
from signalbot.ledger.database import open_database
from signalbot.ledger.vault_store import VaultStore
from signalbot.state_dir import LEDGER_NAME
from signalbot.vault import master_key
from signalbot.vault.vault import Vault
from tests.api.api_daemon import BTC, CONFIG, Daemon, daemon
from tests.llm.server import llm
from tests.planted_secrets import MARK, leaks

KEY = f"sk-proj-{MARK}0123456789abcdef"
AI = """
[ai.providers.main]
kind = "openai-compatible"
base_url = "{url}/v1"
api_key = "secret:main-ai"
input_price = 1
output_price = 1
[users.anna.subscriptions.trend.ai]
enabled = true
provider = "main"
model = "small"
"""


async def _store(folder: Path) -> None:
    """The key, locked in the vault."""
    path, state = folder / "master.key", folder / "state"
    master_key.write_key(path, master_key.generate_key())
    state.mkdir(mode=0o700)
    async with open_database(state / LEDGER_NAME) as database:
        store = VaultStore(database)
        vault = await Vault.open(store, master_key.read_key(path), path=path, now_ms=Ms(1))
        await vault.set_secret("main-ai", KEY, now_ms=Ms(1))


async def _send(running: Daemon) -> None:
    socket = httpx.AsyncHTTPTransport(uds=str(running.folder / "state" / "control.sock"))
    async with httpx.AsyncClient(transport=socket, base_url="http://localhost") as client:
        new = {"strategy": "trend", "symbol": BTC, "action": "LONG", "stop_loss": 59000}
        answer = await client.post("/api/signals", json=new)
        assert answer.is_success, answer.text


@pytest.mark.process
@pytest.mark.timeout(120)
async def test_a_refused_key_of_a_model_is_quoted_nowhere(tmp_path: Path) -> None:
    """The provider's refusal has it; neither the log nor the ledger does, which has the refusal."""
    await _store(tmp_path)
    async with llm() as model:
        model.status, model.echoes = 401, True
        text = CONFIG.replace("[users.anna.subscriptions.trend]\n", "") + AI.format(url=model.url)
        with daemon(tmp_path, text=text, started=False) as running:
            await asyncio.to_thread(running.start)
            await _send(running)
            await asyncio.to_thread(running.until, lambda: "ai.call_failed" in running.log)
            await asyncio.to_thread(running.stop)
            [call] = running.rows("SELECT * FROM ai_calls")
            assert model.keys == [f"Bearer {KEY}"]
            assert "wrong key" in str(call)
            assert list(leaks(tmp_path)) == []
