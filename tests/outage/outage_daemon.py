"""A daemon that trades live and tells people, with a cable to everything it depends on."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.live.live_daemon import LiveFixture, live
from tests.notifications.http_receiver import Receiver, receiving
from tests.outage.tcp_proxy import TcpProxy, tcp_proxy
from tests.planted_secrets import MARK, watch
from tests.venue.journal import guarded

MORE = """
[defaults.protection]
stop_loss = {{ source = "percent", percent = 1.0 }}
[strategies.alerts]
kind = "webhook"
exchange = "venue"
symbols = ["ETH/USDT:USDT"]
[api]
listen = "127.0.0.1:{port}"
[notify]
operator = ["{operator}"]
[notify.operator_events]
filled = "on"
closed = "on"
[users.ben.subscriptions.trend.protection]
stop_loss = {{ source = "percent", percent = 10.0 }}
"""
FOLLOWED = """
[users.{name}.subscriptions.alerts]
"""


@dataclass
class OutageFixture:
    """The daemon, what it trades at, whom it tells, and the cables between them."""

    rig: LiveFixture
    receiver: Receiver
    exchange: TcpProxy
    post: TcpProxy

    def since(self, line: int) -> list[dict[str, Any]]:
        """What whoever reads the log has seen from that line on."""
        return [each for each in self.rig.daemon.lines[line:] if each["level"] != "debug"]

    def told(self, line: int, level: str = "") -> Counter[str]:
        """How often each event was."""
        return Counter(each["event"] for each in self.since(line) if level in ("", each["level"]))

    def outbox(self) -> list[str]:
        """Titles of everything the operator was to be told, in its order."""
        sql = "SELECT title FROM notices WHERE recipient = '@operator' ORDER BY notice_id"
        return [row["title"] for row in self.rig.rows(sql)]

    def is_all_told(self) -> bool:
        """Whether something has been told, and nothing is left to be."""
        rows = self.rig.rows(
            "SELECT 1 FROM notices WHERE status <> 'delivered'"
            " UNION ALL SELECT 1 FROM notice_cursor"
            "  WHERE event_id < (SELECT max(event_id) FROM events)"
        )
        return not rows and bool(self.outbox())

    def unguarded_ether(self, *users: str) -> list[str]:
        """Who holds ether without a stop."""
        symbol = self.rig.venue.dialect.market_id("ETH")
        return [
            user for user in users
            if not self.rig.account(user).held(symbol)
            or guarded(self.rig.account(user), symbol) < self.rig.account(user).held(symbol)
        ]  # fmt: skip

    async def metrics(self) -> str:
        """What Prometheus reads."""
        async with self.client() as client:
            return (await client.get("/metrics")).text

    def client(self) -> httpx.AsyncClient:
        """The API as its administrator."""
        socket = httpx.AsyncHTTPTransport(uds=str(self.rig.folder / "state" / "control.sock"))
        return httpx.AsyncClient(transport=socket, base_url="http://localhost", timeout=30)

    async def alert(self, key: str) -> None:
        """Somebody's alert to enter ETH, as it would come from outside."""
        async with self.client() as client:
            new = {"scope": "source", "subject": "alerts", "label": key}
            token = (await client.post("/api/tokens", json=new)).json()["token"]
            watch(self.rig.folder, token)
            body = {"ticker": "ETHUSDT", "action": "buy", "id": key}
            answer = await client.post(f"/hooks/alerts/{token}", json=body)
            assert answer.status_code == 202, answer.text


@asynccontextmanager
async def outage_fixture(
    folder: Path, *users: str, names: Sequence[str] = ("127.0.0.1", "127.0.0.1")
) -> AsyncIterator[OutageFixture]:
    """Configured and not started; all cables are whole. Ben's stop is far away.

    ``names`` are what the daemon knows exchange and notification service by.
    """
    with receiving() as receiver:
        async with (
            live(folder, *users) as rig,
            tcp_proxy(int(rig.venue.url.rpartition(":")[2])) as exchange,
            tcp_proxy(receiver.port) as post,
        ):
            rig.venue.url = f"http://{names[0]}:{exchange.port}"
            more = MORE.format(
                port=receiver.free_port(),
                operator=f"json://me:{MARK}-password@{names[1]}:{post.port}/operator",
            )
            rig.configure(
                *users, defaults=more + "".join(FOLLOWED.format(name=name) for name in users)
            )
            yield OutageFixture(rig, receiver, exchange, post)
