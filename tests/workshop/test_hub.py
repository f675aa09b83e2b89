"""A real Hub with real servers: who gets in, what a learner's token is good for, and what is there the next time."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import requests

from course_lib.errors import CourseError
from course_lib.lab import free_port
from course_lib.workshop import proxy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
websocket = pytest.importorskip("websocket", reason="comes with JupyterLab")
from workshop_client import Learner  # noqa: E402

CODE, PASSWORD = "TEST-77", "instructor password"
SECONDS = 120
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jupyterhub") is None or importlib.util.find_spec("jupyterhub_idle_culler") is None,
    reason="needs the [workshop] extra: jupyterhub and jupyterhub-idle-culler",
)


class Hub:
    """A workshop that runs in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.log = folder.parent / f"{folder.name}.log"
        self.start()

    def start(self):
        self.port = free_port(20_000 + os.getpid() % 20_000, tries=500)
        self.url = f"http://127.0.0.1:{self.port}"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "tests/workshop/hub_for_tests.py"), str(self.folder), str(self.port)],
                stdout=log, stderr=log, cwd=ROOT, start_new_session=True,
            )  # fmt: skip
        until(lambda: "OPEN" in self.said() or self.process.poll() is not None)
        assert "OPEN" in self.said(), self.said()
        self.has_own_users = "OPEN None" not in self.said()

    def said(self):
        return self.log.read_text(errors="replace")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(SECONDS)

    def learner(self, name, **options):
        return Learner(self.url, name, CODE, **options)

    def joined(self, name):
        one = self.learner(name)
        assert one.join().status_code == 200, self.said()
        one.get_token()
        return one


def until(ready, seconds=SECONDS):
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def hub():
    try:
        proxy.install()
    except CourseError as error:
        pytest.skip(str(error))
    # Not pytest's own folder, which is closed to other users, as learners may be.
    scratch = Path(tempfile.mkdtemp(prefix="course-workshop-"))
    scratch.chmod(0o711)
    running = Hub(scratch / "workshop")
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()
        shutil.rmtree(scratch, ignore_errors=True)


@pytest.fixture(scope="module")
def ada(hub):
    return hub.joined("Ada Lovelace")


@pytest.fixture(scope="module")
def bob(hub):
    return hub.joined("Bob")


@pytest.fixture(scope="module")
def grace(hub):
    """An instructor."""
    one = Learner(hub.url, "Grace", "", password=PASSWORD)
    assert one.join().status_code == 200
    one.get_token()
    return one


def result(number, **changes):
    found = {"id": f"{number:032x}", "task": "softmax", "status": "not_yet", "confusion": "M06", "at": time.time()}
    return {"results": [found]} | changes


def test_the_entrance_says_what_is_shared_and_asks_no_other_host(hub):
    page = requests.get(f"{hub.url}/hub/login", timeout=60).text
    assert "Your instructor sees how far you are, not your code." in page
    assert "Not your code" in " ".join(page.split())
    assert "https://" not in page
    assert PASSWORD not in page
    assert CODE not in page


def test_who_has_joined_gets_a_pin_once(hub, ada):
    assert ada.account == "ada-lovelace"
    assert len(ada.pin) == 6
    again = hub.learner("ada lovelace")
    refused = again.join()
    assert refused.status_code == 403
    assert 'name="pin"' in refused.text
    assert again.join(pin=ada.pin).status_code == 200
    assert again.pin == ""


def test_without_the_code_or_the_password_nobody_comes_in(hub):
    for wrong in (Learner(hub.url, "Eve", "WRONG-1"), Learner(hub.url, "Eve", CODE, password="wrong")):
        answer = wrong.join()
        assert answer.status_code == 403
        assert 'id="why"' in answer.text
    assert Learner(hub.url, "instructor", CODE).join().status_code == 403


def test_a_name_cannot_put_markup_on_the_entrance(hub):
    answer = Learner(hub.url, '"><script>alert(1)</script>', "wrong").join()
    assert answer.status_code == 403
    assert "<script>alert(1)" not in answer.text


def test_a_learners_token_reads_no_other_row_and_opens_no_page_of_the_instructor(ada, bob):
    assert ada.by_token("POST", "/services/class/api/results", json=result(1)).status_code == 200
    mine = bob.by_token("GET", "/services/class/api/mine").json()
    assert (mine["shown"], mine["cells"]) == ("Bob", [])
    for path in ("api/class", "api/stream", "class.csv", "submissions.zip"):
        assert bob.by_token("GET", f"/services/class/{path}").status_code == 403
    assert "The class" not in bob.by_token("GET", "/services/class/").text
    assert bob.by_token("POST", "/services/class/api/release", json={"learner": ada.account}).status_code == 403


def test_a_learners_token_cannot_post_for_another(ada, bob, grace):
    answer = bob.by_token("POST", "/services/class/api/results", json=result(2, learner=ada.account))
    assert answer.status_code == 403
    cells = grace.by_token("GET", "/services/class/api/class").json()["cells"]
    assert [cell[:3] for cell in cells] == [["ada-lovelace", "softmax", "trying"]]


def test_a_learner_is_no_administrator_of_the_hub(ada, bob):
    assert bob.by_token("GET", f"/hub/api/users/{ada.account}").status_code in (403, 404)
    assert bob.by_token("POST", f"/hub/api/users/{ada.account}/server").status_code in (403, 404)
    assert bob.by_token("GET", "/hub/api/users").json() in ([], [bob.by_token("GET", "/hub/api/user").json()]) or (
        bob.by_token("GET", "/hub/api/users").status_code == 403
    )
    for scopes in (["custom:class:view"], ["admin:users"]):
        answer = bob.by_token("POST", f"/hub/api/users/{bob.account}/tokens", json={"scopes": scopes})
        assert answer.status_code in (400, 403)


def test_an_unknown_token_is_nobodys(hub):
    for path in ("api/mine", "api/class"):
        answer = requests.get(f"{hub.url}/services/class/{path}", headers={"Authorization": "token no"}, timeout=60)
        assert answer.status_code == 403


def test_a_browser_comes_to_the_page_by_signing_in_and_posts_only_with_the_pages_token(hub, ada, grace):
    page = grace.session.get(f"{hub.url}/services/class/")
    assert "<title>The class</title>" in page.text
    token = page.text.split('name="xsrf" content="')[1].split('"')[0]
    release = f"{hub.url}/services/class/api/release"
    modes = {"Sec-Fetch-Mode": "cors"}
    without = grace.session.post(release, json={"learner": ada.account}, headers=modes)
    assert without.status_code == 403
    with_it = grace.session.post(release, json={"learner": ada.account}, headers=modes | {"X-XSRFToken": token})
    assert with_it.status_code == 200
    assert hub.learner("Ada Lovelace").join().status_code == 200, "released: a new PIN"
    assert "Your row" in ada.session.get(f"{hub.url}/services/class/").text


@pytest.fixture(scope="module")
def kernels(ada, bob):
    for one in (ada, bob):
        one.start_server()
    opened = [one.open_kernel() for one in (ada, bob)]
    yield opened
    for kernel in opened:
        kernel.close()


def test_a_check_in_a_learners_kernel_reaches_the_class_view(ada, grace, kernels):
    kernel = kernels[0]
    kernel.run("import numpy as np\nfrom course_lib.checks import check")
    assert "M06" in kernel.run("check('softmax', lambda scores: np.exp(scores) / np.exp(scores).sum(axis=0))")

    def attempts():
        cells = grace.by_token("GET", "/services/class/api/class").json()["cells"]
        return [cell[3] for cell in cells if cell[:2] == [ada.account, "softmax"]]

    until(lambda: attempts() == [2])
    kernel.run("from course_lib.attention import softmax; check('softmax', softmax)")
    until(lambda: attempts() == [3])
    assert kernel.run("import os; print(os.listdir(os.environ['COURSE_OUTBOX']))").strip() == "[]"


def test_a_kernels_token_is_the_servers_and_good_for_its_own_results_only(hub, ada, kernels):
    token = kernels[1].run("import os; print(os.environ['JUPYTERHUB_API_TOKEN'])").strip()
    headers = {"Authorization": f"token {token}"}

    def ask(method, path, **options):
        return requests.request(method, f"{hub.url}{path}", headers=headers, timeout=60, **options).status_code

    assert ask("POST", "/services/class/api/results", json=result(3)) == 200
    assert ask("POST", "/services/class/api/results", json=result(4, learner=ada.account)) == 403
    assert ask("GET", "/services/class/api/class") == 403
    assert ask("GET", f"/user/{ada.account}/api/contents") == 403
    assert ask("GET", "/hub/api/users") == 403


def test_a_server_is_held_to_its_limits(kernels):
    said = kernels[1].run(
        "try:\n    bytearray(3 * 2**30)\n    print('too much')\nexcept MemoryError:\n    print('held')"
    )
    assert said.strip() == "held" if sys.platform == "linux" else True


def test_a_learner_reads_nobody_elses_files(hub, ada, kernels):
    if not hub.has_own_users:
        pytest.skip("learners cannot reach this machine's Python as users of their own")
    theirs = [hub.folder / "learners" / ada.account, hub.folder / "people.sqlite", hub.folder / "workshop.json"]
    for path in (*theirs, hub.folder / "hub", hub.folder / "results.sqlite", hub.folder / "class_cookie_secret"):
        said = kernels[1].run(
            f"import os\ntry:\n    os.listdir({str(path)!r}) if os.path.isdir({str(path)!r}) else open({str(path)!r})\n"
            "    print('open')\nexcept OSError as error:\n    print(error.strerror)"
        )
        assert said.strip() == "Permission denied", path
    assert kernels[1].run("import os; print(os.getuid() == 0, len(os.listdir('/proc')) > 0)").strip() == "False True"


def test_a_restart_of_the_hub_ends_every_server_and_keeps_everybodys_work(hub, ada, bob, grace, kernels):
    kernels[0].run("open('mine.txt', 'w').write('work')")
    pid = int(kernels[0].run("import os; print(os.getpid())"))
    hub.stop()
    until(lambda: not Path(f"/proc/{pid}").exists() or sys.platform != "linux")
    hub.start()
    again = Learner(hub.url, "Bob", CODE)
    assert again.join(pin=bob.pin).status_code == 200
    assert (hub.folder / "learners" / ada.account / "course/exercises/mine.txt").read_text() == "work"
    instructor = Learner(hub.url, "Grace", "", password=PASSWORD)
    instructor.join()
    instructor.get_token()
    cells = instructor.by_token("GET", "/services/class/api/class").json()["cells"]
    assert [ada.account, "softmax", "passed", 3] in [cell[:4] for cell in cells]
