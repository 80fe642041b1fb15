"""Every failure code: why a claimed execution was not carried out, or only in part."""

from signalbot.domain.codes import Code


class FailureCode(Code):
    """Why an execution failed or was carried out only in part."""

    REJECTED = (
        "REJECTED",
        "the exchange rejected the order; its message is in error_details",
        "read error_details; 'signalbot keys test' and 'signalbot check --online' find the usual "
        "causes: permissions, margin, minimum sizes",
    )
    NOT_FILLED = (
        "NOT_FILLED",
        "the entry did not fill: it timed out, an exit signal came first, the daemon stopped, or "
        "it never arrived",
        "use entry.type = 'market', a smaller entry.limit_offset_percent, or a longer timeout",
    )
    PARTIAL_FILL = (
        "PARTIAL_FILL",
        "only a part of the entry was filled; that part is protected and managed",
        "nothing to do; with limit entries a longer entry.timeout fills more",
    )
    EXIT_FAILED = (
        "EXIT_FAILED",
        "the exchange did not accept the exit order, and the position still has its stop; or the "
        "position closed before the partial exit",
        "reconciliation retries; 'signalbot close USER' closes manually",
    )
    NOT_RECEIVED = (
        "NOT_RECEIVED",
        "the order got no response, and the exchange does not know it; it is never sent again, "
        "and is booked if it appears later",
        "nothing to do: the next signal is traded again",
    )
    INTERRUPTED = (
        "INTERRUPTED",
        "the daemon stopped before sending the order, and the signal had expired at the restart",
        "nothing to do: no order was sent",
    )
