"""Imports point one way, modules and functions stay short, and no file tells where it was written."""

import ast
import importlib
import re
import statistics
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LIBRARY = ROOT / "course_lib"
MODULES = sorted(path for path in LIBRARY.rglob("*.py"))
NOTEBOOK_SOURCES = sorted([*(ROOT / "notebooks/source").glob("*.py"), *(ROOT / "exercises/source").glob("*.py")])

# What each part may import of the library. errors <- shapes <- attention <- checks <- grading; attention, plots <-
# widgets; authoring stands alone; the command line may use everything, inside its commands.
MAY_IMPORT = {
    "errors": set(),
    "shapes": {"errors"},
    "attention": {"errors", "shapes"},
    "models": {"errors", "shapes", "attention"},
    "plots": {"errors", "shapes"},
    "widgets": {"errors", "shapes", "attention", "plots"},
    "checks": {"errors", "shapes", "attention", "models", "plots", "widgets"},  # widgets inside functions only, below
    "grading": {"errors", "shapes", "attention", "models", "plots", "checks"},
    "authoring": {"errors"},
    "doctor": {"errors", "lab", "models"},
    "site": {"errors", "authoring", "widgets"},
    "lab": {"errors"},
    "lab_socket": set(),
    "workshop": {"errors", "checks", "lab"},
}
# `course picture` draws the stage that it documents.
EXCEPTIONS = {"authoring/picture.py": {"widgets", "plots"}}
COMMANDS = ("cli", "cli_grading", "cli_site", "cli_workshop")
# Parts that a browser without processes and threads imports, so nothing that needs them at the top.
IN_THE_BROWSER = ("errors", "shapes", "attention", "plots", "widgets", "checks")
NOT_IN_THE_BROWSER = {"subprocess", "multiprocessing", "filelock", "jupyterlab", "nbclient", "nbformat", "jupytext"}


def imports_of(path, *, top_level_only=False):
    """Every module that a file imports, by full name; `import a` and `from a import b` give a and a.b."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def part_of(path):
    """The part of the library that a module belongs to: its package, or its own name."""
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def parts_imported(path, **options):
    names = (name.split(".") for name in imports_of(path, **options))
    return {name[1] for name in names if name[0] == "course_lib" and len(name) > 1}


def name_of(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_one_way(path):
    part = part_of(path)
    if part in ("__init__", "__main__", *COMMANDS):
        return
    allowed = MAY_IMPORT[part] | {part} | EXCEPTIONS.get(path.relative_to(LIBRARY).as_posix(), set())
    assert parts_imported(path) <= allowed


def test_checks_load_no_widgets_until_a_question_is_shown():
    """A grader judges thousands of notebooks, and no front end runs there."""
    for path in (LIBRARY / "checks").rglob("*.py"):
        assert "widgets" not in parts_imported(path, top_level_only=True), path


def test_no_notebook_and_nothing_that_one_imports_loads_the_grader():
    """It forks, locks and listens; a learner's kernel, and a browser, have nothing of it."""
    for path in NOTEBOOK_SOURCES:
        assert not [name for name in imports_of(path) if name.startswith("course_lib.grading")], path
    for path in MODULES:
        if part_of(path) not in ("grading", *COMMANDS):
            assert "grading" not in parts_imported(path), path


def test_the_command_line_imports_inside_its_commands():
    for name in COMMANDS:
        assert parts_imported(LIBRARY / f"{name}.py", top_level_only=True) <= {"errors", *COMMANDS}
    assert parts_imported(LIBRARY / "__init__.py") == set()


def test_attention_needs_numpy_and_the_standard_library_only():
    usual = {"collections", "dataclasses", "math", "typing", "functools", "itertools"}
    threads = {"concurrent", "contextlib", "os", "sys", "threading", "threadpoolctl"}  # and one module knows threads
    for path in (LIBRARY / "attention").glob("*.py"):
        outside = {name.split(".")[0] for name in imports_of(path)} - {"course_lib", "numpy"}
        assert outside <= (usual | threads if path.name == "threads.py" else usual), path


@pytest.mark.parametrize("path", [path for path in MODULES if part_of(path) in IN_THE_BROWSER], ids=name_of)
def test_what_notebooks_import_loads_where_there_are_no_processes(path):
    loaded = {name.split(".")[0] for name in imports_of(path, top_level_only=True)}
    assert not loaded & NOT_IN_THE_BROWSER


@pytest.mark.parametrize("path", NOTEBOOK_SOURCES, ids=name_of)
def test_notebooks_use_public_names_only(path):
    for name in imports_of(path):
        if not name.startswith("course_lib."):
            continue
        module, _, attribute = name.rpartition(".")
        exported = getattr(importlib.import_module(module), "__all__", None)
        if exported is None:  # `from course_lib import plots`, `from course_lib.doctor import doctor`: one module
            assert not attribute.startswith("_"), name
            target = importlib.import_module(module)
            assert hasattr(target, attribute) or importlib.import_module(name), name
        else:
            assert attribute in exported, f"{name} is not in {module}.__all__"


# Longer by design, each with its reason; everything else splits.
LONGER = {
    # a task's cases, mistakes and words together
    **{f"checks/exercises/exercise_{number:02}.py": 450 for number in range(12)},
    "checks/exercises/exercise_08_relative.py": 450,
}


def lines_of_code(path):
    """Count the lines of a module that are neither empty, comment nor docstring."""
    text = path.read_text(encoding="utf-8")
    documentation = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            documentation |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(bool(re.match(r"\s*[^\s#]", line)) for number, line in lines if number not in documentation)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_split_near_300_lines(path):
    assert lines_of_code(path) <= LONGER.get(path.relative_to(LIBRARY).as_posix(), 300)


def body_lines(function):
    """Lines of code of a function, without its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_functions_are_short():
    lengths = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                lengths[f"{name_of(path)}:{node.name}"] = body_lines(node)
    ordered = sorted(lengths.values())
    longest = sorted(lengths, key=lengths.get)[-3:]
    assert statistics.median(ordered) <= 10
    assert ordered[int(0.9 * len(ordered))] <= 40, longest
    assert ordered[-1] <= 60, longest


def is_input_check(node):
    """An assert that does more than tell the type checker what is known."""
    if not isinstance(node, ast.Assert):
        return False
    return not (ast.unparse(node.test).endswith("is not None") or ast.unparse(node.test).startswith("isinstance("))


FORBIDDEN = {
    "a bare assert as an input check": is_input_check,
    "eval": lambda node: isinstance(node, ast.Call) and getattr(node.func, "id", "") == "eval",
    "import *": lambda node: isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names),
    "a mutable default": lambda node: (
        isinstance(node, ast.FunctionDef)
        and any(isinstance(default, ast.List | ast.Dict | ast.Set) for default in node.args.defaults)
    ),
}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_avoid_what_the_house_style_forbids(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for what, is_it in FORBIDDEN.items():
            assert not is_it(node), f"{what}, line {node.lineno}"


def tracked_files():
    """Every text file under version control, or, in an unpacked archive, every file that would be."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        skipped = {".venv", ".course", ".git", "__pycache__", "node_modules"}
        paths = [path for path in ROOT.rglob("*") if path.is_file() and not skipped & set(path.parts)]
    return [path for path in paths if path.is_file() and path.suffix not in (".png", ".gif", ".gz")]


# Assembled here, so that this file does not hold what it looks for.
MACHINE = re.compile("|".join([
    r"(?<![\w.])/(?:wo" + r"rk|ro" + r"ot)/",
    r"(?<![\w.])/(?:ho" + r"me|Us" + r"ers)/(?!someone|jovyan)\w",
    r"https?://(?!127\.0\.0\.1|localhost)[^\s\"')]*"
    r"(?:py" + r"pi|file" + r"s\.pythonhosted|regis" + r"try|artif" + r"actory|nexus|/simple)\b",
    r"--(?:extra-)?in" + r"dex-url",
]))  # fmt: skip
ABOUT_INDEXES = {"start.py", "course_lib/doctor.py"}  # what to do where the index cannot be reached


def test_no_file_names_a_machine_or_a_package_address():
    found = []
    for path in tracked_files():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            match = MACHINE.search(line) if len(line) < 20_000 else None
            if match and not (name_of(path) in ABOUT_INDEXES and "dex-url" in match.group()):
                found.append(f"{name_of(path)}:{number}: {match.group()}")
    assert not found


def test_no_two_test_modules_have_one_name():
    """Without packages, pytest can hold one module of a name; the second would stop the whole run."""
    names = [path.stem for path in (ROOT / "tests").rglob("*.py") if path.stem != "conftest"]
    assert sorted(names) == sorted(set(names))
