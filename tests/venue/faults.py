"""What goes wrong between a client and the exchange, scripted by tests.

A ``Rule`` picks requests, its ``does`` are carried out in order. Some act before the exchange
sees the request, some after it has carried it out: the exchange acts, its answer is lost.

    faults.add(Rule(leg="entry", does=(Hang(),)))                   # accepted, never answered
    faults.add(Rule(leg="entry", does=(Hide(seconds=20), Drop())))  # and not to be found at first
    faults.add(Rule(path="/klines$", does=(Reply(status=502, body="<html>"),), times=-1))
    faults.add(Rule(does=(Ban(seconds=3),)))                        # 429, and I9 is watched
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.venue.model import Reason
from tests.venue.wire import Call, Trouble


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
    """Wait before the exchange sees the request, or with ``after`` before it is answered."""

    seconds: float
    after: bool = False


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


Action = Hang | Drop | Reply | Cut | Delay | Hide | Unlist | Refuse | Ban


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
    hits: int = field(default=0, init=False)  #: how many fitted so far

    def strikes(self, call: Call) -> bool:
        """Whether it is this request's turn; counts."""
        if not self._fits(call):
            return False
        self.hits += 1
        late = self.hits - self.nth
        return late >= 0 and (self.times < 0 or late < self.times)

    def _fits(self, call: Call) -> bool:
        facts = call.facts
        return (
            self.method in ("", call.method)
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

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.violations: list[Violation] = []
        self._bans: dict[str, tuple[float, float, int]] = {}  # address: from, until, status

    def add(self, rule: Rule) -> Rule:
        """Put a rule into force; the returned one counts its hits."""
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        self.rules.clear()
        self._bans.clear()

    def of(self, call: Call) -> tuple[Action, ...]:
        """What happens to this request: the actions of the first rule whose turn it is."""
        for rule in self.rules:
            if rule.strikes(call):
                return rule.does
        return ()

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
