"""When the specs are looked at again."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from reconciler.app.following import SpecsFollower
from reconciler.app.site import Site

from ..waiting import becomes


async def test_who_is_told_of_a_commit_looks_at_once_and_not_when_the_poll_is_due() -> None:
    looks: list[Any] = []

    def look() -> Any:
        looks.append(SimpleNamespace(state=len(looks), loaded=None))
        return looks[-1]

    poll = SimpleNamespace(source=SimpleNamespace(poll=timedelta(hours=1)))
    site = SimpleNamespace(specs=SimpleNamespace(look=look, watchable=lambda: ()), config=poll)
    woken: list[int] = []
    follower = SpecsFollower(cast(Site, site), lambda: woken.append(len(looks)))
    following = asyncio.create_task(follower.follow(lambda: None))
    try:
        await becomes("it has looked", lambda: woken == [1], 60, every=0.01)
        for count in (2, 3):
            follower.look_again()
            await becomes("it has looked again", lambda count=count: woken[-1] == count, 60, every=0.01)
    finally:
        following.cancel()
