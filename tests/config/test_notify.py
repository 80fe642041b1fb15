"""Recipients, notice levels and summary times, as the file sets them."""

from datetime import time
from pathlib import Path

import pytest

from signalbot.config.explain import explain
from signalbot.domain.notices import (
    OPERATOR,
    OPERATOR_DEFAULTS,
    NoticeRules,
    NotifyLevel,
    TimeSettings,
)
from tests.config.config_files import MINIMAL, load_text, only_problem

NOTIFY = """
[notify]
operator = ["tgram://HUSH-OPERATOR/1"]
daily_summary = "22:30"
time_zone = "Europe/Berlin"
[notify.events]
protected = "off"
refused = "silent"
[notify.operator_events]
closed = "silent"
[users.bob]
notify = ["secret:bob", "ntfy://HUSH-BOB"]
account = { exchange = "sim" }
notify_events = { refused = "on" }
notify_times = { time_zone = "Asia/Tokyo" }
[users.carl]
notify = ["secret:carl"]
account = { exchange = "sim" }
"""


def test_each_layer_overrules_the_one_below(tmp_path: Path) -> None:
    """Built in, then [notify.events], then the user's own table."""
    terms = load_text(tmp_path, MINIMAL + NOTIFY).notify
    rules = {each.name: each.rules for each in terms.recipients}
    users = NoticeRules(protected=NotifyLevel.OFF, refused=NotifyLevel.SILENT)
    assert list(map(str, rules)) == [OPERATOR, "bob", "carl"]
    assert rules[terms.recipients[2].name] == users
    assert rules[terms.recipients[1].name].refused is NotifyLevel.ON
    assert rules[OPERATOR].closed is NotifyLevel.SILENT
    assert rules[OPERATOR].filled is NotifyLevel.OFF
    assert (terms.daily_summary, terms.time_zone) == (time(22, 30), "Europe/Berlin")


def test_a_user_may_have_another_time_zone(tmp_path: Path) -> None:
    """Keys a user's table omits have the common values."""
    terms = load_text(tmp_path, MINIMAL + NOTIFY).notify
    times = {each.name: terms.time_settings_for(each) for each in terms.recipients}
    common = TimeSettings(daily_summary=time(22, 30), time_zone="Europe/Berlin")
    tokyo = TimeSettings(daily_summary=time(22, 30), time_zone="Asia/Tokyo")
    assert times == {OPERATOR: common, "bob": tokyo, "carl": common}


def test_without_urls_there_are_no_recipients(tmp_path: Path) -> None:
    """And the rules are those that the manual shows."""
    terms = load_text(tmp_path, MINIMAL).notify
    assert terms.recipients == ()
    assert (terms.events, terms.operator_events) == (NoticeRules(), OPERATOR_DEFAULTS)


def test_the_summary_can_be_left_out(tmp_path: Path) -> None:
    """As everywhere, by "none"."""
    text = MINIMAL + '[notify]\ndaily_summary = "none"\n'
    assert load_text(tmp_path, text).notify.daily_summary is None


@pytest.mark.parametrize(
    ("added", "path", "message"),
    [
        (
            '[notify]\ndaily_summary = "8 am"\n',
            "notify.daily_summary",
            "'8 am' is not a time of day such as '08:00', or 'none'",
        ),
        (
            '[notify.events]\nclosed = "loud"\n',
            "notify.events.closed",
            "'loud' is not one of 'on', 'silent', 'off'",
        ),
        (
            '[notify.events]\nclose = "on"\n',
            "notify.events.close",
            "unknown key 'close': did you mean 'closed'?",
        ),
        (
            '[notify]\noperator = ["HUSH"]\n',
            "notify.operator.0",
            "'***' is neither an apprise URL nor 'secret:NAME'",
        ),
    ],
)
def test_mistakes_are_named_and_secrets_are_not(
    tmp_path: Path, added: str, path: str, message: str
) -> None:
    """The place, the value and what would be right; of a URL, only its place."""
    problem = only_problem(tmp_path, MINIMAL + added)
    assert (problem.path, problem.message) == (path, message)


def test_config_show_masks_destinations_and_shows_origins(tmp_path: Path) -> None:
    """References may be seen, URLs may not."""
    rows = {(row.subject, row.path): row for row in explain(load_text(tmp_path, MINIMAL + NOTIFY))}
    assert rows["notify", "operator"].value == ["***"]
    assert rows["notify", "daily_summary"].value == "22:30"
    assert rows["users.bob", "notify"].value == ["secret:bob", "***"]
    own, common = (rows["users.bob.notify_events", path] for path in ("refused", "protected"))
    assert (own.value, own.origin) == ("on", "users.bob.notify_events")
    assert (common.value, common.origin) == ("off", "notify.events")
    zone, hour = (rows["users.bob.notify_times", path] for path in ("time_zone", "daily_summary"))
    assert (zone.value, zone.origin) == ("Asia/Tokyo", "users.bob.notify_times")
    assert (hour.value, hour.origin) == ("22:30", "notify")
    assert "HUSH" not in str(list(rows.values()))
