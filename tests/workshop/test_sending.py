"""The sender of a learner's server: everything arrives once, whatever fails in between; nothing is sent elsewhere."""

import asyncio
import json

import pytest
from tornado.httpclient import HTTPClientError
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from course_lib.workshop import sending
from course_lib.workshop.sending import Sender


class Taking(RequestHandler):
    """A class view that answers as it is told to."""

    def initialize(self, codes, taken):
        self.codes, self.taken = codes, taken

    def post(self):
        code = self.codes.pop(0) if self.codes else 200
        if code == 200:
            assert self.request.headers["Authorization"] == "token mine"
            self.taken.append([one["id"] for one in json.loads(self.request.body)["results"]])
        self.set_status(code)
        self.finish("{}")


def leave(outbox, *names, text=None):
    outbox.mkdir(exist_ok=True)
    for name in names:
        (outbox / f"{name}.json").write_text(json.dumps({"id": name}) if text is None else text, encoding="utf-8")


def sent(outbox, codes, steps):
    """Run steps with a sender and a class view that answers with these codes, then 200; return what was taken."""
    taken = []

    async def run():
        socket, port = bind_unused_port()
        server = HTTPServer(Application([("/class/api/results", Taking, {"codes": codes, "taken": taken})]))
        server.add_socket(socket)
        try:
            await steps(Sender(outbox, f"http://127.0.0.1:{port}/class/", "mine"))
        finally:
            server.stop()

    asyncio.run(run())
    return taken


@pytest.fixture
def outbox(tmp_path):
    return tmp_path / "outbox"


def test_what_waits_is_sent_oldest_first_and_removed(outbox):
    leave(outbox, "002", "001", "003")
    (outbox / "004.part").touch()

    async def steps(sender):
        await sender.look()

    assert sent(outbox, [], steps) == [["001", "002", "003"]]
    assert [path.name for path in outbox.iterdir()] == ["004.part"]


def test_without_an_outbox_there_is_nothing_to_do(outbox):
    async def steps(sender):
        await sender.look()

    assert sent(outbox, [], steps) == []


@pytest.mark.parametrize("code", [403, 429, 500, 502, 503])
def test_what_was_not_taken_waits_and_is_sent_again(outbox, code):
    leave(outbox, "001")

    async def steps(sender):
        await sender.look()
        assert [path.name for path in outbox.iterdir()] == ["001.json"]
        leave(outbox, "002")
        for _ in range(4):
            await sender.look()

    assert sent(outbox, [code], steps) == [["001", "002"]]
    assert list(outbox.iterdir()) == []


def test_a_class_view_that_is_not_there_is_asked_less_and_less_often(outbox):
    leave(outbox, "001")
    asked = []

    async def failing():
        asked.append(True)
        raise OSError

    async def steps(sender):
        sender.send = failing
        for _ in range(200):
            await sender.look()

    sent(outbox, [], steps)
    assert 5 <= len(asked) <= 12
    assert (outbox / "001.json").exists()


def test_many_are_sent_in_parts(outbox, monkeypatch):
    monkeypatch.setattr(sending, "MOST_AT_ONCE", 3)
    names = [f"{number:03}" for number in range(8)]
    leave(outbox, *names)

    async def steps(sender):
        await sender.look()

    taken = sent(outbox, [], steps)
    assert [len(part) for part in taken] == [3, 3, 2]
    assert [name for part in taken for name in part] == names


@pytest.mark.parametrize("damage", ["", "{", "\x00"])
def test_a_file_that_holds_nothing_does_not_stop_the_others(outbox, damage):
    leave(outbox, "001", text=damage)
    leave(outbox, "002")

    async def steps(sender):
        await sender.look()

    assert sent(outbox, [], steps) == [["002"]]
    assert list(outbox.iterdir()) == []


@pytest.mark.parametrize("code", [400, 413])
def test_what_will_never_be_taken_is_not_sent_forever(outbox, code):
    leave(outbox, "001")

    async def steps(sender):
        await sender.look()

    assert sent(outbox, [code], steps) == []
    assert list(outbox.iterdir()) == []


def test_a_look_does_not_overtake_another(outbox):
    leave(outbox, "001")

    async def steps(sender):
        await asyncio.gather(*(sender.look() for _ in range(5)))

    assert sent(outbox, [], steps) == [["001"]]


def test_without_a_workshop_the_extension_does_nothing(monkeypatch):
    monkeypatch.delenv("COURSE_OUTBOX", raising=False)
    monkeypatch.setattr(sending, "PeriodicCallback", lambda *_: 1 / 0)
    sending._load_jupyter_server_extension(None)


def test_an_error_of_the_class_view_is_one_that_the_sender_knows(outbox):
    leave(outbox, "001")

    async def steps(sender):
        with pytest.raises(HTTPClientError):
            await sender.send()

    sent(outbox, [500], steps)
