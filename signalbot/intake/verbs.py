"""What an alert wants done: its verb, and where it says the strategy stands now."""

from enum import StrEnum

from signalbot.domain.errors import BadSignal
from signalbot.domain.signals import Action


class Direction(StrEnum):
    """What ``buy`` and ``sell`` of a source mean.

    BOTH: they open long and short. LONG: buy opens, sell closes. SHORT: sell opens, buy closes.
    """

    BOTH = "both"
    LONG = "long"
    SHORT = "short"


class Cancel(StrEnum):
    """Not a signal: the open ones of this market are withdrawn."""

    OPEN_SIGNALS = "cancel"


Step = Action | Cancel

_OPEN_LONG = frozenset({"long", "open_long", "enter_long", "entry_long", "buy_long", "go_long"})
_OPEN_SHORT = frozenset(
    {"short", "open_short", "enter_short", "entry_short", "sell_short", "go_short"}
)
_CLOSE_LONG = frozenset({"exit_long", "close_long", "sell_long", "flat_long"})
_CLOSE_SHORT = frozenset({"exit_short", "close_short", "buy_short", "cover", "flat_short"})
_CLOSE = frozenset({"exit", "close", "flat", "flatten", "close_all", "exit_all", "close_position"})
_ENTER = frozenset({"entry", "enter", "open", "add"})
_NOTHING = frozenset({"hold", "none", "neutral", "wait"})
_LONG_WORDS = frozenset({"long", "buy", "bullish"})
_SHORT_WORDS = frozenset({"short", "sell", "bearish"})


def steps(
    verb: str | None,
    *,
    side: str | None = None,
    position: str | None = None,
    previous: str | None = None,
    direction: Direction = Direction.BOTH,
) -> list[Step]:
    """What is to be done, in this order; nothing for a verb such as ``hold``.

    Where the alert tells the position before and after, that counts more than ``buy`` or ``sell``:
    the same ``sell`` closes a long, opens a short, or turns one into the other.

    Raises:
        BadSignal: it has no verb, or one that means nothing here.
    """
    word = None if verb is None else verb.strip().lower().replace(" ", "_").replace("-", "_")
    if word in _NOTHING:
        return []
    if word == "cancel":
        return [Cancel.OPEN_SIGNALS]
    if position is not None and previous is not None:
        return _turned(previous.lower(), position.lower())
    if word is None:
        raise BadSignal("the alert says not what to do: it needs an action")
    if word in ("reverse", "flip"):
        return _reversed(side or position)
    if word in _CLOSE:
        return _closed(side)
    return _traded(word, side, position, direction)


def is_verb(word: str) -> bool:
    """Whether a word says what to do; in some alerts ``type`` does, in others it is the order's."""
    text = word.strip().lower()
    known = _CLOSE | _ENTER | _NOTHING | _OPEN_LONG | _OPEN_SHORT | _CLOSE_LONG | _CLOSE_SHORT
    return text in known or text in ("buy", "sell", "cancel", "reverse", "flip")


def _turned(previous: str, position: str) -> list[Step]:
    """From one position to another, as a strategy tester tells them."""
    found: list[Step] = []
    if previous == "long" and position != "long":
        found.append(Action.EXIT_LONG)
    if previous == "short" and position != "short":
        found.append(Action.EXIT_SHORT)
    if position == "long" and previous != "long":
        found.append(Action.LONG)
    if position == "short" and previous != "short":
        found.append(Action.SHORT)
    if not {previous, position} <= {"long", "short", "flat"}:
        raise BadSignal("a market position is long, short or flat")
    return found


def _reversed(towards: str | None) -> list[Step]:
    word = (towards or "").lower()
    if word in _LONG_WORDS:
        return [Action.EXIT_SHORT, Action.LONG]
    if word in _SHORT_WORDS:
        return [Action.EXIT_LONG, Action.SHORT]
    raise BadSignal("reverse needs the side to turn to: add side or market_position")


def _closed(side: str | None) -> list[Step]:
    word = (side or "").lower()
    if word in _LONG_WORDS:
        return [Action.EXIT_LONG]
    if word in _SHORT_WORDS:
        return [Action.EXIT_SHORT]
    return [Action.EXIT_LONG, Action.EXIT_SHORT]


def _traded(word: str, side: str | None, position: str | None, direction: Direction) -> list[Step]:
    for words, action in (
        (_OPEN_LONG, Action.LONG),
        (_OPEN_SHORT, Action.SHORT),
        (_CLOSE_LONG, Action.EXIT_LONG),
        (_CLOSE_SHORT, Action.EXIT_SHORT),
    ):
        if word in words:
            return [action]
    if word in _ENTER:
        return _entered(side or position)
    after = (position or "").lower()
    if after == "flat" and word in ("buy", "sell"):
        return [Action.EXIT_LONG if word == "sell" else Action.EXIT_SHORT]
    if (word, after) in (("buy", "short"), ("sell", "long")):
        raise BadSignal("the alert closes a position in part: only whole ones are followed")
    if word in ("buy", "bullish"):
        return [Action.EXIT_SHORT if direction is Direction.SHORT else Action.LONG]
    if word in ("sell", "bearish"):
        return [Action.EXIT_LONG if direction is Direction.LONG else Action.SHORT]
    raise BadSignal("the action is not known: see the README for the words that are")


def _entered(side: str | None) -> list[Step]:
    word = (side or "").lower()
    if word in _LONG_WORDS:
        return [Action.LONG]
    if word in _SHORT_WORDS:
        return [Action.SHORT]
    raise BadSignal("an entry needs its side: long or short")
