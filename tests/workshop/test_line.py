"""Servers that start all at once wait in line, a few at a time, and each learner sees how many are before them."""

import asyncio

import pytest

pytest.importorskip("jupyterhub", reason="needs the [workshop] extra")

from course_lib.workshop.hub.spawner import CourseSpawner


class Waiting(CourseSpawner):
    """A server that starts when it is told to."""

    async def _start_now(self):
        type(self).started.append(self)
        await type(self).ready.wait()
        if self.fails:
            raise OSError("no port")
        return "127.0.0.1", 1


def test_servers_start_a_few_at_a_time_and_in_the_order_in_which_they_came():
    async def run():
        Waiting.started, Waiting.ready = [], asyncio.Event()
        Waiting._line, Waiting._starting = [], asyncio.Semaphore(2)
        all_of_them = [Waiting() for _ in range(6)]
        for one in all_of_them:
            one.fails = one is all_of_them[0]
        starting = [asyncio.ensure_future(one.start()) for one in all_of_them]
        await asyncio.sleep(0)
        assert Waiting.started == all_of_them[:2]
        message = (await anext(all_of_them[3].progress()))["message"]
        assert "number 2 in line" in message
        starting[4].cancel()
        await asyncio.sleep(0)
        assert "number 3 in line" in (await anext(all_of_them[5].progress()))["message"]
        Waiting.ready.set()
        done = await asyncio.gather(*starting, return_exceptions=True)
        assert isinstance(done[0], OSError), "a start that fails gives its place to the next"
        assert [one for one in done if one == ("127.0.0.1", 1)] == [("127.0.0.1", 1)] * 4
        assert Waiting._line == []
        assert "JupyterLab starts" in (await anext(all_of_them[5].progress()))["message"]

    asyncio.run(run())
