"""What goes wrong between a request and its answer, scripted per request."""

from collections.abc import Callable
from dataclasses import dataclass

Params = dict[str, str]
Matches = Callable[[str, str, Params], bool]
"""(method, path, parameters) of a request."""


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong, ``times`` times (-1: always).

    ``after`` leaves the request to be carried out first: the exchange acts, its answer is lost.
    """

    matches: Matches
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    after: bool = False
    hang_s: float = 0.0
    drop: bool = False
    hide_s: float = 0.0  #: orders made by the request are not shown for so long
    cut: bool = False  #: the body is shorter than announced
    delay_s: float = 0.0  #: before anything
    passes: bool = False  #: the answer itself is left as it is
    times: int = 1


def order_of(kind: str) -> Matches:
    """Requests that make an order: of ``entry``, ``stop``, ``target`` or ``exit``."""

    def matches(method: str, path: str, params: Params) -> bool:
        if method != "POST" or not path.endswith(("/order", "/algoOrder")):
            return False
        is_algo = path.endswith("/algoOrder")
        match kind:
            case "stop":
                return is_algo and params.get("type") == "STOP_MARKET"
            case "target":
                return is_algo and params.get("type") == "TAKE_PROFIT_MARKET"
            case "exit":
                return not is_algo and params.get("reduceOnly") == "true"
            case _:
                return not is_algo and params.get("reduceOnly") != "true"

    return matches


def of(user: str, kind: str) -> Matches:
    """Requests of one user that make an order of ``kind``."""
    makes = order_of(kind)
    return lambda method, at, params: (
        params["key"].endswith(f"-{user}") and makes(method, at, params)
    )


def path(end: str, method: str = "") -> Matches:
    """Requests whose path ends so."""
    return lambda verb, at, _: at.endswith(end) and (not method or verb == method)
