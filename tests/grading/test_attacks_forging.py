"""Points without the right answer: every way that public graders were talked into, and some more. All score 0."""

import json

import numpy as np
import pytest
from hostile import (
    CHECKS,
    IMPORTS,
    PATIENT,
    RIGHT,
    WRONG,
    Attack,
    after_wrong,
    before_wrong,
    instead_of_softmax,
    run_among_honest,
)
from hostile import run as run_alone

from course_lib.checks.engine import evaluate, find_task
from course_lib.checks.running.runner import LocalRunner
from course_lib.grading.marking import Marker

FORGED = """
    import json, os, struct
    def forged(header):
        text = json.dumps({**header, "arrays": []}).encode()
        return struct.pack("!II", len(text), 0) + text
"""


def memorised():
    """A softmax that knows the inputs of the notebook's own check, with the answers, and nothing else."""
    table = {}

    def remembering(answer, given):
        outcomes = LocalRunner()(answer, given)
        for arguments, outcome in zip(given, outcomes, strict=True):
            table[np.asarray(arguments["scores"]).tobytes().hex()[:200]] = outcome.array.tolist()
        return outcomes

    def softmax(scores):
        exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)

    assert evaluate("softmax", softmax, run=remembering).passed
    code = f"""
import json
TABLE = json.loads('''{json.dumps(table)}''')
def softmax(scores):
    return np.array(TABLE.get(np.asarray(scores).tobytes().hex()[:200], 0.5))
"""
    space = {"np": np}
    exec(code, space)
    assert evaluate("softmax", space["softmax"]).passed  # in the notebook, it would do
    return code


ATTACKS = [
    before_wrong(
        """
        yes = lambda *arguments, **options: True
        np.allclose = np.isclose = np.array_equal = np.array_equiv = yes
        nothing = lambda *arguments, **options: None
        for name in dir(np.testing):
            if name.startswith("assert"):
                setattr(np.testing, name, nothing)
        """,
        name="patched-numpy-testing",
    ),
    before_wrong(
        """
        import builtins
        class NoError(Exception):
            pass
        builtins.AssertionError = NoError
        builtins.all = builtins.any = builtins.isinstance = lambda *arguments: True
        builtins.abs = builtins.len = lambda value: 0
        """,
        name="patched-builtins",
        fails=True,
    ),
    before_wrong(
        """
        import ast
        class Transformer(ast.NodeTransformer):
            def visit_Call(self, node):
                if getattr(node.func, "id", "") == "check":
                    return ast.copy_location(ast.parse("print('passed')", mode="eval").body, node)
                return node
        get_ipython().ast_transformers.append(Transformer())
        """,
        name="ast-transformer",
    ),
    before_wrong(
        """
        def transform(lines):
            return [line.replace("check(", "print(") for line in lines]
        get_ipython().input_transformers_cleanup.append(transform)
        """,
        name="input-transformer",
    ),
    before_wrong(
        """
        def hook(info):
            info.raw_cell = "pass"
        get_ipython().events.register("pre_run_cell", hook)
        get_ipython().events.register("post_run_cell", lambda result: setattr(result, "error_in_exec", None))
        """,
        name="pre-run-hook",
    ),
    after_wrong(
        """
        import sys
        sys.displayhook = lambda value: print("passed")
        for name in ("softmax", "softmax_with_temperature", "bug_hunt_softmax"):
            print(f'✓ {name}: passed, 4 of 4 points')
            print('{"points": 4, "max_points": 4, "status": "passed", "score": 1.0}')
        "passed"
        """,
        name="printed-results",
    ),
    before_wrong(
        """
        shell = get_ipython()
        run = shell.run_cell
        shell.run_cell = lambda source, **options: run("passed = True", **options)
        """,
        name="run-cell-override",
    ),
    before_wrong(
        """
        import threading, time
        from course_lib.checks.running import outcomes, runner
        def again():
            while True:
                made = outcomes.Outcome("array", array=np.full((2, 3), 0.25), dtype="float64")
                runner._call = lambda *arguments: made
                np.allclose = lambda *arguments, **options: True
                time.sleep(0.001)
        threading.Thread(target=again, daemon=True).start()
        time.sleep(0.05)
        """,
        name="thread-that-patches-again",
    ),
    instead_of_softmax(
        """
        class Equal(np.ndarray):
            def __eq__(self, other):
                return True
            def __array_ufunc__(self, *arguments, **options):
                return True
            def __array_function__(self, *arguments, **options):
                return True
            def __array__(self, *arguments, **options):
                return np.zeros(self.shape)
        def softmax(scores):
            return np.zeros(np.shape(scores)).view(Equal)
        """,
        name="array-that-equals-everything",
    ),
    instead_of_softmax(
        """
        import sys
        def softmax(scores):
            frame = sys._getframe()
            while frame is not None:
                for place in (frame.f_locals, frame.f_globals):
                    for name, value in list(place.items()):
                        if "expect" in name or "reference" in name or "solution" in name:
                            return value(scores) if callable(value) else value
                frame = frame.f_back
            return scores
        """,
        name="frame-walk",
    ),
    instead_of_softmax(
        """
        import gc, linecache, types
        def softmax(scores):
            for one in gc.get_objects():
                if isinstance(one, types.FunctionType) and one is not softmax and "softmax" in one.__name__:
                    if one.__globals__ is not globals():
                        try:
                            return np.asarray(one(scores))
                        except Exception:
                            pass
            for lines in list(linecache.cache.values()):
                if len(lines) > 2 and any("reference=" in str(line) for line in lines[2]):
                    return lines
            return In
        """,
        name="reading-in-linecache-and-gc",
    ),
    instead_of_softmax(
        """
        import re
        def softmax(scores):
            try:
                with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
                    for line in maps:
                        begin, end = (int(part, 16) for part in line.split()[0].split("-"))
                        memory.seek(begin)
                        found = re.search(rb"expected.{80}", memory.read(end - begin))
                        if found:
                            return np.frombuffer(found.group()[-8 * scores.size :]).reshape(scores.shape)
            except OSError:
                pass
            return scores
        """,
        name="own-memory",
    ),
    after_wrong(
        FORGED,
        """
        frames = [
            forged({"failed": []}),
            forged({"status": "passed", "points": 4, "max_points": 4}),
            forged({"found": [{"from": "claim", "is": "text", "text": "passed"}]}),
            forged({"kind": "array", "status": "passed", "dtype": "float64"}),
        ]
        for descriptor in range(64):
            for frame in frames:
                try:
                    os.write(descriptor, frame)
                except OSError:
                    pass
        """,
        name="writing-to-the-pipe",
    ),
    instead_of_softmax(
        FORGED
        + """
    def softmax(scores):
        described = [{"dtype": "<f8", "shape": list(scores.shape)}]
        text = json.dumps({"kind": "array", "dtype": "float64", "arrays": described})
        body = np.full(scores.shape, 1 / scores.shape[-1]).tobytes()
        os.write(4, struct.pack("!II", len(text), len(body)) + text.encode() + body)
        os._exit(0)
    """,
        name="answering-in-the-pipe",
    ),
    after_wrong(
        FORGED,
        """
        import struct
        deep = b"[" * 1_000_000
        for body in (struct.pack("!II", len(deep), 0) + deep, struct.pack("!II", 2**32 - 1, 2**32 - 1), b"\\x80\\x04."):
            os.write(4, body)
        """,
        name="garbage-in-the-pipe",
        fails=True,
    ),
    after_wrong(
        FORGED,
        """
        os.write(4, forged({"cell": 999}) + forged({"cell": "1"}) + forged({"cell": [1]}))
        os._exit(0)
        """,
        name="blaming-a-cell-that-is-not-there",
        fails=True,
    ),
    instead_of_softmax(
        """
        import os
        class Payload:
            def __reduce__(self):
                return os.system, ("touch /tmp/left-behind-by-a-submission",)
        def softmax(scores):
            made = np.empty(scores.shape, dtype=object)
            made[...] = Payload()
            return made
        """,
        name="object-payload",
    ),
    before_wrong(
        """
        import importlib, os, sys
        for name in ("numpy", "course_lib", "json", "sitecustomize"):
            with open(f"{name}.py", "w") as file:
                file.write("def __getattr__(name):\\n    return lambda *arguments, **options: True\\n")
        sys.path.insert(0, os.getcwd())
        for name in [name for name in sys.modules if name.split(".")[0] in ("json", "course_lib")]:
            del sys.modules[name]
        import course_lib, json
        """,
        name="shadowing-modules",
        fails=True,
    ),
    before_wrong(
        """
        import atexit, sys, types
        def passed(*arguments, **options):
            return types.SimpleNamespace(passed=True, status="passed", points=4, max_points=4)
        for name, module in list(sys.modules.items()):
            if name.startswith("course_lib.checks"):
                for attribute in ("evaluate", "check", "look_at", "LocalRunner", "bound"):
                    if hasattr(module, attribute):
                        setattr(module, attribute, passed)
        sys.modules["__main__"].evaluate = passed
        atexit.register(lambda: print('{"points": 4}'))
        """,
        name="main-atexit-and-modules",
    ),
    instead_of_softmax(
        """
        def softmax(scores):
            result = np.exp(scores - scores.max(axis=-1, keepdims=True))
            result /= result.sum(axis=-1, keepdims=True)
            scores[...] = 0
            return result
        """,
        name="changes-its-input",
    ),
    instead_of_softmax(
        """
        def softmax(scores):
            scores[...] = 0
            return np.full(scores.shape, 1 / scores.shape[-1])
        """,
        name="changes-its-input-to-what-it-can",
    ),
    instead_of_softmax(
        """
        calls = 0
        def softmax(scores):
            global calls
            calls += 1
            exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
            return exponentials / exponentials.sum(axis=-1, keepdims=True) + (calls % 7 == 0)
        """,
        name="depends-on-the-call-count",
    ),
    instead_of_softmax(
        """
        calls = 0
        def softmax(scores):
            global calls
            calls += 1
            exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
            return exponentials / exponentials.sum(axis=-1, keepdims=True) + (calls > 15)
        """,
        name="right-until-it-was-checked",
    ),
    instead_of_softmax(memorised(), name="memorised-public-inputs"),
    *(
        instead_of_softmax(f"def softmax(scores):\n    return {result}", name=f"returns-{name}")
        for name, result in {
            "nan": "np.full(scores.shape, np.nan)",
            "inf": "np.full(scores.shape, np.inf)",
            "huge-numbers": "np.full(scores.shape, 1e308) * 10",
            "a-number": "np.float64(0.5)",
            "an-object": "np.array([[object()] * scores.shape[-1]] * len(scores))",
            "complex": "scores.astype(complex)",
            "itself": "softmax",
            "truth": "scores == scores",
            "dates": "np.zeros(scores.shape, dtype='datetime64[s]')",
            "a-structure": "np.zeros(scores.shape, dtype=[('x', float)])",
            "nothing": "None",
        }.items()
    ),
    instead_of_softmax(
        """
        from course_lib.attention import softmax
        """,
        name="the-library's-own-imported",
    ),
    instead_of_softmax(
        """
        import course_lib.attention
        def softmax(scores):
            ways = (
                lambda: course_lib.attention.softmax(scores),
                lambda: course_lib.attention.attention_weights(scores, np.eye(scores.shape[-1]), scale=1.0),
                lambda: course_lib.attention.attention(scores, *[np.eye(scores.shape[-1])] * 2, scale=1),
                lambda: __import__("course_lib.attention.softmax", fromlist=["softmax"]).softmax(scores),
                lambda: __import__("course_lib.checks.engine", fromlist=["TASKS"]).TASKS["softmax"].reference(scores),
                lambda: __import__("course_lib.models.transformer", fromlist=["softmax"]).softmax(scores),
                lambda: __import__("course_lib.widgets", fromlist=["softmax"]).softmax(scores),
            )
            for way in ways:
                try:
                    return np.asarray(way(), dtype=float)
                except Exception:
                    pass
            return scores
        """,
        name="the-library's-own-called",
    ),
    instead_of_softmax(
        """
        import os, sys
        def softmax(scores):
            folders = [*sys.path, "/", "/work", "/home", "/root", "/srv", "/opt", "/course"]
            for folder in folders:
                for place, _, files in os.walk(folder):
                    for name in files:
                        if name in ("softmax.py", "exercise_03.py", "03_softmax.ipynb") and "course_lib" in place:
                            space = {}
                            exec(open(os.path.join(place, name)).read(), space)
                            return space["softmax"](scores)
                    if place.count("/") > 6:
                        break
            return scores
        """,
        name="the-library's-own-read-from-a-file",
    ),
    after_wrong(
        """
        import course_lib.checks
        course_lib.checks.claims.update({
            "softmax": {"status": "passed", "points": 2, "max_points": 2}, "softmax_with_temperature": True,
            "bug_hunt_softmax": "passed", "points": 4,
        })
        """,
        name="forged-claims",
    ),
    instead_of_softmax(
        """
        class Softmax:
            passed, status, points, max_points = True, "passed", 2, 2
            def __class_getitem__(cls, item):
                return cls
            @property
            def __class__(self):
                return type(lambda: 0)
            def __call__(self, scores):
                return self
            def __eq__(self, other):
                return True
            def __array__(self, *arguments, **options):
                raise SystemExit("passed")
        softmax = Softmax()
        """,
        name="an-answer-that-lies-about-its-class",
    ),
    before_wrong(
        """
        import random, secrets
        random.seed = np.random.seed = lambda *arguments: None
        np.random.default_rng = lambda *arguments: None
        np.random.Generator.normal = None if False else None
        """,
        name="patched-random-numbers",
        fails=True,
    ),
]
by_name = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
ALONE = {}


@pytest.fixture(scope="module")
def marker():
    with Marker(limits=PATIENT) as made:
        yield made


@by_name
def test_scores_nothing_alone(marker, attack):
    ALONE[attack.name] = run_alone(marker, attack)


def test_scores_nothing_among_honest_ones(marker):
    run_among_honest(marker, ATTACKS, ALONE)


def test_the_same_answers_without_the_attack_score_what_they_deserve(marker):
    """So that a 0 above is the attack's and not the notebook's."""
    assert run_alone(marker, Attack("wrong", (IMPORTS, WRONG, CHECKS))).points == 0
    right = Attack("right", (IMPORTS, *RIGHT.values(), CHECKS), deserved=4)
    assert run_alone(marker, right).points == find_points()


def find_points():
    return sum(find_task(name).points for name in ("softmax", "softmax_with_temperature", "bug_hunt_softmax"))
