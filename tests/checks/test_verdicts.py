"""The matrix task x program: every known mistake is rejected by its name, and every right style passes."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

from course_lib.attention import scaled_scores, split_heads
from course_lib.checks import evaluate
from course_lib.checks.confusions import CONFUSIONS
from course_lib.checks.engine import TASKS
from course_lib.checks.exercises.cases import HIGHEST, LOWEST, entropy_fraction
from course_lib.checks.result import Evidence
from course_lib.checks.showing.rendering import as_code
from course_lib.checks.tasks import FunctionTask

SEEDS = (0, 1, 20)
MODULES = [importlib.import_module(path.stem) for path in sorted(Path(__file__).parent.glob("programs_*.py"))]
CORRECT = {name: programs for module in MODULES for name, programs in module.CORRECT.items()}
WRONG = {name: programs for module in MODULES for name, programs in module.WRONG.items()}
FUNCTIONS = {name: task for name, task in TASKS.items() if isinstance(task, FunctionTask)}
NAMED = [(name, program) for name, task in FUNCTIONS.items() for program in task.programs]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "program"), NAMED, ids=[f"{name}-{program.slug}" for name, program in NAMED])
def test_each_named_wrong_program_is_rejected_by_its_own_name(name, program, seed):
    result = evaluate(name, program.program, seed=seed)
    assert (result.status, result.program, result.confusion) == ("not_yet", program.slug, program.confusion)
    assert program.why in result.message
    assert program.look in result.message
    assert result.points == 0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("name", "program", "confusion", "slug"),
    [(name, *row) for name, rows in WRONG.items() for row in rows],
    ids=[f"{name}-{slug}-{place}" for name, rows in WRONG.items() for place, (_, _, slug) in enumerate(rows)],
)
def test_wrong_programs_of_learners_are_explained(name, program, confusion, slug, seed):
    result = evaluate(name, program, seed=seed)
    assert (result.status, result.program, result.confusion) == ("not_yet", slug, confusion)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("name", "program"),
    [(name, program) for name, programs in CORRECT.items() for program in programs],
    ids=[f"{name}-{place}" for name, programs in CORRECT.items() for place, _ in enumerate(programs)],
)
def test_right_programs_of_any_style_pass(name, program, seed):
    result = evaluate(name, program, seed=seed)
    assert result.status == "passed", result.message
    assert result.points == result.max_points > 0
    assert result.confusion is None


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_task_knows_six_mistakes_three_styles_and_three_hints(name):
    assert len(FUNCTIONS[name].programs) >= 6
    assert len({program.slug for program in FUNCTIONS[name].programs}) == len(FUNCTIONS[name].programs)
    assert len(CORRECT[name]) >= 3
    assert len(WRONG[name]) >= 6
    assert len(FUNCTIONS[name].hints) == 3
    assert {program.confusion for program in FUNCTIONS[name].programs} - {None} <= set(CONFUSIONS)


def drawn(name, seed):
    """Every case of a task, with the family it comes from."""
    task = FUNCTIONS[name]
    return [(family, family.make(np.random.default_rng([seed, place]))) for place, family in enumerate(task.families)]


WITH_SCORES = [
    "scaled_scores", "softmax", "bug_hunt_softmax", "attention", "self_attention", "masked_attention", "bug_hunt_mask",
    "multi_head_attention", "bug_hunt_heads",
]  # fmt: skip


def scores_of(arguments):
    """The scaled scores of a case, those of all heads where there are several."""
    if "scores" in arguments:
        return arguments["scores"]
    query, key = (
        arguments[name] if name in arguments else arguments["x"] @ arguments[f"w_{name}"] for name in ("query", "key")
    )
    return scaled_scores(*(split_heads(array, arguments.get("n_heads", 1)) for array in (query, key)))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_sizes_of_a_case_all_differ(name, seed):
    for family, arguments in drawn(name, seed):
        sizes = {}
        leading = ()
        for named in FUNCTIONS[name].arguments:
            argument = arguments[named.name]
            shape = argument.shape if isinstance(argument, np.ndarray) else ()
            # An axis of size 1 in a mask stands for all queries.
            sizes = dict(zip(named.axes, shape[len(shape) - len(named.axes) :], strict=True)) | sizes
            leading = max(leading, shape[: len(shape) - len(named.axes)], key=lambda axes: (len(axes), axes))
        all_sizes = [*sizes.values(), *leading]
        assert len(set(all_sizes)) == len(all_sizes), (family.label, sizes, leading)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", WITH_SCORES)
def test_scores_have_both_signs_and_rows_of_middling_entropy(name, seed):
    for family, arguments in drawn(name, seed):
        scores = scores_of(arguments)
        if family.stage == "large" or scores.shape[-1] == 1:
            continue
        assert scores.min() < 0 < scores.max()
        assert np.all((entropy_fraction(scores) > LOWEST) & (entropy_fraction(scores) < HIGHEST)), family.label


@pytest.mark.parametrize("name", [*WITH_SCORES[1:], "softmax_with_temperature"])
def test_large_scores_are_a_case_of_their_own(name):
    for family, arguments in drawn(name, 0):
        assert (np.abs(scores_of(arguments)).max() > 1000) == (family.stage == "large")


def as_text(arguments):
    """The arguments of a case as the code that makes them, so that two cases can be compared."""
    return as_code(Evidence("", arguments, "", (), np.empty(0), None, 0))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_cases_are_new_for_a_new_seed_and_the_same_for_the_same(name):
    first, again, *others = (drawn(name, seed) for seed in (0, 0, 1, 2, 3))
    changes = []
    for place, (_, arguments) in enumerate(first):
        assert as_text(arguments) == as_text(again[place][1])
        changes.append(any(as_text(arguments) != as_text(other[place][1]) for other in others))
    has_arrays = any(isinstance(argument, np.ndarray) for argument in first[0][1].values())
    assert all(changes) if has_arrays else any(changes)  # a size is drawn in one case


def test_a_wrong_answer_without_the_maximum_is_told_its_first_mistake_first():
    result = evaluate("softmax", lambda scores: np.exp(scores) / np.exp(scores).sum())
    assert result.confusion == "M06"
    assert "1500" not in result.message


def test_a_mistake_that_only_leading_axes_show_is_explained_there():
    result = evaluate("scaled_scores", lambda query, key: query @ key.T / np.sqrt(key.shape[-1]))
    assert result.program == "all_axes_turned"
    assert "With one matrix at a time your function is right" in result.message
    assert evaluate("scaled_scores", lambda query, key: query @ key.T).confusion == "M02"


def test_exceptions_alone_explain_nothing():
    def unrelated(query, key):
        raise ValueError("something else")

    result = evaluate("dot_product_scores", unrelated)
    assert result.status == "not_yet"
    assert result.program is None
    assert "something else" in result.message


def test_points_are_those_that_the_exercises_state():
    sources = Path(__file__).parents[2] / "exercises" / "source"
    cells = re.findall(
        r'^# %% [\w-]+ points=(\d+)\ncheck\("(\w+)"',
        "\n".join(path.read_text("utf-8") for path in sources.glob("*.py")),
        re.M,
    )
    assert len(cells) >= 8
    for points, name in cells:
        assert TASKS[name].points == int(points), name
