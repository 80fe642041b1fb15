"""Strangers use up their own patience, never that of anybody who is known."""

import asyncio
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from signalbot.api.auth import AsgiScope, Authenticator
from signalbot.api.client_address import address_of
from signalbot.api.connection_limiter import ConnectionLimiter
from signalbot.api.request_limits import RequestLimiter
from signalbot.api.token_buckets import BURST_S, TokenBuckets
from signalbot.domain.timeframe import Ms
from signalbot.vault import master_key
from tests.api.api_daemon import CONFIG, Daemon, daemon

SOURCES = """
[strategies.tv]
kind = "webhook"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
[strategies.other]
kind = "webhook"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
"""
RATE = 2
ENOUGH = RATE * int(BURST_S) + 3
AT_ONCE = 12  # many more than are allowed within the second that the last one waits

_addresses = count(1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon behind a proxy on this machine."""
    folder: Path = tmp_path_factory.mktemp("daemon")
    text = CONFIG.replace("requests_per_second", "tls_behind_proxy = true\nrequests_per_second")
    with daemon(folder, text=text + SOURCES, rate=RATE) as each:
        yield each


@pytest.fixture
def address() -> str:
    """One that nobody else has asked from."""
    return f"203.0.113.{next(_addresses)}"


process = [
    pytest.mark.process,
    pytest.mark.timeout(120),
    pytest.mark.xdist_group("api-admission"),
]


class TestOfADaemon:
    """What is asked of a running daemon."""

    pytestmark = process

    def test_whatever_a_stranger_says_its_address_is_counted(
        self, running: Daemon, address: str
    ) -> None:
        """Random tokens and doubled headers are no way around; others are answered."""
        client = running.client(None)
        assert _ask(client, address, _random()).status_code == 401
        _exhaust(client, address)
        doubled = [("Authorization", f"Bearer {secrets.token_hex(8)}")] * 2
        for headers in (doubled, [], [("Authorization", "Basic eA==")]):
            assert _turned_away(client, [(address, headers)] * AT_ONCE)
        assert _ask(client, "198.51.100.1", _random()).status_code == 401

    @pytest.mark.parametrize("kind", ["method", "path", "size", "chunks"])
    def test_what_is_refused_before_it_is_read_is_counted(
        self, running: Daemon, address: str, kind: str
    ) -> None:
        """Under the path of alerts, too: by its method, path or size."""
        client = running.client(None)
        forwarded = {"X-Forwarded-For": address}
        for _ in range(ENOUGH):
            answer = {
                "method": lambda: client.get("/hooks/tv", headers=forwarded),
                "path": lambda: client.post("/hooks/tv/a/b", headers=forwarded),
                "size": lambda: client.post("/hooks/tv", headers=forwarded, content=b"x" * 70_000),
                "chunks": lambda: client.post(
                    "/hooks/tv", headers=forwarded, content=iter([b"x" * 70_000])
                ),
            }[kind]()
            assert answer.status_code in (404, 405, 413)
        assert _turned_away(client, [(address, _random())] * AT_ONCE)

    @pytest.mark.parametrize("path", ["/nowhere", "/ws/signals"])
    async def test_a_websocket_that_is_refused_is_counted(
        self, running: Daemon, address: str, path: str
    ) -> None:
        """One of a page elsewhere, or to where there is none; a known client is let in."""
        url, forwarded = f"ws://127.0.0.1:{running.port}", {"X-Forwarded-For": address}
        for _ in range(ENOUGH):
            with pytest.raises(InvalidStatus):
                async with connect(
                    url + path, additional_headers=forwarded, origin=Origin("http://foreign.test")
                ):
                    pass
        client = running.client(None)
        assert _turned_away(client, [(address, _random())] * AT_ONCE)
        token = running.command("token", "create", "--admin").strip()
        async with connect(
            f"{url}/ws/signals",
            additional_headers=forwarded,
            subprotocols=[Subprotocol("signalbot"), Subprotocol(f"bearer.{token}")],
        ) as socket:
            await socket.send('{"type": "subscribe"}')
            assert "subscribed" in str(await socket.recv())

    async def test_frames_are_counted_like_requests(self, running: Daemon, address: str) -> None:
        """A token that has used up its requests has no frames left either."""
        token = running.command("token", "create", "--admin").strip()
        bearer = ("Authorization", f"Bearer {token}")
        client = running.client(None)
        url = f"ws://127.0.0.1:{running.port}/ws/signals"
        async with connect(url, additional_headers=[bearer]) as socket:
            while (await asyncio.to_thread(_ask, client, address, [bearer])).status_code == 200:
                pass
            await socket.send('{"type": "subscribe"}')
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013

    def test_a_doubled_header_is_no_token(self, running: Daemon, address: str) -> None:
        """Two readers could take one or the other."""
        token = running.command("token", "create", "--admin").strip()
        client = running.client(None)
        right, wrong = ("Authorization", f"Bearer {token}"), ("Authorization", "Bearer x")
        assert _ask(client, address, [right]).status_code == 200
        for both in ([right, wrong], [wrong, right], [right, right]):
            assert _ask(client, address, both).status_code == 401

    def test_known_callers_and_sources_are_served_where_strangers_are_not(
        self, running: Daemon, address: str
    ) -> None:
        """Behind a proxy that tells no addresses, they all come from the same one."""
        token = running.command("token", "create", "--admin").strip()
        secret = running.command("token", "create", "--source", "tv").strip()
        client = running.client(None)
        _exhaust(client, address)
        while _alert(client, address, "x" * 47).status_code != 429:
            pass
        assert _alert(client, address, secret).status_code == 202
        assert _alert(client, address, None, secret=secret).status_code == 202
        assert _ask(client, address, [("Authorization", f"Bearer {token}")]).status_code == 200

    def test_a_source_has_a_limit_of_its_own(self, running: Daemon, address: str) -> None:
        """A source that sends too much is turned away; another at the same address is not."""
        mine = running.command("token", "create", "--source", "tv").strip()
        other = running.command("token", "create", "--source", "other").strip()
        client = running.client(None)
        statuses = {_alert(client, address, mine).status_code for _ in range(ENOUGH)}
        assert statuses == {202, 429}
        assert _alert(client, address, other, source="other").status_code == 202

    def test_only_the_last_line_of_the_proxy_counts(self, running: Daemon, address: str) -> None:
        """Whatever a client has written before it."""
        client = running.client(None)
        _exhaust(client, address)
        forged = [
            (address, [("X-Forwarded-For", f"192.0.2.{number}"), *_random()])
            for number in range(AT_ONCE)
        ]
        joined = [(f"192.0.2.{number}, {address}", _random()) for number in range(AT_ONCE)]
        assert _turned_away(client, forged)
        assert _turned_away(client, joined)
        assert not _turned_away(client, [(f"192.0.2.{n}", _random()) for n in range(AT_ONCE)])

    def test_a_missing_secret_is_nobodys_business(self, tmp_path: Path) -> None:
        """A signed alert of a stranger is refused like any other, whatever the vault lacks."""
        text = '[strategies.tv.webhook]\nhmac = ["secret:inner-name"]\n'
        source = SOURCES.replace("[strategies.other]", text + "[strategies.other]")
        key = tmp_path / "master.key"
        master_key.write_key(key, master_key.generate_key())
        with daemon(tmp_path, text=CONFIG + source) as running:
            client = running.client(None)
            headers = {"webhook-signature": "v1,AAAA", "webhook-id": "1", "webhook-timestamp": "1"}
            known = client.post("/hooks/tv", content=b"buy BTCUSDT", headers=headers)
            unknown = client.post("/hooks/nobody", content=b"buy BTCUSDT", headers=headers)
            assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
            assert known.status_code == 404
            running.until(lambda: "inner-name" in running.log, "the operator is told")


@pytest.mark.parametrize(
    ("peer", "lines", "trusted", "expected"),
    [
        ("127.0.0.1", ["192.0.2.1"], True, "192.0.2.1"),
        ("127.0.0.1", ["192.0.2.1", "192.0.2.2"], True, "192.0.2.2"),
        ("127.0.0.1", ["192.0.2.1, 192.0.2.3"], True, "192.0.2.3"),
        ("127.0.0.1", ["192.0.2.1"], False, "127.0.0.1"),
        ("127.0.0.1", [], True, "127.0.0.1"),
        ("127.0.0.1", [""], True, "127.0.0.1"),
        ("10.0.0.9", ["192.0.2.1"], True, "10.0.0.9"),
        ("::1", ["2001:db8::1"], True, "2001:db8::1"),
        ("::1", ["2001:DB8:0::1"], True, "2001:db8::1"),
        ("127.0.0.1", ["::ffff:192.0.2.1"], True, "192.0.2.1"),
        ("::ffff:127.0.0.1", ["192.0.2.1"], True, "192.0.2.1"),
        ("::ffff:192.0.2.9", ["192.0.2.1"], True, "192.0.2.9"),
        ("::ffff:192.0.2.9", [], False, "192.0.2.9"),
        ("127.0.0.1", ["unknown"], True, "unknown"),
    ],
)
def test_who_sends_is_told_by_the_proxy_on_this_machine_alone(
    peer: str, lines: list[str], trusted: bool, expected: str
) -> None:
    """By its last line, the last entry of it; a peer elsewhere is who it is."""
    headers = [(b"x-forwarded-for", line.encode()) for line in lines]
    scope = {"client": (peer, 1), "headers": headers}
    assert address_of(scope, trusts_proxy=trusted) == expected


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at_ms = 0

    def now_ms(self) -> Ms:
        return Ms(self.at_ms)

    async def sleep(self, delay_s: float) -> None:
        raise AssertionError(f"no {delay_s} s are waited here")

    async def sleep_until(self, at_ms: Ms) -> None:
        raise AssertionError(f"{at_ms} is not waited for here")


def test_a_bucket_fills_again_with_time_and_never_beyond_its_burst() -> None:
    """A clock that is set back takes nothing from anybody."""
    clock = Hands()
    buckets = TokenBuckets(per_second=2, clock=clock)
    for _ in range(20):
        assert buckets.take("a") == 0
    assert buckets.take("a") == pytest.approx(0.5)
    assert buckets.is_empty("a")
    assert not buckets.is_empty("b")
    clock.at_ms += 500
    assert buckets.take("a") == 0
    clock.at_ms -= 3_600_000
    assert buckets.take("a") > 0
    clock.at_ms += 7_200_000
    assert [buckets.take("a") for _ in range(21)][-2:] == [0, pytest.approx(0.5)]


async def test_strangers_together_ask_no_more_than_a_few_of_them_could() -> None:
    """However many addresses they have; those that are known are counted by themselves."""
    clock = Waiting()
    gate = Authenticator(None, clock)  # type: ignore[arg-type]
    connections = ConnectionLimiter(max_connections=8, max_per_address=8)
    admission = RequestLimiter(
        gate, per_second=2, trusts_proxy=False, connections=connections, clock=clock
    )
    waits = []
    for number in range(150):
        scope: AsgiScope = {"client": (f"203.0.113.{number}", 1), "headers": []}
        await admission.identify(scope)
        waits.append(await admission.count_anonymous(scope))
    assert waits[0] == 0
    assert waits.count(0) == 100
    assert clock.slept == 50
    assert admission.count("somebody") == 0


class Waiting(Hands):
    """A clock on which waiting takes no time."""

    def __init__(self) -> None:
        super().__init__()
        self.slept = 0

    async def sleep(self, delay_s: float) -> None:
        assert delay_s > 0
        self.slept += 1


def _random() -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {secrets.token_urlsafe(32)}")]


def _ask(client: httpx.Client, address: str, headers: list[tuple[str, str]]) -> httpx.Response:
    noted = [*headers, ("X-Forwarded-For", address)]
    return client.get("/api/users", headers=noted)


def _exhaust(client: httpx.Client, address: str) -> None:
    """Ask as a stranger until requests are too many."""
    for _ in range(ENOUGH):
        if _turned_away(client, [(address, _random())] * AT_ONCE):
            return
    raise AssertionError("a stranger may ask for ever")


def _turned_away(client: httpx.Client, asked: list[tuple[str, list[tuple[str, str]]]]) -> bool:
    """Whether most of the requests from these addresses, all at once, were too many."""
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(lambda each: _ask(client, *each), asked))
    return sum(answer.status_code == 429 for answer in answers) > len(asked) / 2


def _alert(
    client: httpx.Client,
    address: str,
    token: str | None,
    *,
    source: str = "tv",
    secret: str | None = None,
) -> httpx.Response:
    path = f"/hooks/{source}" + (f"/{token}" if token else "")
    body = {"action": "hold"} | ({"secret": secret} if secret else {})
    return client.post(path, json=body, headers={"X-Forwarded-For": address})
