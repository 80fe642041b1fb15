"""What an account remembers of its orders is bounded, and never too little."""

from pathlib import Path

from signalbot.domain.orders import Leg
from signalbot.domain.signals import PositionId
from signalbot.domain.users import UserId
from tests.world import World, play, user


def test_an_attempt_of_what_goes_on_is_never_numbered_twice(tmp_path: Path) -> None:
    """However many positions have come and gone since; those are forgotten one by one."""

    async def story(w: World) -> None:
        await w.send(w.make())
        account = w.app.accounts[UserId("anna")]
        (position,) = account.positions.values()
        seen = account.next_attempt(position.position_id, Leg.STOP_LOSS)
        gone = PositionId("pos_gone")
        assert [account.next_attempt(gone, Leg.EXIT) for _ in range(2)] == [0, 1]
        for number in range(1_000):
            account.next_attempt(PositionId(f"pos_{number}"), Leg.STOP_LOSS)
        assert account.next_attempt(position.position_id, Leg.STOP_LOSS) == seen + 1
        assert account.next_attempt(gone, Leg.EXIT) == 0

    play(tmp_path, story, user("anna"))
