"""The learner's version is the solution without its marked lines, with a stub in their place."""

import pytest

from course_lib.authoring.errors import BuildError
from course_lib.authoring.solution import has_solution, with_stubs, without_markers

CELL = """\
def weights_of(scores):
    given = 1
    ### BEGIN SOLUTION stub: exponentials = ...  # of the scores
    ### STUB for row in exponentials:
    ### STUB     ...
    exponentials = 2
    ### END SOLUTION

    ### BEGIN SOLUTION
    weights = 3
    ### END SOLUTION
    return weights"""


def test_with_stubs_replaces_each_block_at_its_indentation():
    assert (
        with_stubs(CELL)
        == """\
def weights_of(scores):
    given = 1
    exponentials = ...  # of the scores
    for row in exponentials:
        ...

    ...  # your code here
    return weights"""
    )


def test_without_markers_leaves_the_solution_only():
    assert (
        without_markers(CELL)
        == """\
def weights_of(scores):
    given = 1
    exponentials = 2

    weights = 3
    return weights"""
    )


def test_a_cell_without_marks_is_left_alone():
    assert not has_solution("x = 1\n# solution")
    assert with_stubs("x = 1\n") == without_markers("x = 1") == "x = 1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("### BEGIN SOLUTION\nx = 1", "'### BEGIN SOLUTION' without its '### END SOLUTION'"),
        ("x = 1\n### END SOLUTION", "'### END SOLUTION' without its '### BEGIN SOLUTION'"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", "inside of another"),
        ("### STUB x = ...", "stands between"),
        ("### BEGIN SOLUTION x = ...\n### END SOLUTION", "only 'stub: ...' may follow"),
    ],
)
def test_marks_that_do_not_fit_are_named(text, message):
    for derive in (with_stubs, without_markers):
        with pytest.raises(BuildError, match="there: ") as caught:
            derive(text, where="there")
        assert message in str(caught.value)
