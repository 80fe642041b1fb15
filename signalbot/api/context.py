"""What the routes work with, put together once."""

from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from signalbot.api.admission import Admission
from signalbot.api.feed import Feed
from signalbot.control.desk import Desk
from signalbot.control.door import Door
from signalbot.control.provenance import Provenance
from signalbot.control.provision import Provisioner
from signalbot.control.receive import Receiver
from signalbot.control.roster import Roster
from signalbot.ledger.answers import Answers
from signalbot.ledger.base import Work
from signalbot.ledger.database import Database
from signalbot.ledger.executions import Executions
from signalbot.ledger.journal import Journal
from signalbot.ledger.tokens import Tokens
from signalbot.metrics.gather import Metrics
from signalbot.ports import Clock

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    desk: Desk
    provisioner: Provisioner
    roster: Roster
    door: Door
    provenance: Provenance
    receiver: Receiver
    executions: Executions
    database: Database
    journal: Journal
    tokens: Tokens
    answers: Answers
    admission: Admission
    feed: Feed
    metrics: Metrics
    hosts: frozenset[str] | None  #: names the API answers to; None: any
    clock: Clock

    async def read(self, work: Work[T]) -> T:
        """Run a reader of ``ledger.views`` beside the writer."""
        return await self.database.read(work)


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Here = Annotated[Context, Depends(_context)]
"""The running daemon."""
