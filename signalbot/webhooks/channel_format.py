"""A signal as channels write it: entry, targets and stop under headings, as Cornix reads them."""

import re
from collections.abc import Iterator, Sequence

from signalbot.domain.errors import InvalidSignal
from signalbot.webhooks.fields import quoted_value
from signalbot.webhooks.number_parsing import number_or_none

_PAIR_IN_TEXT = re.compile(
    r"[#$]?\b([A-Z0-9]{2,15})\s?[/\-_]?\s?(USDT|USDC|BUSD|USD|BTC|ETH|EUR)(?:\.P|PERP|[-_]?PERP)?\b"
)
_HEADINGS = (
    (
        "entry",
        re.compile(r"\b(entry|entries|buy(?!ing)|enter|sell zone|buy zone)\b", re.IGNORECASE),
    ),
    ("stop", re.compile(r"\b(stop(?:[- ]?loss)?(?: targets?)?|sl)\b", re.IGNORECASE)),
    (
        "target",
        re.compile(r"\b(take[- ]?profits?|targets?|tps?\d*|sell(?! zone))\b", re.IGNORECASE),
    ),
)
_NUMBERED = re.compile(
    r"^\W*(?:(?:tp|target|entry|t)?\s*\d{1,2}\s*(?:[):]|[.\-](?!\d))\s*)?", re.IGNORECASE
)
_NUMBERED_HEADING = re.compile(r"\b(?:tp|target|entry)\s*\d{1,2}\b", re.IGNORECASE)
_IGNORED_LINE = re.compile(r"\b(leverage|exchanges?|amount|client|risk)\b", re.IGNORECASE)
_PRICE = re.compile(r"\d+(?:\.\d+)?(?:[eE]-?\d+)?(?![\d.]*[%xX\d])")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_CONDITIONAL_ENTRY = re.compile(r"\b(breakout|above|below)\b", re.IGNORECASE)
_STATUS_UPDATE = re.compile(
    r"\b(close[ds]?|closing|exit(?:ed|ing)?|flat|hit|reached|achieved|done|stopped|cancel\w*|"
    r"reduc\w+|partial\w*|updat\w+|mov(?:e|ed|ing)|secured?)\b",
    re.IGNORECASE,
)
_FIRST_ORDER = re.compile(r"\W*(?:signal\W+)?(buy|sell)\b", re.IGNORECASE)
_FIRST_SALE = re.compile(r"\W*(?:signal\W+)?sell\b", re.IGNORECASE)
_TRAILING_PART = re.compile(r"^[^\w\n]*trailing\b.*$", re.IGNORECASE | re.MULTILINE)
_NO_TRAIL = re.compile(
    r"\b0+(?:\.0+)?\s*%|\bnone\b|\boff\b|\bwithout\b|\bdisabled\b", re.IGNORECASE
)


def from_channel(text: str) -> list[tuple[str, str]] | None:
    """The fields that a channel's signal stands for; None: the text is none.

    Raises:
        BadSignal: it names neither long nor short, or asks for what cannot be done.
    """
    text, trailing = _without_trailing(text)
    pair = _PAIR_IN_TEXT.search(text)
    if pair is None or not any(pattern.search(text) for _, pattern in _HEADINGS):
        return None
    _reject_other_texts(text, trailing)
    sections = _sections(text)
    if not any(sections.values()):
        return None
    entries, targets, stops = (sections.get(name, []) for name in ("entry", "target", "stop"))
    if len(stops) > 1:
        raise InvalidSignal("the alert has several stops: one can be used")
    side = _side(text, entries, targets, stops)
    return [
        ("symbol", f"{pair[1]}/{pair[2]}"),
        ("action", f"enter {side}"),
        *(("price", price) for price, _ in entries[:1]),
        *(("stop_loss", price) for price, _ in stops),
        *_targets(targets),
    ]


def _reject_other_texts(text: str, trailing: Sequence[str]) -> None:
    for line in text.splitlines():
        if _CONDITIONAL_ENTRY.search(line):
            raise InvalidSignal(
                f"{quoted_value(line.strip())}: an entry that waits for a price cannot be used"
            )
        if _STATUS_UPDATE.search(line):
            raise InvalidSignal(
                f"{quoted_value(line.strip())}: this is about an open position; to close it, "
                "send a line "
                "such as 'close BTCUSDT'"
            )
    for line in trailing:
        if not _NO_TRAIL.search(line):
            raise InvalidSignal(
                f"{quoted_value(line.strip())}: how stops trail is the user's own setting"
            )


def _targets(targets: Sequence[tuple[str, str | None]]) -> Iterator[tuple[str, str]]:
    """Each target, with its share where all of them have one."""
    has_shares = all(share is not None for _, share in targets)
    for place, (price, share) in enumerate(targets, 1):
        yield f"tp{place}", price
        if has_shares:
            yield f"tp{place}_share", f"{share}%"


def _without_trailing(text: str) -> tuple[str, list[str]]:
    """The text without its last part, which is about trailing; the lines of that part."""
    found = _TRAILING_PART.search(text)
    if found is None:
        return text, []
    lines = text[found.start() :].splitlines()
    first = [] if lines[0].strip().endswith(":") else lines[:1]
    return text[: found.start()], first + [line for line in lines[1:] if line.strip()]


def _side(
    text: str,
    entries: Sequence[tuple[str, str | None]],
    targets: Sequence[tuple[str, str | None]],
    stops: Sequence[tuple[str, str | None]],
) -> str:
    """The side that a text names, in its first line by an order too, or leaves to its prices."""
    sides = [side for side in ("long", "short") if re.search(rf"\b{side}\b", text, re.IGNORECASE)]
    if len(sides) > 1:
        raise InvalidSignal("the alert names both long and short: which one counts?")
    if sides:
        return sides[0]
    order = _FIRST_ORDER.match(text)
    if order is not None:
        return "long" if order[1].lower() == "buy" else "short"
    if entries and (targets or stops):
        entry = number_or_none(entries[0][0])
        other = number_or_none((targets or stops)[0][0])
        if entry is not None and other is not None and entry != other:
            return "long" if (other > entry) is bool(targets) else "short"
    raise InvalidSignal("the alert names neither long nor short")


def _sections(text: str) -> dict[str, list[tuple[str, str | None]]]:
    """Prices, each with its share, under the heading they stand."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    headings: dict[str, str] = {}
    current: str | None = None
    for line in text.splitlines():
        heading = next((name for name, pattern in _HEADINGS if pattern.search(line)), None)
        if heading == "target" and not headings and _FIRST_SALE.match(line):
            heading = "entry"  # what is sold first opens a short
        if heading is not None:
            current = heading
            headings[current] = line.strip()
            found.setdefault(current, [])
        elif re.search(r"[A-Za-z]{3,}", line) and not _NUMBERED.match(line):
            current = None
        if current is not None and not _IGNORED_LINE.search(line):
            found[current] += _prices(_body(line, is_heading=heading is not None))
    for name, line in headings.items():
        if name != "entry" and not found[name] and not _NO_TRAIL.search(line):
            raise InvalidSignal(f"{quoted_value(line)}: a price belongs here")
    return found


def _prices(body: str) -> list[tuple[str, str | None]]:
    """The prices of a line, each with its share; a percent alone is a level itself."""
    if re.search(r"\d,\d", body):
        raise InvalidSignal(
            f"{quoted_value(body.strip())}: a number belongs here, without separators"
        )
    share = _SHARE.search(body)
    prices = _PRICE.findall(_SHARE.sub("", body))
    if share is not None and not prices:
        return [(f"{share[1]}%", None)]
    return [(price, share[1] if share and len(prices) == 1 else None) for price in prices]


def _body(line: str, *, is_heading: bool) -> str:
    """A line without its heading and its number."""
    if is_heading and ":" in line:
        line = line.partition(":")[2]
    elif is_heading:
        line = re.sub(r"^[^\d]*", "", _NUMBERED_HEADING.sub("", line))
    return _NUMBERED.sub("", line, count=1)
