"""What goes wrong on websockets: frames lost, broken, doubled, late, out of order, changed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from tests.venue.wire import Socket

Change = Callable[[str], str]


class Slip(StrEnum):
    """What happens to a frame."""

    MUTE = "mute"  #: never sent; the connection lives and answers pings
    GARBLE = "garble"  #: sent with its tail missing
    REPEAT = "repeat"  #: sent twice
    HOLD = "hold"  #: kept back until ``Streams.release``
    SWAP = "swap"  #: sent after the next frame of the same rule
    CHANGE = "change"  #: sent as ``change`` returns it


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
    hits: int = field(default=0, init=False)
    kept: list[tuple[Socket, str]] = field(default_factory=list, init=False)

    def strikes(self, socket: Socket, topic: str, text: str) -> bool:
        """Whether it is this frame's turn; counts."""
        if not (self.topic in topic and self.key in ("", socket.key) and self.contains in text):
            return False
        self.hits += 1
        late = self.hits - self.skip
        return late > 0 and (self.times < 0 or late <= self.times)


class Streams:
    """The stream rules in force."""

    def __init__(self) -> None:
        self.rules: list[StreamRule] = []
        self.refuses = False  #: new connections are answered with 503
        self.sent = 0

    def add(self, rule: StreamRule) -> StreamRule:
        """Put a rule into force; the returned one counts its hits."""
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        self.rules.clear()
        self.refuses = False

    def outgoing(self, socket: Socket, topic: str, text: str) -> list[str]:
        """What really goes out for a frame; control frames (no topic) pass unharmed."""
        if not topic:
            return [text]
        for rule in self.rules:
            if rule.strikes(socket, topic, text):
                return _slipped(rule, socket, text)
            if rule.kept and rule.does is Slip.SWAP and rule.topic in topic:
                return [text, *_taken(rule, socket)]
        return [text]

    def release(self) -> None:
        """Send everything that was held, newest first."""
        for rule in self.rules:
            for socket, text in reversed(rule.kept):
                socket.frames.put_nowait(("", text))
            rule.kept.clear()


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


def _taken(rule: StreamRule, socket: Socket) -> list[str]:
    texts = [text for owner, text in rule.kept if owner is socket]
    rule.kept = [each for each in rule.kept if each[0] is not socket]
    return texts
