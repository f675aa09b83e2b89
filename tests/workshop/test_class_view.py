"""What the class view answers to whom: a learner gets their own row and nothing else, whatever they try."""

import asyncio
import io
import json
import os
import zipfile

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from course_lib.workshop.classview.results import Results
from course_lib.workshop.classview.service import MOST_RESULTS, ClassView, Who, application
from course_lib.workshop.classview.submissions import MOST_BYTES, collect
from course_lib.workshop.people import People

PREFIX = "/services/class/"


class ByHeader:
    """An identity that believes a header; the Hub's own is tested with a real Hub."""

    async def who(self, handler):
        name = handler.request.headers.get("X-Who")
        return Who(name, is_instructor=name.startswith("instructor")) if name else None

    def sign_in(self, handler):
        return "/hub/sign-in"


class Service:
    def __init__(self, folder, collect=None):
        self.hub = People(folder / "people.sqlite")  # where the Hub writes who joins
        self.view = ClassView(
            results=Results(folder / "results.sqlite"),
            people=People(folder / "people.sqlite"),
            identity=ByHeader(),
            collect=collect,
        )
        self.view.load()
        socket, self.port = bind_unused_port()
        self.server = HTTPServer(application(self.view, prefix=PREFIX, cookie_secret="x"))
        self.server.add_socket(socket)

    async def ask(self, who, path, content=None, **options):
        body = None if content is None else content if isinstance(content, str | bytes) else json.dumps(content)
        return await AsyncHTTPClient().fetch(
            f"http://127.0.0.1:{self.port}{PREFIX}{path}",
            method="GET" if body is None else "POST",
            body=body,
            headers={"X-Who": who} if who else {},
            raise_error=False,
            follow_redirects=False,
            **options,
        )

    def close(self):
        self.server.stop()
        self.view.close()
        self.hub.close()


def served(tmp_path, steps, **options):
    """Run steps against a service of its own."""

    async def run():
        service = Service(tmp_path, **options)
        try:
            return await steps(service)
        finally:
            service.close()

    return asyncio.run(run())


def result(number=0, **changes):
    return {"id": f"{number:032x}", "task": "softmax", "status": "not_yet", "confusion": "M06", "at": 0} | changes


OF_INSTRUCTORS = ["api/class", "api/stream", "class.csv", "submissions.zip"]


@pytest.mark.parametrize("path", OF_INSTRUCTORS)
def test_what_is_of_the_class_is_for_instructors_only(tmp_path, path):
    async def steps(service):
        assert (await service.ask("ada", path)).code == 403
        assert (await service.ask(None, path)).code == 403
        assert b"softmax" not in (await service.ask("ada", path)).body

    served(tmp_path, steps)


def test_an_instructor_gets_the_whole_class(tmp_path):
    async def steps(service):
        service.hub.join("ada", "Ada <b>")
        service.view.look_who_is_here()
        await service.ask("ada", "api/results", {"results": [result()]})
        content = json.loads((await service.ask("instructor", "api/class")).body)
        assert content["learners"] == [["ada", "Ada <b>"]]
        assert content["cells"] == [["ada", "softmax", "trying", 1, 0, "M06"]]
        table = (await service.ask("instructor", "class.csv")).body.decode()
        assert "Ada <b>" in table

    served(tmp_path, steps)


def test_a_learner_sees_their_own_row_only(tmp_path):
    async def steps(service):
        await service.ask("ada", "api/results", {"results": [result()]})
        await service.ask("bob", "api/results", {"results": [result(task="project", confusion=None)]})
        for path in ("api/mine", "api/mine?learner=ada", "api/mine?user=ada"):
            row = json.loads((await service.ask("bob", path)).body)
            assert row["cells"] == [["project", "trying", 1, 0, None]]
        assert (await service.ask(None, "api/mine")).code == 403

    served(tmp_path, steps)


def test_nobody_posts_for_another(tmp_path):
    async def steps(service):
        answer = await service.ask("bob", "api/results", {"results": [result()], "learner": "ada"})
        assert answer.code == 403
        await service.ask("bob", "api/results?learner=ada", {"results": [result() | {"learner": "ada"}]})
        assert {learner for learner, _ in service.view.results.everything()} == {"bob"}
        assert (await service.ask(None, "api/results", {"results": [result()]})).code == 403

    served(tmp_path, steps)


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "3", "{}", '{"results": 3}', '{"results": {}}', b"\xff", json.dumps({"results": [{}] * 201})],
)
def test_a_body_that_is_none_is_refused(tmp_path, body):
    async def steps(service):
        assert (await service.ask("ada", "api/results", body)).code == 400
        assert list(service.view.results.everything()) == []

    assert MOST_RESULTS == 200
    served(tmp_path, steps)


def test_one_bad_result_does_not_cost_the_others(tmp_path):
    async def steps(service):
        sent = [result(1), {"id": "x"}, None, result(2, at=10**400), result(3)]
        answer = await service.ask("ada", "api/results", {"results": sent})
        assert json.loads(answer.body) == {"refused": 2}
        assert len(list(service.view.results.everything())) == 3

    served(tmp_path, steps)


def test_what_instructors_try_out_is_not_of_the_class(tmp_path):
    async def steps(service):
        service.hub.join("instructor-grace", "instructor-grace")
        service.view.look_who_is_here()
        assert (await service.ask("instructor-grace", "api/results", {"results": [result()]})).code == 200
        content = json.loads((await service.ask("instructor", "api/class")).body)
        assert (content["learners"], content["cells"]) == ([], [])

    served(tmp_path, steps)


def test_the_service_starts_again_with_everything(tmp_path):
    async def before(service):
        service.hub.join("ada", "Ada")
        await service.ask("ada", "api/results", {"results": [result(1), result(2)]})
        return json.loads((await service.ask("instructor", "api/class")).body)["cells"]

    async def after(service):
        await service.ask("ada", "api/results", {"results": [result(2)]})  # its answer was lost
        return json.loads((await service.ask("instructor", "api/class")).body)

    cells = served(tmp_path, before)
    content = served(tmp_path, after)
    assert content["cells"] == cells == [["ada", "softmax", "trying", 2, 0, "M06"]]
    assert content["learners"] == [["ada", "Ada"]]


def test_the_stream_brings_everything_and_then_what_changes(tmp_path):
    async def steps(service):
        await service.ask("ada", "api/results", {"results": [result(1)]})
        events, come = [], asyncio.Event()
        text = ""

        def take(chunk):
            nonlocal text
            text += chunk.decode()
            *blocks, text = text.split("\n\n")
            events.extend(json.loads(block[6:]) for block in blocks if block.startswith("data: "))
            come.set()

        asking = asyncio.ensure_future(
            service.ask("instructor", "api/stream", streaming_callback=take, request_timeout=60)
        )

        async def until(ready):
            while not ready():
                come.clear()
                await asyncio.wait_for(come.wait(), 30)

        await until(lambda: events)
        assert {"tasks", "lessons", "words", "confusions"} <= events[0].keys()
        await service.ask("bob", "api/results", {"results": [result(2, task="project", confusion=None)]})
        await until(lambda: any(event["cells"] for event in events[1:]))
        assert [row for event in events[1:] for row in event["cells"]] == [["bob", "project", "trying", 1, 0, None]]
        service.hub.join("eve", "Eve")
        service.view.look_who_is_here()
        await until(lambda: any(["eve", "Eve"] in event["learners"] for event in events))
        service.view.close()  # and the stream ends by itself
        assert (await asyncio.wait_for(asking, 30)).code == 200

    served(tmp_path, steps)


def test_an_instructor_releases_a_name_and_a_learner_does_not(tmp_path):
    async def steps(service):
        service.hub.join("ada", "Ada")
        assert (await service.ask("bob", "api/release", {"learner": "ada"})).code == 403
        assert service.view.people.take_up("ada") is None
        for missing in ({"learner": "nobody"}, {}, {"learner": 3}):
            assert (await service.ask("instructor", "api/release", missing)).code == 404
        assert (await service.ask("instructor", "api/release", {"learner": "ada"})).code == 200
        assert service.view.people.take_up("ada") is not None

    served(tmp_path, steps)


def test_the_front_is_a_page_for_each_and_asks_others_to_sign_in(tmp_path):
    async def steps(service):
        assert b"The class" in (await service.ask("instructor", "")).body
        assert b"Your row" in (await service.ask("ada", "")).body
        answer = await service.ask(None, "")
        assert (answer.code, answer.headers["Location"]) == (302, "/hub/sign-in")

    served(tmp_path, steps)


def test_pages_may_load_and_ask_their_own_host_only(tmp_path):
    async def steps(service):
        for path in ("", "api/class", "page/class.js", "page/look.css"):
            headers = (await service.ask("instructor", path)).headers
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
        assert (await service.ask("instructor", "page/class.js")).headers["Content-Type"].endswith("javascript")
        for path in ("page/../service.py", "page/%2e%2e/service.py", "page/class.html", "page/..%2fservice.py"):
            assert (await service.ask("instructor", path)).code in (403, 404)

    served(tmp_path, steps)


def unzipped(content):
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def home(learners, account, **files):
    folder = learners / account / "course/exercises"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_submissions_are_nbgraders_tree_of_the_exercises(tmp_path):
    home(tmp_path, "ada", **{"03_softmax.ipynb": "{}", "scratch.ipynb": "{}", "03_softmax (new version).ipynb": "{}"})
    home(tmp_path, "bob", **{"04_weighted_sum.ipynb": "[]"})
    home(tmp_path, "instructor", **{"03_softmax.ipynb": "{}"})
    (tmp_path / "nobody").mkdir()
    found = unzipped(collect(tmp_path, ["03_softmax", "04_weighted_sum"]))
    assert {name for name in found if name.endswith(".ipynb")} == {
        "submitted/ada/03_softmax/03_softmax.ipynb",
        "submitted/bob/04_weighted_sum/04_weighted_sum.ipynb",
    }
    assert found["submitted/ada/03_softmax/timestamp.txt"].endswith(b" UTC\n")


def test_a_learner_cannot_hand_in_what_is_not_theirs(tmp_path):
    victim = home(tmp_path, "victim", **{"03_softmax.ipynb": "the victim's"})
    eve = home(tmp_path, "eve")
    (eve / "03_softmax.ipynb").symlink_to(victim / "03_softmax.ipynb")
    os.mkfifo(eve / "04_weighted_sum.ipynb")
    (eve / "05_self_attention.ipynb").mkdir()
    with open(eve / "06_masks.ipynb", "wb") as file:
        file.truncate(MOST_BYTES + 1)
    mallory = tmp_path / "mallory/course"
    mallory.mkdir(parents=True)
    (mallory / "exercises").symlink_to(victim, target_is_directory=True)
    (tmp_path / "trent").symlink_to(tmp_path / "victim", target_is_directory=True)
    names = ["03_softmax", "04_weighted_sum", "05_self_attention", "06_masks"]
    found = unzipped(collect(tmp_path, names))
    assert {name for name in found if name.endswith(".ipynb")} == {"submitted/victim/03_softmax/03_softmax.ipynb"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
def test_a_hard_link_to_anothers_file_is_not_taken(tmp_path):
    folder = home(tmp_path, "eve", **{"03_softmax.ipynb": "somebody's"})
    os.chown(folder / "03_softmax.ipynb", 12345, 12345)
    assert unzipped(collect(tmp_path, ["03_softmax"])) == {}


def test_the_instructor_gets_the_submissions_from_the_page(tmp_path):
    async def steps(service):
        answer = await service.ask("instructor", "submissions.zip")
        assert answer.headers["Content-Type"] == "application/zip"
        return answer.body

    home(tmp_path / "learners", "ada", **{"03_softmax.ipynb": "{}"})
    content = served(tmp_path, steps, collect=lambda: collect(tmp_path / "learners", ["03_softmax"]))
    assert "submitted/ada/03_softmax/03_softmax.ipynb" in unzipped(content)


def test_where_the_notebooks_are_elsewhere_that_is_said(tmp_path):
    async def steps(service):
        return await service.ask("instructor", "submissions.zip")

    answer = served(tmp_path, steps)
    assert answer.code == 404
    assert "not on this machine" in answer.body.decode()
