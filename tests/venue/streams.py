"""What goes wrong on websockets: frames lost, broken, doubled, late, out of order, changed."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from tests.venue.http_wire import Socket

Change = Callable[[str], str]
RELEASED = "\0released"


class Slip(StrEnum):
    """What happens to a frame."""

    MUTE = "mute"  #: never sent; the connection lives and answers pings
    GARBLE = "garble"  #: sent with its tail missing
    REPEAT = "repeat"  #: sent twice
    HOLD = "hold"  #: kept back until ``Streams.release``
    SWAP = "swap"  #: sent after the next frame of the same rule
    CHANGE = "change"  #: sent as ``change`` returns it
    DELAY = "delay"  #: sent ``seconds`` later; what comes meanwhile overtakes it
    SHUFFLE = "shuffle"  #: kept until there are ``size``, or for ``seconds``; then in any order


@dataclass(slots=True, kw_only=True)
class StreamRule:
    """Which frames something happens to; what is left empty does not matter."""

    does: Slip
    topic: str = ""  #: a part of it: "kline", "@kline_1m"; user streams: "ORDER_TRADE_UPDATE"
    key: str = ""  #: of the account a private connection belongs to
    contains: str = ""  #: a part of the frame's text
    change: Change | None = None
    skip: int = 0  #: so many fitting frames go out unharmed first
    times: int = -1  #: and so many are hit; -1 for all
    seconds: float = 0.5  #: of a delay, or the longest that frames are kept to be shuffled
    size: int = 3  #: how many frames are shuffled
    for_s: float = 0.0  #: in force for so long; 0 for ever
    chance: float = 1.0  #: of those whose turn it is
    seed: int = 0  #: of ``chance`` and of the order
    control: bool = False  #: hits what has no topic as well: acknowledgements, pongs
    hits: int = field(default=0, init=False)
    kept: list[tuple[Socket, str]] = field(default_factory=list, init=False)
    until_s: float = field(default=0.0, init=False)  #: monotonic clock; 0 for ever
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    def strikes(self, socket: Socket, topic: str, text: str) -> bool:
        """Whether it is this frame's turn; counts."""
        if self.until_s and time.monotonic() >= self.until_s:
            return False
        if not (self.topic in topic and self.key in ("", socket.key) and self.contains in text):
            return False
        self.hits += 1
        late = self.hits - self.skip
        return (
            late > 0
            and (self.times < 0 or late <= self.times)
            and (self.chance >= 1 or self.random.random() < self.chance)
        )


class Streams:
    """The stream rules in force."""

    def __init__(self) -> None:
        self.rules: list[StreamRule] = []
        self.refuses = False  #: new connections are answered with 503
        self.sent = 0

    def add(self, rule: StreamRule) -> StreamRule:
        """Put a rule into force; the returned one counts its hits."""
        rule.until_s = time.monotonic() + rule.for_s if rule.for_s else 0.0
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        self.rules.clear()
        self.refuses = False

    def outgoing(self, socket: Socket, topic: str, text: str) -> list[str]:
        """What really goes out for a frame; control frames (no topic) pass, but for ``control``.

        What was kept back goes out as ``RELEASED`` and is not looked at again.
        """
        if topic == RELEASED:
            return [text]
        for rule in self.rules:
            if not topic and not rule.control:
                continue
            if rule.strikes(socket, topic, text):
                return _slipped(rule, socket, text)
            if rule.kept and rule.does is Slip.SWAP and rule.topic in topic:
                return [text, *_taken(rule, socket)]
        return [text]

    def release(self) -> None:
        """Send everything that was held, newest first."""
        for rule in self.rules:
            for socket, text in reversed(rule.kept):
                socket.frames.put_nowait((RELEASED, text))
            rule.kept.clear()


def _shuffled(rule: StreamRule) -> None:
    rule.random.shuffle(rule.kept)
    for socket, text in rule.kept:
        socket.frames.put_nowait((RELEASED, text))
    rule.kept.clear()


def _later(seconds: float, act: Callable[..., object], *args: object) -> None:
    asyncio.get_running_loop().call_later(seconds, act, *args)


def _slipped(rule: StreamRule, socket: Socket, text: str) -> list[str]:
    match rule.does:
        case Slip.MUTE:
            return []
        case Slip.GARBLE:
            return [text[: len(text) // 2]]
        case Slip.REPEAT:
            return [text, text]
        case Slip.CHANGE:
            return [text if rule.change is None else rule.change(text)]
        case Slip.HOLD | Slip.SWAP:
            rule.kept.append((socket, text))
            return []
        case Slip.DELAY:
            _later(rule.seconds, socket.frames.put_nowait, (RELEASED, text))
            return []
        case Slip.SHUFFLE:
            if not rule.kept:
                _later(rule.seconds, _shuffled, rule)
            rule.kept.append((socket, text))
            if len(rule.kept) >= rule.size:
                _shuffled(rule)
            return []


def _taken(rule: StreamRule, socket: Socket) -> list[str]:
    texts = [text for owner, text in rule.kept if owner is socket]
    rule.kept = [each for each in rule.kept if each[0] is not socket]
    return texts
