"""Between HTTP and an exchange: a request, an answer, a websocket, and what a dialect is.

A new dialect is one module with ``DIALECT``, a subclass of ``Dialect``, named in
``server.DIALECTS``. It never awaits: ``answer`` and ``heard`` return at once, frames go out
through ``Socket.send``.
"""

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from tests.venue.engine import Engine, Event
from tests.venue.limits import Charge, Limits, Over
from tests.venue.model import Market, Reason, Rules


class Trouble(StrEnum):
    """What an exchange says when it is not the order's fault."""

    BAD_KEY = "the key is unknown, revoked or lacks a permission"
    BAD_SIGNATURE = "the signature is wrong"
    CLOCK = "the timestamp is outside of the window"
    RATE_LIMITED = "too many requests"
    BANNED = "too many requests in spite of warnings"
    OVERLOADED = "busy, the request was not carried out"
    UNKNOWN_OUTCOME = "no answer from the back end, the outcome is unknown"
    NO_SUCH_PATH = "there is no such endpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def told(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in JSON; Decimals become plain text."""
    return Answer(
        status=status, body=dump(body),
        headers={"Content-Type": "application/json", **(headers or {})},
    )  # fmt: skip


def dump(body: Any) -> bytes:
    return orjson.dumps(body, default=_plain)


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{value!r} has no place in JSON")


@dataclass(slots=True, kw_only=True)
class Facts:
    """Who asks for what: what fault rules and counters look at."""

    key: str = ""
    client_id: str = ""
    leg: str = ""  #: entry, stop, target, exit; cancel; or nothing


@dataclass(kw_only=True)
class Call:
    """One request, read completely."""

    method: str
    path: str
    query: str  #: as it was sent, without the question mark
    body: str
    headers: Mapping[str, str]
    address: str  #: of the client
    at_s: float  #: when it was read (monotonic clock)
    checked_ms: int = 0  #: its timestamp was checked then, by the exchange's clock; 0 for not yet
    facts: Facts = field(default_factory=Facts)

    @cached_property
    def params(self) -> dict[str, str]:
        """Query and form body together."""
        sent = f"{self.query}&{self.body}"
        if "%" in sent or "+" in sent:
            return dict(parse_qsl(sent, keep_blank_values=True))
        pairs = (part.partition("=") for part in sent.split("&") if part)
        return {name: value for name, _, value in pairs}

    @cached_property
    def json(self) -> Any:
        """The body as JSON, an empty object when there is none."""
        return orjson.loads(self.body) if self.body else {}


class Socket:
    """One websocket as a dialect sees it: topics, an account, and a way to say something."""

    def __init__(self, web_socket: web.WebSocketResponse, path: str, query: str) -> None:
        self.path = path
        self.query = dict(parse_qsl(query))
        self.topics: set[str] = set()
        self.key = ""  #: of the account, once it is known
        self.memory: dict[str, Any] = {}  #: whatever a dialect must remember of a connection
        self.frames: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue()
        self.web_socket = web_socket

    def send(self, frame: Any, *, topic: str = "") -> None:
        """Say something; ``topic`` is what stream faults look at."""
        text = frame if isinstance(frame, str) else dump(frame).decode()
        self.frames.put_nowait((topic, text))

    def hang_up(self) -> None:
        """Close the connection after what was already said."""
        self.frames.put_nowait(None)


class Dialect(ABC):
    """How one exchange is spoken to. Subclasses listen to ``engine`` for websocket news."""

    ccxt_id: ClassVar[str]
    rules: ClassVar[Rules] = Rules()
    engine_class: ClassVar[type[Engine]] = Engine
    #: Requests that cost more than the limit allows per minute and address are answered with 429.
    weight_per_minute: ClassVar[int] = 2_400

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sockets: set[Socket] = set()
        engine.listen(self.happened)

    # --- what a dialect must say -----------------------------------------------------------

    @classmethod
    @abstractmethod
    def markets(cls) -> list[Market]:
        """What is traded unless a test says otherwise."""

    @abstractmethod
    def urls(self, http: str, ws: str) -> dict[str, Any]:
        """``urls`` of ccxt's constructor; ``http`` and ``ws`` are bases without a final slash."""

    @abstractmethod
    def facts(self, call: Call) -> Facts:
        """Who asks for what, as far as it can be read without checking anything."""

    @abstractmethod
    def answer(self, call: Call) -> Answer:
        """Carry a request out; never raises for what a client can get wrong."""

    @abstractmethod
    def refusal(self, why: Reason | Trouble) -> Answer:
        """What the exchange answers for ``why``."""

    @abstractmethod
    def opened(self, socket: Socket) -> None:
        """A websocket was opened: note its account if the path or the query names one."""

    @abstractmethod
    def heard(self, socket: Socket, text: str) -> None:
        """A client said something."""

    @abstractmethod
    def happened(self, event: Event) -> None:
        """Tell the sockets what they want to know of an event."""

    def market_id(self, base: str) -> str:
        """How the exchange calls the perpetual of a coin."""
        return next(market.id for market in self.engine.markets.values() if market.base == base)

    # --- what it may say -------------------------------------------------------------------

    @classmethod
    def spot_markets(cls) -> list[Market]:
        """What ``Venue.list_spot`` adds, where one account trades both."""
        return []

    def weight(self, call: Call) -> int:
        """What a request costs of the limit."""
        return 1

    def charges(self, call: Call) -> list[Charge]:
        """What a request costs of which limits, once ``Venue.limits`` are on."""
        return [
            Charge(
                name="REQUEST_WEIGHT", who=call.address, cost=self.weight(call), warns=True,
                limit=self.weight_per_minute, window_s=60.0,
            )
        ]  # fmt: skip

    def limited(self, over: Over, limits: Limits, *, banned: bool) -> Answer:
        """How a request is refused that is over a limit; ``banned``: its address is."""
        answer = self.refusal(Trouble.BANNED if banned else Trouble.RATE_LIMITED)
        headers = {**answer.headers, "Retry-After": str(int(over.wait_s) + 1)}
        return Answer(status=418 if banned else 429, body=answer.body, headers=headers)

    def over_limit(self, call: Call) -> Answer | None:
        """The refusal of a request that exceeds a limit of the dialect's own; counts the request.

        Asked only while limits are on.
        """
        return None

    def limit_headers(self, call: Call, limits: Limits, answer: Answer) -> dict[str, str]:
        """What every answer tells of the limits."""
        return {}

    def now_s(self) -> float:
        """The exchange's clock in seconds: what windows of limits are aligned with."""
        return self.engine.now_ms() / 1_000

    def expire_stream(self, key: str) -> None:
        """For tests: the user stream of an account ends, its connection stays."""
        raise ValueError("streams of this exchange do not expire")

    def restart_service(self) -> None:
        """For tests: what a restart of the exchange's service makes it forget."""
        raise ValueError("a restart of this exchange's service is not to be noticed")

    def options(self) -> dict[str, Any]:
        """What else ccxt's constructor needs to stay on this server."""
        return {}

    def refusal_of(self, call: Call, why: Reason | Trouble) -> Answer:
        """What the exchange answers to ``call`` for ``why``, where its interfaces differ."""
        return self.refusal(why)

    def encode(self, socket: Socket, text: str) -> str | bytes:
        """What goes over the wire for a frame: the text itself, or bytes for a binary frame."""
        return text

    def topic_is_candle(self, topic: str) -> bool:
        """Whether a topic carries candles."""
        return re.search("kline|candle", topic) is not None

    def talks_to(self, topic: str) -> list[Socket]:
        """Every socket that has subscribed to a topic."""
        return [socket for socket in self.sockets if topic in socket.topics]
