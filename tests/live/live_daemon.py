"""The daemon as a process of its own, trading live on a loopback exchange in this one."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from signalbot.domain.market import MarketKind
from signalbot.domain.orders import ClientOrderId
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.exchange.live.registry import adapters_of
from signalbot.ledger.database import open_database
from signalbot.ledger.vault_store import VaultStore
from signalbot.state_dir import LEDGER_NAME
from signalbot.vault import master_key
from signalbot.vault.vault import Credentials, Vault
from tests.forked_process import ForkedProcess, fork, run
from tests.planted_secrets import MARK, watch
from tests.venue.faults import Action, Rule
from tests.venue.journal import guarded
from tests.venue.krakenfutures_engine import to_text
from tests.venue.model import Account, Kind, Order, Origin
from tests.venue.server import Venue, venue

CANARY = MARK
MINUTE_MS = 60_000

CONFIG = """
[daemon]
state_dir = "state"
log_format = "json"
log_level = "debug"
[exchanges.venue]
ccxt_id = "{ccxt_id}"
visibility_lag = "6s"
[exchanges.venue.ccxt]
timeout = 2000
{urls}
[strategies.trend]
kind = "ema_cross"
exchange = "venue"
symbols = ["BTC/USDT:USDT"]
timeframe = "1m"
params = {{ fast = 2, slow = 3, stop_atr = 4.0, take_profit_r = {targets} }}
[defaults.sizing]
mode = "quote"
quote_amount = 1000
{defaults}
"""

USER = """
[users.{name}]
mode = "{mode}"
[users.{name}.account]
exchange = "venue"
leverage = 5
[users.{name}.subscriptions.trend]
"""


Process = ForkedProcess | subprocess.Popen[bytes]


def _begin(*arguments: str, stdout: int, env: Mapping[str, str]) -> Process:
    command = [sys.executable, "-m", "signalbot", *arguments]
    return subprocess.Popen(command, stdout=stdout, stderr=stdout, env=env)


class Daemon:
    """One life of the daemon and what it says."""

    def __init__(self, process: Process, told: int, log: Path) -> None:
        self.process = process
        self._told = told
        self._log = log
        self.lines: list[dict[str, Any]] = []
        self.raw: list[str] = []
        self._news = asyncio.Event()

    async def read(self) -> None:
        reader = asyncio.StreamReader(limit=2**20)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(self._told, "rb")
        )
        with self._log.open("ab") as log:
            while line := await reader.readline():
                log.write(line)
                self._hear(line.decode())

    def _hear(self, line: str) -> None:
        self.raw.append(line)
        with suppress(ValueError):
            self.lines.append(json.loads(line))
            self._news.set()

    async def wait_for(
        self, event: str, *, seconds: float = 45, after: int = 0, **facts: Any
    ) -> Any:
        """The first line of this event with these facts, as soon as it is said."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    self._news.clear()
                    for line in self.lines[after:]:
                        if line.get("event") == event and facts.items() <= line.items():
                            return line
                    await self._news.wait()
        except TimeoutError:
            told = "".join(self.raw[-60:])
            raise AssertionError(f"never said {event} {facts}:\n{told}") from None

    def said(self, event: str, **facts: Any) -> list[dict[str, Any]]:
        return [
            line for line in self.lines
            if line.get("event") == event and facts.items() <= line.items()
        ]  # fmt: skip


class LiveFixture:
    """A loopback exchange, a state directory, and the daemon's lives."""

    def __init__(self, folder: Path, venue: Venue, group: asyncio.TaskGroup) -> None:
        self.folder = folder
        self.venue = venue
        self.symbol = venue.dialect.market_id("BTC")
        self._dialect = adapters_of(venue.dialect.ccxt_id).get(MarketKind.SWAP)
        self._daemon: Daemon | None = None
        self.lives: list[Daemon] = []
        self.forks = True  #: else a daemon starts from nothing, with what its environment loads
        self.down_s = 0.0  #: between each death by a kill and the next READY
        self._died_at: float | None = None
        self._group = group
        self._candle_ms = int(time.time() * 1000) // MINUTE_MS * MINUTE_MS
        self.history()

    @property
    def daemon(self) -> Daemon:
        """The present life."""
        assert self._daemon is not None, "not started"
        return self._daemon

    # --- the market -----------------------------------------------------------------------

    def history(self, *, minutes: int = 300) -> None:
        """A market that fell quietly until now."""
        for back in range(minutes, 0, -1):
            self._push(self._candle_ms - back * MINUTE_MS, 50_000 + back)

    async def candle(self, close: int, *, keep: bool = True, tell: bool = True) -> None:
        """One more candle has closed here; candles of the test come faster than minutes."""
        self.venue.engine.set_price(self.symbol, Decimal(close))
        at, self._candle_ms = self._candle_ms, self._candle_ms + MINUTE_MS
        self._push(at, close, keep=keep, tell=tell)

    def say(self, open_ms: int, close: int) -> None:
        """The websocket tells of a closed candle that REST does not know."""
        self._push(open_ms, close, keep=False)

    def frame(self, text: str) -> None:
        """Whoever listens to candles hears this."""
        for socket in self.venue.dialect.sockets:
            if socket.topics:
                socket.send(text)

    def _push(self, open_ms: int, close: int, *, keep: bool = True, tell: bool = True) -> None:
        at = Decimal(close)
        self.venue.engine.push_candle(
            self.symbol, "1m", open_ms, at, at + 20, at - 20, at, keep=keep, tell=tell
        )

    @property
    def last_open_ms(self) -> int:
        """When the last closed candle opened."""
        return self._candle_ms - MINUTE_MS

    async def listening(self) -> None:
        """Return when the daemon has subscribed to the candles."""
        await self.until(
            lambda: any(
                "kline" in topic or "candle" in topic
                for each in self.venue.dialect.sockets
                for topic in each.topics
            ),
            what="candles are subscribed",
        )

    async def _keep_up(self) -> None:
        """A candle that closed before the daemon was there is history; nothing happened in it."""
        while self._candle_ms + MINUTE_MS <= time.time() * 1000:
            await self.candle(50_001)

    def go_on_from_now(self) -> None:
        """The next candle is that of the present minute: a daemon has been started again."""
        self._candle_ms = int(time.time() * 1000) // MINUTE_MS * MINUTE_MS

    async def go_long(self) -> None:
        """Let the strategy say LONG."""
        await self.candle(50_300)

    async def go_short(self) -> None:
        await self.candle(49_500)

    async def price(self, price: int) -> None:
        """The price is here now, and the forming candle says so."""
        at, engine = Decimal(price), self.venue.engine
        engine.set_price(self.symbol, at)
        engine.push_candle(
            self.symbol, "1m", self._candle_ms, at, at, at, at, closed=False, keep=False
        )

    def fail(self, user: str, leg: str, *does: Action, times: int = 1) -> Rule:
        """Something goes wrong with a user's next orders: entry, stop, target, exit, cancel."""
        return self.venue.faults.add(Rule(key=self.key(user), leg=leg, does=does, times=times))

    # --- the daemon -----------------------------------------------------------------------

    def configure(
        self, *users: str, mode: str = "live", defaults: str = "", targets: str = "[]"
    ) -> None:
        text = CONFIG.format(
            ccxt_id=self.venue.dialect.ccxt_id, urls=self.venue.toml("venue"),
            defaults=defaults, targets=targets,
        )  # fmt: skip
        text += "".join(USER.format(name=name, mode=mode) for name in users)
        (self.folder / "config.toml").write_text(text)

    async def command(self, *arguments: str, stdin: str = "") -> str:
        """What one command prints that succeeds."""
        code, out = await self.ask(*arguments, stdin=stdin)
        assert code == 0, out
        return out

    async def ask(self, *arguments: str, stdin: str = "") -> tuple[int, str]:
        """One command's exit code, and all it prints."""
        config = str(self.folder / "config.toml")
        ran = await asyncio.to_thread(run, *arguments, "-c", config, stdin=stdin)
        said = ran.out + ran.err
        with (self.folder / "commands.txt").open("a") as kept:
            kept.write(said)
        return ran.code, said

    async def keys(self, *users: str) -> None:
        """Accounts at the exchange, and their keys in a vault that nobody uses yet."""
        accounts = []
        for user in users:
            self.venue.add_account(self.key(user))
            credentials = Credentials(self.venue.credentials(self.key(user)))
            accounts.append((UserId(user), "venue", credentials))
        path, state, now_ms = self.folder / "master.key", self.folder / "state", Ms(1)
        master_key.write_key(path, master_key.generate_key())
        state.mkdir(mode=0o700)
        watch(self.folder, path.read_text())
        async with open_database(state / LEDGER_NAME) as database:
            store = VaultStore(database)
            vault = await Vault.open(store, master_key.read_key(path), path=path, now_ms=now_ms)
            await vault.set_credentials(accounts, now_ms=now_ms)

    async def import_keys(self, *users: str) -> None:
        """Further accounts, whose keys are handed over to whatever runs."""
        lines = []
        for user in users:
            self.venue.add_account(self.key(user))
            lines.append(json.dumps({"user": user, **self.venue.credentials(self.key(user))}))
        await self.command("keys", "import", stdin="\n".join(lines))

    async def start(self, *, crash_at: str = "", ready: bool = True) -> Daemon:
        watch(self.folder)
        told, tells = os.pipe()
        arguments = ("run", "-c", str(self.folder / "config.toml"))
        env = os.environ | {"SIGNALBOT_CRASH_AT": crash_at}
        begin = fork if self.forks else _begin
        process = begin(*arguments, stdout=tells, env=env)
        os.close(tells)
        self._daemon = Daemon(process, told, self.folder / "log.txt")
        self.lives.append(self._daemon)
        self._group.create_task(self._daemon.read())
        if ready:
            await self.daemon.wait_for("daemon.ready", seconds=90)
            await self.listening()
            if len(self.lives) == 1:
                await self._keep_up()
            if self._died_at is not None:
                self.down_s += time.monotonic() - self._died_at
                self._died_at = None
        return self.daemon

    async def stop(self) -> None:
        if self.daemon.process.returncode is None:
            self.daemon.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(self.daemon.process.wait, 60)

    async def end(self) -> None:
        """Whatever is left of the present life."""
        if self._daemon is not None and self._daemon.process.returncode is None:
            await self.kill()

    async def died(self) -> int:
        try:
            code = await asyncio.to_thread(self.daemon.process.wait, 90)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it lives:\n{''.join(self.daemon.raw[-80:])}") from None
        self._died_at = self._died_at or time.monotonic()
        return code

    async def died_before(self, holds: Callable[[], bool]) -> bool:
        """Wait until this life ends by itself or ``holds()`` is true; whether it has ended."""
        await self.until(
            lambda: self.daemon.process.poll() is not None or holds(),
            seconds=120,
            what="it dies or is done",
        )
        return self.daemon.process.poll() is not None

    async def kill(self) -> None:
        self.daemon.process.kill()
        await asyncio.to_thread(self.daemon.process.wait, 30)

    # --- what came of it ------------------------------------------------------------------

    def key(self, user: str) -> str:
        return f"{CANARY}-key-{user}"

    def account(self, user: str) -> Account:
        return self.venue.engine.accounts[self.key(user)]

    def wire_id(self, client_order_id: str) -> str:
        """An order's id as the exchange has it from us."""
        if self._dialect is None:
            return client_order_id
        return self._dialect.wire_id(ClientOrderId(client_order_id))

    def shown_id(self, number: int) -> str:
        """An id of the exchange's own as it is shown."""
        return to_text(number) if self.venue.dialect.ccxt_id == "krakenfutures" else str(number)

    def held(self, user: str) -> Decimal:
        """The signed quantity a user holds at the exchange, in coins."""
        return self.account(user).held(self.symbol)

    def resting(self, user: str, *kinds: Kind) -> list[Order]:
        """The user's open orders there, shown or not."""
        orders = self.account(user).open.values()
        return [order for order in orders if not kinds or order.ask.kind in kinds]

    def is_covered(self, user: str) -> bool:
        """Whether a user has a position behind one stop of its size."""
        held = self.held(user)
        stops = [
            order for order in self.resting(user, Kind.STOP) if order.ask.symbol == self.symbol
        ]
        is_guarded = guarded(self.account(user), self.symbol) == abs(held)
        return bool(held) and is_guarded and len(stops) == 1

    def unexplained(self, user: str) -> list[str]:
        """Resting orders that are not the owner's, nor known: by our id, else by the exchange's."""
        orders = self.rows("SELECT client_order_id, exchange_order_id FROM orders")
        known = {self.wire_id(row["client_order_id"]) for row in orders}
        known |= {row["exchange_order_id"] for row in orders}
        return [
            str(order) for order in self.resting(user)
            if order.ask.origin is not Origin.HAND
            and not {order.ask.client_id, self.shown_id(order.id)} & known
        ]  # fmt: skip

    def naked_s(self, user: str) -> float:
        """The longest time a user's position was not behind stops of its size."""
        return self.venue.engine.journal.unprotected_s(self.key(user))

    async def fills_told(self, *users: str) -> None:
        """Return when the ledger has as many fills as the exchange, and knows what rests."""
        await self.until(
            lambda: (
                len(self.rows("SELECT 1 FROM fills"))
                == sum(len(self.account(user).trades) for user in users)
                and not any(self.unexplained(user) for user in users)
            ),
            what="every fill is told",
            and_else=lambda: [
                dict(row) for row in self.rows("SELECT * FROM orders WHERE filled <> '0'")
            ],
        )

    def rows(self, sql: str) -> list[Any]:
        connection = sqlite3.connect(f"file:{self.folder}/state/signalbot.db?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    async def until(
        self,
        holds: Any,
        *,
        seconds: float = 45,
        what: str = "it holds",
        and_else: Callable[[], object] = lambda: "",
    ) -> None:
        """Return when ``holds()`` is true; ``and_else()`` is said with what was in vain."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                told = "".join(self.daemon.raw[-80:])
                raise AssertionError(f"not within {seconds} s: {what}\n{told}\n{and_else()}")
            await asyncio.sleep(0.02)


@asynccontextmanager
async def live(
    folder: Path, *users: str, mode: str = "live", defaults: str = "", targets: str = "[]",
    dialect: str = "binance",
) -> AsyncIterator[LiveFixture]:  # fmt: skip
    """A configured exchange with accounts; the daemon is not started yet."""
    async with venue(dialect) as it, asyncio.TaskGroup() as group:
        rig = LiveFixture(folder, it, group)
        rig.configure(*users, mode=mode, defaults=defaults, targets=targets)
        if mode == "live":
            await rig.keys(*users)
        try:
            yield rig
        finally:
            await rig.end()
