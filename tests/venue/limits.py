"""The published limits: what requests cost, who has used how much, who is refused and banned.

What was used is the exchange's memory: it outlives every client. A dialect says what a call costs
(``charges``), how it says no (``limited``) and what it tells of the limits (``limit_headers``).

    it.limits.on = True
    it.limits.preload("REQUEST_WEIGHT", 2_000)         # an earlier process has spent it
    assert not it.limits.refused                       # every refused request is noted
"""

from collections import deque
from dataclasses import dataclass, field

HOME = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one request costs of one limit."""

    name: str  #: of the limit: REQUEST_WEIGHT, ORDERS_10S, an endpoint
    who: str  #: an address, an account, an account and an instrument
    limit: int
    window_s: float
    cost: int = 1
    rolling: bool = False  #: else windows are aligned with the exchange's clock
    warns: bool = False  #: who asks on when it is used up is banned, longer each time
    bans_s: float = 0.0  #: who uses it up is banned at once for so long


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRequest:
    at_ms: int
    method: str
    path: str
    key: str
    address: str
    limit: str  #: its name, or "ban"
    used: int
    status: int  #: of the answer


@dataclass(slots=True)
class _Window:
    """How much was used: of the present aligned window, or lately."""

    index: int = -1
    used: int = 0
    lately: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, charge: Charge, now_s: float, cost: int) -> None:
        self.forget(charge.window_s, now_s, rolling=charge.rolling)
        self.used += cost
        if charge.rolling:
            self.lately.append((now_s, cost))

    def forget(self, window_s: float, now_s: float, *, rolling: bool) -> None:
        if rolling:
            while self.lately and self.lately[0][0] <= now_s - window_s:
                self.used -= self.lately.popleft()[1]
        elif (index := int(now_s // window_s)) != self.index:
            self.index, self.used = index, 0

    def wait_s(self, charge: Charge, now_s: float) -> float:
        """How long until there is room again."""
        if charge.rolling:
            return self.lately[0][0] + charge.window_s - now_s if self.lately else 0.0
        return charge.window_s - now_s % charge.window_s


@dataclass(frozen=True, slots=True)
class Over:
    """A limit that is used up."""

    charge: Charge
    used: int
    wait_s: float


class Limits:
    """Off until a test sets ``on``; with ``refuses`` off it only counts and tells."""

    def __init__(self) -> None:
        self.on = False
        self.refuses = True
        #: OKX tells some limits with HTTP 200 and a code, others with 429: True for all with 200.
        self.quiet = False
        self.patience = 10  #: so many requests may be on their way when a limit is used up
        self.ban_first_s = 120.0  #: Binance: "from 2 minutes to 3 days"
        self.ban_factor = 2.0
        self.ban_most_s = 259_200.0
        self.refused: list[RefusedRequest] = []
        self._windows: dict[tuple[str, str], _Window] = {}
        self._preloaded: dict[tuple[str, str], int] = {}
        self._warned: dict[str, tuple[float, int]] = {}  # address: until, requests since
        self._banned: dict[str, float] = {}  # address: until
        self._offences: dict[str, int] = {}

    def preload(self, name: str, used: int, who: str = HOME) -> None:
        """So much was used just before the next request that this limit counts."""
        self._preloaded[name, who] = used

    def used(self, charge: Charge, now_s: float) -> int:
        """What is used of a limit now."""
        window = self._windows.get((charge.name, charge.who))
        if window is None:
            return 0
        window.forget(charge.window_s, now_s, rolling=charge.rolling)
        return window.used

    def reset_s(self, charge: Charge, now_s: float) -> float:
        """How long until there is room for more once the limit is used up."""
        window = self._windows.get((charge.name, charge.who))
        return 0.0 if window is None else window.wait_s(charge, now_s)

    def take(self, charges: list[Charge], now_s: float) -> Over | None:
        """Count a request; the first limit that it exceeds. What is refused counts as well."""
        first: Over | None = None
        for charge in charges:
            window = self._windows.setdefault((charge.name, charge.who), _Window())
            if earlier := self._preloaded.pop((charge.name, charge.who), 0):
                window.add(charge, now_s, earlier)
            window.add(charge, now_s, charge.cost)
            if first is None and window.used > charge.limit and charge.cost:
                first = Over(charge, window.used, max(0.0, window.wait_s(charge, now_s)))
        return first

    # --- bans -----------------------------------------------------------------------------------

    def ban(self, address: str, seconds: float, now_s: float) -> None:
        self._banned[address] = now_s + seconds

    def banned_s(self, address: str, now_s: float) -> float:
        """Seconds left of a ban, zero without one."""
        return max(0.0, self._banned.get(address, 0.0) - now_s)

    def warn(self, address: str, over: Over, now_s: float) -> float:
        """One more request above the limit: the length of the ban it brings, or zero."""
        until_s, since = self._warned.get(address, (0.0, 0))
        if now_s >= until_s:
            self._warned[address] = (now_s + over.wait_s, 0)
            return 0.0
        self._warned[address] = (until_s, since + 1)
        if since + 1 <= self.patience:
            return 0.0
        offences = self._offences.get(address, 0)
        self._offences[address] = offences + 1
        seconds = min(self.ban_most_s, self.ban_first_s * self.ban_factor**offences)
        self.ban(address, seconds, now_s)
        del self._warned[address]
        return seconds

    def clear(self) -> None:
        """Forget everything that was used, and every ban."""
        for memory in (self._windows, self._preloaded, self._warned, self._banned, self._offences):
            memory.clear()
        self.refused.clear()
