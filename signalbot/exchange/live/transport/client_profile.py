"""What distinguishes the ccxt client of one exchange from another's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from signalbot.exchange.live.transport.response_validation import ResponseShapes


class Sandbox(Enum):
    """How ccxt reaches an exchange's test network."""

    NONE = auto()  #: ccxt knows none
    TESTNET = auto()
    DEMO_TRADING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTimeEndpoint:
    """The public call and the field with the time of an exchange that has no endpoint for it."""

    method: str
    params: Mapping[str, Any]
    field: str  #: ISO 8601


@dataclass(frozen=True, slots=True)
class ClientProfile:
    """A ccxt class and how it is used here."""

    ccxt_id: str
    options: Mapping[str, Any] = field(default_factory=dict)  #: of ccxt
    shapes: ResponseShapes = field(default_factory=dict)
    sandbox: Sandbox = Sandbox.NONE  #: the network to use; NONE is the real exchange
    server_time: ServerTimeEndpoint | None = None  #: None: ccxt's ``fetch_time``
    clock_step_ms: int = 1  #: resolution of the exchange's time
