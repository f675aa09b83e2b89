"""Programs in other people's styles: each right one passes, each wrong one is told its mistake."""

import pytest
from answers_from_elsewhere import RIGHT, WRONG

from course_lib.checks import evaluate
from course_lib.checks.engine import TASKS

# No single sentence of ours fits these; the message says where and how the numbers differ.
UNNAMED = {
    "adds_epsilon": "Is something rounded, or added to a sum?",
    "divides_by_the_maximum": "0.813 was expected and 0.552 came",
    "relu_then_shares": "0.133 was expected and 0.211 came",
    "attention_returns_both": "returned 2 arrays of shapes (2, 4) and (2, 3), where one array is wanted",
    "split_transpose_front": "count axes from the end",
}


def cases(programs):
    return [(name, *(row if isinstance(row, tuple) else (row,))) for name, rows in programs.items() for row in rows]


def name_of(program):
    return getattr(program, "__name__", type(program).__name__) if callable(program) else str(program)


@pytest.mark.parametrize(("name", "program"), cases(RIGHT), ids=name_of)
def test_right_programs_from_elsewhere_pass(name, program):
    result = evaluate(name, program, seed=3)
    assert result.passed, result.message


@pytest.mark.parametrize(("name", "program", "confusion"), cases(WRONG), ids=name_of)
def test_wrong_programs_from_elsewhere_are_told_their_mistake(name, program, confusion):
    result = evaluate(name, program)
    assert (result.status, result.confusion) == ("not_yet", confusion), result.message
    if program.__name__ in UNNAMED:
        assert UNNAMED[program.__name__] in result.message
    else:
        assert result.program is not None, result.message
    assert evaluate(name, program, seed=3).confusion == confusion


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if getattr(task, "pairs", ())])
def test_two_mistakes_at_once_are_both_named(name):
    """A pair may also be explained by one of its two, where the other then makes no difference."""
    task = TASKS[name]
    without_scale = [pair for pair in task.pairs if pair.slug.endswith(" and no_scale")]
    n_both = 0
    for pair in without_scale:
        result = evaluate(name, pair.program)
        assert result.status == "not_yet"
        assert result.confusion in (pair.confusion, "M02"), (pair.slug, result.program)
        if result.program == pair.slug:
            n_both += 1
            assert "A second thing: the scale is left out" in result.message
    assert n_both >= 0.5 * len(without_scale)
