"""What goes wrong between a client and the exchange, scripted by tests.

A ``Rule`` picks requests, its ``does`` are carried out in order. Some act before the exchange
sees the request, some after it has carried it out: the exchange acts, its answer is lost.

    faults.add(Rule(leg="entry", does=(Hang(),)))                   # accepted, never answered
    faults.add(Rule(leg="entry", does=(Hide(seconds=20), Drop())))  # and not to be found at first
    faults.add(Rule(path="/klines$", does=(Reply(status=502, body="<html>"),), times=-1))
    faults.add(Rule(does=(Ban(seconds=3),)))                        # 429, and I9 is watched
    faults.add(Rule(path="/openOrders$", does=(Stale(seconds=5),), times=-1))    # told 5 s late
    faults.add(Rule(reads=True, does=(Spoil(),), times=-1, chance=0.1, seed=7))  # no answers
    faults.add(Rule(leg="entry", does=(Postpone(seconds=9),)))      # unanswered, done 9 s later
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from tests.venue.corrupt_responses import Junk
from tests.venue.http_wire import Call, Trouble
from tests.venue.model import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang:
    """Never answer; with ``before`` the exchange never sees the request."""

    before: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Cut the connection; with ``before`` the exchange never sees the request."""

    before: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Another answer than the exchange's; with ``after`` it has carried the request out."""

    status: int = 200
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    after: bool = False
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The true answer, but the connection ends after ``keep`` bytes of its announced length.

    With ``honest`` the length fits: broken JSON under a correct Content-Length.
    """

    keep: int = 20
    honest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Wait before the exchange sees the request, or with ``after`` before it is answered.

    A request that was ``accepted`` has had its timestamp checked before it waits.
    """

    seconds: float
    after: bool = False
    accepted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Postpone:
    """Take the request, and carry it out so much later; say nothing, or at once a ``status``."""

    seconds: float
    status: int = 0  #: never answered without one
    body: str = ""
    accepted: bool = True  #: its timestamp is looked at when it comes; else when it is carried out


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoil:
    """Carry the request out and answer with junk: one of ``how``, at random if there are more.

    With ``inside`` the junk stands in a field of a true envelope, or is its list ("rows").
    """

    how: tuple[Junk, ...] = tuple(Junk)
    inside: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """Answer with what was true so long ago, of the account that asks."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Thin:
    """Leave out rows of the answer's list: each stays with the chance ``keep``."""

    keep: float = 0.5


@dataclass(frozen=True, slots=True)
class RepeatPage:
    """Answer with the rows of the former answer of this path to this account once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hide:
    """Orders made by the request are shown by no read for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Unlist:
    """Orders made by the request are never shown, though they live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """The exchange says no in its own words, and does nothing; with ``after`` it has acted."""

    why: Reason | Trouble
    after: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """Refuse this and every further request of the client's address for so long."""

    seconds: float
    status: int = 429


Action = (
    Hang | Drop | Reply | Cut | Delay | Hide | Unlist | Refuse | Ban
    | Postpone | Spoil | Stale | Thin | RepeatPage
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Rule:
    """Which requests something happens to; what is left empty does not matter."""

    does: tuple[Action, ...]
    method: str = ""
    path: str = ""  #: a regular expression, searched
    key: str = ""
    client_id: str = ""  #: a regular expression, searched
    leg: str = ""  #: entry, stop, target, exit, cancel
    where: Callable[[Call], bool] | None = None
    nth: int = 1  #: from the nth request that fits
    times: int = 1  #: and so many of them; -1 for all
    reads: bool = False  #: only requests that change nothing
    for_s: float = 0.0  #: in force for so long; 0 for ever
    chance: float = 1.0  #: of those whose turn it is
    seed: int = 0  #: of ``chance`` and of everything random in ``does``
    hits: int = field(default=0, init=False)  #: how many fitted so far
    struck: int = field(default=0, init=False)  #: and how many of these it was the turn of
    until_s: float = field(default=0.0, init=False)  #: monotonic clock; 0 for ever
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    def strikes(self, call: Call) -> bool:
        """Whether it is this request's turn; counts."""
        if (self.until_s and call.at_s >= self.until_s) or not self._fits(call):
            return False
        self.hits += 1
        late = self.hits - self.nth
        is_struck = (
            late >= 0
            and (self.times < 0 or late < self.times)
            and (self.chance >= 1 or self.random.random() < self.chance)
        )
        self.struck += is_struck
        return is_struck

    def chosen(self) -> tuple[Action, ...]:
        """What it does, with the one kind of junk that it is this time."""
        return tuple(
            replace(act, how=(self.random.choice(act.how),)) if isinstance(act, Spoil) else act
            for act in self.does
        )

    def _fits(self, call: Call) -> bool:
        facts = call.facts
        return (
            self.method in ("", call.method)
            and (not self.reads or call.method == "GET")
            and self.key in ("", facts.key)
            and self.leg in ("", facts.leg)
            and (not self.path or re.search(self.path, call.path) is not None)
            and (not self.client_id or re.search(self.client_id, facts.client_id) is not None)
            and (self.where is None or self.where(call))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A request during a ban."""

    after_s: float  #: since the ban was announced
    method: str
    path: str
    address: str


class Faults:
    """The rules in force, the bans, and who has not obeyed them."""

    def __init__(self, on_add: Callable[[Rule], None] = lambda _: None) -> None:
        self.rules: list[Rule] = []
        self._on_add = on_add
        self.violations: list[Violation] = []
        self._bans: dict[str, tuple[float, float, int]] = {}  # address: from, until, status

    def add(self, rule: Rule) -> Rule:
        """Put a rule into force; the returned one counts its hits."""
        rule.until_s = time.monotonic() + rule.for_s if rule.for_s else 0.0
        self.rules.append(rule)
        self._on_add(rule)
        return rule

    def clear(self) -> None:
        self.rules.clear()
        self._bans.clear()

    def of(self, call: Call) -> Rule | None:
        """What happens to this request: the first rule whose turn it is."""
        return next((rule for rule in self.rules if rule.strikes(call)), None)

    def ban(self, address: str, *, seconds: float, status: int = 429) -> None:
        """Refuse every request of an address from now on, and count them."""
        now_s = time.monotonic()
        self._bans[address] = (now_s, now_s + seconds, status)

    def banned(self, call: Call) -> tuple[int, int] | None:
        """Status and seconds left (rounded up) of a running ban; counts the violation."""
        ban = self._bans.get(call.address)
        if ban is None:
            return None
        from_s, until_s, status = ban
        if call.at_s >= until_s:
            del self._bans[call.address]
            return None
        self.violations.append(
            Violation(
                after_s=call.at_s - from_s, method=call.method, path=call.path,
                address=call.address,
            )
        )  # fmt: skip
        return status, int(until_s - call.at_s) + 1

    def violations_after(self, grace_s: float) -> list[Violation]:
        """Those that cannot have been on their way already when the ban was told."""
        return [each for each in self.violations if each.after_s > grace_s]
