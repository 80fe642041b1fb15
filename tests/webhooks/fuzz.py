"""Posts random alerts to a real daemon: ``python -m tests.webhooks.fuzz --bodies 10000``.

No answer may be a server error, and nothing that closes may ever open: half of the bodies go to a
source whose user must never hold a position.
"""

import argparse
import random
import tempfile
from collections import Counter
from pathlib import Path

from tests.api.api_daemon import BTC, CONFIG, Daemon, daemon
from tests.webhooks.bodies import any_body, closing_body

_SOURCES = """
[strategies.{name}]
kind = "webhook"
exchange = "sim"
symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
[users.{name}.account]
exchange = "sim"
[users.{name}.subscriptions.{name}]
"""
_ANSWERS = {200, 202, 422}
_ENTRIES = {"LONG", "SHORT"}


def post(folder: Path, *, bodies: int, seed: int) -> Counter[str]:
    """Post so many bodies; how often which answer came.

    Raises:
        AssertionError: an answer is none of those that may come, or what closes has opened.
    """
    text = CONFIG.replace("price = 60000", "price = 63000")
    text += "".join(_SOURCES.replace("{name}", name) for name in ("closing", "any"))
    with daemon(folder, text=text, rate=10_000) as running:
        found = _post(running, bodies, random.Random(seed))
        running.until(lambda: not _undecided(running), "every signal is decided")
        assert not running.rows("SELECT * FROM positions WHERE user_id = 'closing'")
        assert "Traceback" not in running.log
        bare = (
            "SELECT * FROM positions WHERE status = 'OPEN' AND (protected_at_ms IS NULL "
            "OR stop_loss IS NULL)"
        )
        running.until(lambda: not running.rows(bare), "every position has its stop")
        return found


def _post(running: Daemon, bodies: int, rng: random.Random) -> Counter[str]:
    found: Counter[str] = Counter()
    client = running.client(None)
    secrets = {
        name: running.command("token", "create", "--source", name).strip()
        for name in ("closing", "any")
    }
    for number in range(bodies):
        name, make = (("closing", closing_body), ("any", any_body))[number % 2]
        body = make(rng)
        answer = client.post(f"/hooks/{name}/{secrets[name]}", content=body)
        assert answer.status_code in _ANSWERS, (body, answer.text)
        actions = []
        if answer.is_success:
            actions = [each["action"] for each in answer.json()["signals"]]
            assert {each["symbol"] for each in answer.json()["signals"]} <= {BTC, "ETH/USDT:USDT"}
        if name == "closing":
            assert not _ENTRIES & set(actions), (body, answer.text)
        found[f"{name}: {answer.status_code} {' '.join(actions)}".strip()] += 1
    return found


def _undecided(running: Daemon) -> list[dict[str, object]]:
    return running.rows(
        "SELECT signal_id FROM signals s WHERE strategy IN ('any', 'closing') AND NOT EXISTS "
        "(SELECT 1 FROM decisions d WHERE d.signal_id = s.signal_id)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = post(Path(folder), bodies=options.bodies, seed=options.seed)
    for answer, count in sorted(found.items()):
        print(f"{count:6} {answer}")


if __name__ == "__main__":
    main()
