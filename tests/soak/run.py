"""One run: the daemon as a process, whoever it tells, and everybody who keeps asking it."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
from websockets.asyncio.client import connect

from tests.api.api_daemon import Daemon, free_port
from tests.notifications.http_receiver import Receiver, receiving
from tests.soak.config import config, names
from tests.soak.measures import Sample, sample

_SAMPLE_S = 0.5
_READ_S = 0.1
_DRAIN_S = 60
_ONE_EACH = httpx.Limits(max_keepalive_connections=0)
"""The server ends idle connections, and a stalled client would use one just then."""
_PATHS = ("signals", "executions", "positions", "orders", "pnl", "users")


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """What a run has come to."""

    samples: list[Sample]
    counts: dict[str, int]
    undecided: list[str]  #: signals that not everybody, or somebody twice, has decided on
    lost: Counter[tuple[str, str]]  #: notices of the outbox that never came: recipient, title
    repeated: Counter[tuple[str, str]]  #: notices that came and are not in it, or came again
    unheard: Counter[str]  #: signals that the feed has not told its client, or more than once
    errors: list[str]  #: lines of the log that wake somebody


def soak(folder: Path, *, users: int, seconds: float, speed: int, alert_s: float) -> Soaked:
    """Run for ``seconds``, each of which is ``speed`` of the simulation; an alert now and then."""
    with receiving() as receiver, _daemon(folder, receiver, users=users, speed=speed) as daemon:
        heard = asyncio.run(_Crowd(daemon, alert_s).live(seconds))
        daemon.stop()
        return _judged(daemon, receiver, heard, users=users)


@contextmanager
def _daemon(folder: Path, receiver: Receiver, *, users: int, speed: int) -> Iterator[Daemon]:
    daemon = Daemon(folder, free_port())
    notices = receiver.url("").rstrip("/")
    daemon.config.write_text(config(users=users, speed=speed, port=daemon.port, notices=notices))
    try:
        yield daemon
    finally:
        daemon.close()


@dataclass(slots=True)
class _Received:
    """What those outside have seen."""

    samples: list[Sample]
    signals: list[str]  #: ids, as the feed told them
    known: list[str]  #: ids of the signals that came while the listener was there
    answers: Counter[int]  #: by HTTP status
    alerts: int


class _Crowd:
    def __init__(self, daemon: Daemon, alert_s: float) -> None:
        self._daemon = daemon
        self._alert_s = alert_s
        self._heard = _Received([], [], [], Counter(), 0)
        self._wal = daemon.folder / "state" / "signalbot.db-wal"
        self._listens = asyncio.Event()

    async def live(self, seconds: float) -> _Received:
        """Keep asking, telling and listening; at the end wait until everything is told."""
        await asyncio.to_thread(self._daemon.start)
        socket = httpx.AsyncHTTPTransport(
            uds=str(self._daemon.folder / "state" / "control.sock"), limits=_ONE_EACH
        )
        async with httpx.AsyncClient(
            transport=socket, base_url="http://localhost", timeout=30
        ) as admin:
            token = await self._token(admin, {"scope": "admin"})
            source = await self._token(admin, {"scope": "source", "subject": "tv"})
            async with asyncio.TaskGroup() as group:
                feed = group.create_task(self._listen(token))
                await self._listens.wait()
                earlier = set(self._signals())  # it trades already: these may have come too early
                visitors = [
                    group.create_task(each)
                    for each in (
                        self._measure(admin),
                        self._read(token),
                        self._alert(source),
                    )
                ]
                await asyncio.sleep(seconds)
                for each in visitors:
                    each.cancel()
                await self._drain(admin)
                self._heard.known = [each for each in self._signals() if each not in earlier]
                await self._until(lambda: set(self._heard.known) <= set(self._heard.signals))
                feed.cancel()
        return self._heard

    async def _token(self, admin: httpx.AsyncClient, wish: dict[str, str]) -> str:
        answer = await admin.post("/api/tokens", json=wish | {"label": "soak"})
        assert answer.status_code == 201, answer.text
        text: str = answer.json()["token"]
        return text

    async def _measure(self, admin: httpx.AsyncClient) -> None:
        began_s = time.monotonic()
        while True:
            text = (await admin.get("/metrics")).text
            at_s = time.monotonic() - began_s
            self._heard.samples.append(sample(text, wal=self._wal, at_s=at_s))
            await asyncio.sleep(_SAMPLE_S)

    async def _read(self, token: str) -> None:
        """Somebody's dashboard, on a new connection now and then."""
        headers = {"Authorization": f"Bearer {token}"}
        while True:
            async with httpx.AsyncClient(
                base_url=self._daemon.url, headers=headers, timeout=30
            ) as client:
                for path in _PATHS:
                    answer = await client.get(f"/api/{path}", params={"limit": 50})
                    self._heard.answers[answer.status_code] += 1
                    await asyncio.sleep(_READ_S)

    async def _alert(self, token: str) -> None:
        """A source of alerts that turns its position every time."""
        async with httpx.AsyncClient(
            base_url=self._daemon.url, timeout=30, limits=_ONE_EACH
        ) as client:
            for number in count():
                side = "long" if number % 2 else "short"
                body = {"ticker": "ETHUSDT", "action": "reverse", "side": side, "id": f"a{number}"}
                answer = await client.post(f"/hooks/tv/{token}", json=body)
                assert answer.status_code == 202, answer.text
                self._heard.alerts += 1
                await asyncio.sleep(self._alert_s)

    async def _listen(self, token: str) -> None:
        url = self._daemon.url.replace("http", "ws") + "/ws/signals"
        headers = {"Authorization": f"Bearer {token}"}
        async with connect(url, additional_headers=headers) as feed:
            await feed.send(json.dumps({"type": "subscribe", "events": ["signal.created"]}))
            async for text in feed:
                event = json.loads(text)
                self._listens.set()
                if event.get("kind") == "signal.created":
                    self._heard.signals.append(event["signal_id"])

    async def _drain(self, admin: httpx.AsyncClient) -> None:
        """Nobody enters any more; then everything that has happened is told."""
        assert (await admin.post("/api/halt", json={"reason": "the soak is over"})).is_success
        await self._until(lambda: not self._daemon.rows(_UNTOLD))

    def _signals(self) -> list[str]:
        return [row["signal_id"] for row in self._daemon.rows("SELECT signal_id FROM signals")]

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Return when it is so, or when there is no point in waiting any longer."""
        until_s = time.monotonic() + _DRAIN_S
        while not holds():
            if time.monotonic() > until_s:
                return
            await asyncio.sleep(0.05)


_UNTOLD = """
SELECT 1 FROM notices WHERE status = 'waiting'
UNION ALL SELECT 1 FROM notice_cursor WHERE event_id < (SELECT max(event_id) FROM events)
"""
_UNDECIDED = """
SELECT s.signal_id, count(d.user_id) AS decisions FROM signals s
LEFT JOIN decisions d USING (signal_id) GROUP BY s.signal_id HAVING count(d.user_id) <> ?
"""


def _judged(daemon: Daemon, receiver: Receiver, heard: _Received, *, users: int) -> Soaked:
    told = Counter(
        (row["recipient"].removeprefix("@"), row["title"])
        for row in daemon.rows("SELECT recipient, title FROM notices")
    )
    came = Counter(
        (name, title) for name in [*names(users), "operator"] for title in receiver.titles(name)
    )
    signals = [row["signal_id"] for row in daemon.rows("SELECT signal_id FROM signals")]
    return Soaked(
        samples=heard.samples,
        counts={
            "signals": len(signals),
            "alerts": heard.alerts,
            **{table: _rows(daemon, table) for table in _TABLES},
            "requests answered": heard.answers[200],
            "requests refused": heard.answers.total() - heard.answers[200],
            "notices delivered": came.total(),
            "messages": len(receiver.got),
        },
        undecided=[str(row) for row in daemon.rows(_UNDECIDED, users)],
        lost=told - came,
        repeated=came - told,
        unheard=(Counter(heard.known) - Counter(heard.signals))
        + (Counter(heard.signals) - Counter(signals)),
        errors=[line for line in daemon.log.splitlines() if json.loads(line)["level"] == "error"],
    )


_TABLES = ("decisions", "signal_executions", "orders", "fills", "positions")


def _rows(daemon: Daemon, table: str) -> int:
    return int(daemon.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"])
