"""Reads alerts as a source with two perpetuals does."""

import json
from typing import Any

from signalbot.domain.signals import Action
from signalbot.domain.timeframe import Ms
from signalbot.webhooks.alert import Alert, AlertRules
from signalbot.webhooks.level_fields import AlertLevel, LevelMeasure
from signalbot.webhooks.levels import AlertLevels
from signalbot.webhooks.parser import parse_alert

NOW = Ms(1_795_243_000_000)  # 2026-11-21T06:36:40Z
BTC, ETH, SPOT = "BTC/USDT:USDT", "ETH/USDT:USDT", "BTC/USDT"
MEANING = AlertRules(symbols=(BTC, ETH), actions=frozenset(Action))


def read(body: object, **meaning: Any) -> Alert:
    """An alert, given as an object or as text."""
    text = body if isinstance(body, str) else json.dumps(body)
    whole = AlertRules(**({"symbols": (BTC, ETH), "actions": frozenset(Action)} | meaning))
    return parse_alert(text.encode(), whole, now_ms=NOW)


def actions(body: object, **meaning: Any) -> list[str]:
    """What an alert about BTC asks for."""
    whole = {"ticker": "BTCUSDT"} | body if isinstance(body, dict) else body
    return [step.value for step in read(whole, **meaning).steps]


def levels(**fields: object) -> AlertLevels:
    """The levels of an entry with these fields."""
    return read({"ticker": "BTCUSDT", "action": "buy"} | fields).levels


def brief(level: AlertLevel | None) -> str | None:
    """``59000``, ``5%``, or ``2000 away``."""
    if level is None:
        return None
    ending = {LevelMeasure.PRICE: "", LevelMeasure.PERCENT: "%", LevelMeasure.AMOUNT: " away"}[
        level.measure
    ]
    return f"{level.value:f}{ending}"


def aims(found: AlertLevels) -> list[tuple[str | None, str | None]]:
    """Targets and their shares."""
    return [
        (brief(each.level), None if each.share is None else f"{each.share:f}")
        for each in found.targets
    ]
