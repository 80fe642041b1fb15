"""What OKX's codes mean: 50xxx of every request, 51xxx of orders, 59xxx of the account."""

from itertools import chain
from typing import Final

from signalbot.exchange.live.adapters.error_responses import codes_in
from signalbot.exchange.live.transport.error_codes import ErrorCodes

_DUPLICATE: Final = codes_in("50071 51011 51016 51065 51068")
_NO_MARGIN: Final = codes_in("51008 51119 51127 51131 51502 59103 59108 59200 59201")
_ACCESS_DENIED: Final = codes_in(
    "4088 50007 50008 50009 50010 50012 50027 50030 50035 50100 50101 50103 50104 50105 50106"
    " 50029 50051 50052 50059 50060 50107 50110 50111 50113 50114 50119 50120 50121 51009 51010"
    " 51024 51732 51733 51734 59113"
)
# Of the account; at public endpoints of the address, and those have a caller of their own.
_LIMITED: Final = codes_in("50011 50040 50061 51113")

# Spans of codes that refuse an order, as far as they mean nothing else.
_REJECTED_RANGES: Final = (
    (50014, 50025),  # parameters; positions, coins and accounts that are frozen
    (51000, 51031),  # parameters, symbols, sizes, contracts that are not traded
    (51046, 51053),  # an attached stop or target on the wrong side
    (51033, 51034), (51037, 51038), (51044, 51044), (51056, 51056),
    (51058, 51058),  # no position for a conditional order
    (51087, 51087), (51090, 51099),
    (51100, 51139),  # sizes, limits of price and position, reduce-only
    (51142, 51144), (51148, 51148), (51150, 51150), (51187, 51187), (51206, 51207),
    (51155, 51185),  # not in this country; too many orders; nothing to reduce (51169)
    (51201, 51205),
    (51250, 51276),  # conditional orders
    (51281, 51281), (51298, 51299),  # how many conditional orders there may be
    (51321, 51333), (51341, 51342), (51413, 51413), (51415, 51416), (51507, 51507),
    (51403, 51410),  # cancelling what cannot be cancelled, or is about to be
    (54000, 54099),
    (59000, 59001), (59100, 59109), (59128, 59128),  # leverage and account settings
)  # fmt: skip
_REJECTED_IN_RANGES: Final = frozenset(
    str(code)
    for code in chain.from_iterable(range(first, last + 1) for first, last in _REJECTED_RANGES)
)

CODES: Final = ErrorCodes(
    rejected=(_REJECTED_IN_RANGES | codes_in("50002 50006 50028 50032 50044 50115"))
    - _DUPLICATE - _NO_MARGIN - _ACCESS_DENIED - _LIMITED,
    duplicate=_DUPLICATE,
    # Stop or target beyond the last price, the mark or the index.
    would_trigger=codes_in(
        "51277 51278 51279 51280 51300 51302 51303 51304 51305 51306 51307 51308"
    ),
    no_margin=_NO_MARGIN,
    access_denied=_ACCESS_DENIED,
    clock=codes_in("50102 50112"),
    account_limited=_LIMITED,
    not_found=codes_in("51400 51401 51402 51503 51509 51603"),
    unknown=codes_in("50001 50004 50005 50013 50026"),
)  # fmt: skip
