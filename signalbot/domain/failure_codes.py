"""Why an execution that was decided on did not come about, or not whole: every code."""

from signalbot.domain.codes import Code


class FailureCode(Code):
    """What became of an execution that did not do all it was claimed for."""

    REJECTED = (
        "REJECTED",
        "the exchange answered and refused the order; its words are in error_details",
        "read error_details; 'signalbot keys test' and 'signalbot check --online' find the usual "
        "causes: rights, margin, minimum sizes",
    )
    NOT_FILLED = (
        "NOT_FILLED",
        "the entry did not fill: its timeout was over, an exit signal came first, the daemon "
        "stopped, or it never arrived",
        "use entry.type = 'market', a smaller entry.limit_offset_percent, or a longer timeout",
    )
    PARTIAL_FILL = (
        "PARTIAL_FILL",
        "only a part of the entry was filled; that part is protected and followed",
        "nothing to do; with limit entries a longer entry.timeout fills more",
    )
    EXIT_FAILED = (
        "EXIT_FAILED",
        "the exchange did not take the exit order, and the position still has its stop; or it"
        " closed before a part could leave",
        "reconciliation tries again; 'signalbot close USER' closes by hand",
    )
    NOT_RECEIVED = (
        "NOT_RECEIVED",
        "no answer came to the order, and the exchange does not know it; it is never sent again, "
        "and booked after all should it turn up",
        "nothing to do: the next signal is traded again",
    )
    INTERRUPTED = (
        "INTERRUPTED",
        "the daemon ended before the order was sent, and the signal was too old when it was back",
        "nothing to do: nothing was sent",
    )
