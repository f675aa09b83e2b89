"""The matrix of all known programs, and the mutants of all right ones."""

import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

import course_lib.cli as cli
from course_lib.checks import evaluate
from course_lib.checks.engine import TASKS
from course_lib.checks.quality import report, survey
from course_lib.checks.quality.mutants import mutants_of, programs_of_source, programs_of_variants
from course_lib.checks.tasks import FunctionTask, OrderTask, WrongProgram

ROOT = Path(__file__).parents[2]
PROGRAMS = survey.right_programs(ROOT)
EQUIVALENCES = survey.equivalences(ROOT)
FUNCTIONS = [name for name, task in TASKS.items() if isinstance(task, FunctionTask)]


@pytest.fixture(scope="module")
def rows():
    """Every known program's verdict."""
    return report.matrix(report.all_known(PROGRAMS), seed=1)


# The matrix


def test_every_known_program_gets_the_verdict_that_is_due(rows):
    assert [row for row in rows if not row.ok] == []


def test_the_matrix_knows_every_task_and_six_mistakes_of_each_function(rows):
    wrong = {name: [row for row in rows if row.known.task == name and row.status == "not_yet"] for name in TASKS}
    right = {row.known.task for row in rows if row.known.status == "passed"}
    assert right == {row.known.task for row in rows} == set(TASKS)
    assert all(len(wrong[name]) >= 6 for name in FUNCTIONS)
    assert all(len(wrong[name]) >= len(task.distractors) for name, task in TASKS.items() if isinstance(task, OrderTask))


def test_verdicts_depend_neither_on_the_seed_nor_on_what_was_judged_before(rows):
    """test_verdicts.py tries more seeds; here all programs come in another order as well."""
    said = {(row.known.task, row.known.program): (row.status, row.confusion, row.named) for row in rows}
    known = report.all_known(PROGRAMS)
    for one in random.Random(5).sample(known, len(known)):
        result = evaluate(one.task, one.answer, seed=2)
        assert (result.status, result.confusion, result.program) == said[one.task, one.program]


def test_messages_do_not_depend_on_what_was_judged_before():
    known = [one for one in report.all_known() if one.task in ("softmax", "attention", "predict_spread")]
    messages = [
        {(one.task, one.program): evaluate(one.task, one.answer).message for one in order}
        for order in (known, known[::-1])
    ]
    assert messages[0] == messages[1]


def test_a_wrong_verdict_is_a_problem(monkeypatch):
    name, task = "project", TASKS["project"]
    unknown = WrongProgram("nonsense", "M01", task.reference, "Not so.", "nowhere.")
    changed = type(task)(**{**vars(task), "programs": (*task.programs, unknown)})
    monkeypatch.setattr(report, "TASKS", {name: changed})
    monkeypatch.setattr("course_lib.checks.engine.TASKS", {name: changed})
    problems = [row for row in report.matrix(report.all_known()) if not row.ok]
    assert [(row.known.program, row.status) for row in problems] == [("nonsense", "passed")]
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(survey, "right_programs", lambda root: [])
    ran = CliRunner().invoke(cli.app, ["checks", "report"])
    assert ran.exit_code == 1
    assert "1 with another verdict than is due" in ran.output
    assert "due: not_yet M01 nonsense" in ran.output


# Mutants


def test_every_function_task_has_its_solution_and_variants_mutated():
    assert {program.task for program in PROGRAMS} >= set(FUNCTIONS)
    variants = [
        program for path in Path(__file__).parent.glob("programs_*.py") for program in programs_of_variants(path)
    ]
    assert all(sum(program.task == name for program in variants) >= 3 for name in FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_mutants_are_rejected_or_equivalent_for_a_stated_reason(name):
    of_task = [program for program in PROGRAMS if program.task == name]
    for program in of_task:
        assert evaluate(name, program.build()).passed
    found = survey.fates(of_task, EQUIVALENCES)
    assert len(found) >= 10
    assert [fate for fate in found if fate.how in ("survived", "broke")] == []


def test_each_reason_is_still_needed():
    """A mutant that is no longer made, or is rejected by now, must leave the list."""
    made = {}
    for mutant in (mutant for one in PROGRAMS for mutant in mutants_of(one)):
        made.setdefault((mutant.task, mutant.before, mutant.after), []).append(mutant)

    def survives(mutants):
        return any(evaluate(mutant.task, mutant.build()).passed for mutant in mutants)

    for reason in EQUIVALENCES:
        assert reason.why.endswith(".")
        for key in reason.mutants:
            assert survives(made.get(key, [])), key
        if reason.swap:
            held = (mutant for mutants in made.values() for mutant in mutants if reason.holds(mutant))
            assert survives(held), reason.swap


SOURCE = '''
import numpy as np
from course_lib.checks import check
# %% a
def helper(scores):
    return np.exp(scores - scores.max(axis=-1, keepdims=True))
# %% b
def softmax(scores):
    """Softmax, axis=-1."""
    ### BEGIN SOLUTION stub: exponentials = ...
    exponentials = helper(scores)
    weights = exponentials / exponentials.sum(axis=-1, keepdims=True)
    ### END SOLUTION
    if scores.ndim < 1:
        weights *= 2
    return weights
# %% c
check("softmax", softmax)
check("predict_spread", "b")
'''


def test_a_mutant_differs_from_its_program_in_one_place(tmp_path):
    path = tmp_path / "03.py"
    path.write_text(SOURCE, encoding="utf-8")
    (program,) = programs_of_source(path)
    assert program.task == "softmax"
    assert evaluate("softmax", program.build()).passed
    changed = {(mutant.before.strip(), mutant.after.strip()) for mutant in mutants_of(program)}
    whole = "weights = exponentials / exponentials.sum(axis=-1, keepdims=True)"
    assert changed == {
        (whole, "weights = exponentials / exponentials.sum(axis=0, keepdims=True)"),
        (whole, "weights = exponentials / exponentials.sum(axis=-2, keepdims=True)"),
        (whole, "weights = exponentials / exponentials.sum(axis=-1, keepdims=False)"),
        (whole, "weights = exponentials / exponentials.sum(keepdims=True)"),
        (whole, "weights = exponentials / exponentials.sum(axis=-1)"),
        (whole, "weights = exponentials / exponentials.mean(axis=-1, keepdims=True)"),
        (whole, "weights = exponentials.sum(axis=-1, keepdims=True) / exponentials"),
        (whole, "weights = exponentials * exponentials.sum(axis=-1, keepdims=True)"),
        (whole, "weights = exponentials"),
        ("if scores.ndim < 1:", "if scores.ndim <= 1:"),
        ("if scores.ndim < 1:", "if scores.ndim > 1:"),
        ("if scores.ndim < 1:", "if scores.ndim < 2:"),
        ("if scores.ndim < 1:", "if scores.ndim < 0:"),
        ("if scores.ndim < 1:", "if not scores.ndim < 1:"),
        ("weights *= 2", "weights /= 2"),
        ("weights *= 2", "weights *= 3"),
        ("weights *= 2", "weights *= 1"),
        ("weights *= 2", "pass"),
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("query @ key.swapaxes(-1, -2)", "query @ key"),
        ("query @ key.swapaxes(-1, -2)", "key.swapaxes(-1, -2) @ query"),
        ("query @ key.swapaxes(-1, -2)", "query @ key.swapaxes(-1, -2) * 2"),
        ("query @ key.T", "query @ key"),
        ("query / np.sqrt(key.shape[-1])", "query / key.shape[-1]"),
        ("query / np.sqrt(key.shape[-1])", "query"),
        ("query / np.sqrt(key.shape[-1])", "query / np.sqrt(key.shape[0])"),
        ("np.maximum(query, key)", "np.minimum(query, key)"),
        ("query - key", "key - query"),
        ("query - key", "query + key"),
        ("query + key", "query"),
        ("query + key", "key"),
        ("query * 0.5", "query * 0.75"),
        ("np.where(query > 0, query, -np.inf)", "np.where(query >= 0, query, -np.inf)"),
        ("np.where(query > 0, query, -np.inf)", "np.where(query > 0, -np.inf, query)"),
        ("np.where(query > 0, query, -np.inf)", "np.where(query > 0, query, np.inf)"),
        ("np.where(query > 0, query, -np.inf)", "np.where(query > 0, query, -0.0)"),
        ("np.einsum('qd,kd->qk', query, key)", "np.einsum('qd,kd->kq', query, key)"),
        ("np.einsum('qd,kd->qk', query, key)", "np.einsum('qd,kd->qk', query, query)"),
        ("[q for q in range(len(key))]", "[q for q in range(len(key) - 1)]"),
        ("query & key", "query | key"),
        ("~query", "query"),
        ("query if key else 1", "1 if key else query"),
        ("query and key", "query or key"),
        ("query == key", "query != key"),
        ("np.tril(query)", "np.triu(query)"),
    ],
)
def test_the_mistakes_that_are_made(before, after, tmp_path):
    path = tmp_path / "programs_x.py"
    path.write_text(f"import numpy as np\nCORRECT = {{'scaled_scores': [lambda query, key: {before}]}}\n")
    (program,) = programs_of_variants(path)
    assert f"lambda query, key: {after}" in {mutant.after for mutant in mutants_of(program)}


def test_a_program_is_named_a_survivor_unless_a_reason_is_given(tmp_path):
    path = tmp_path / "programs_x.py"
    path.write_text("CORRECT = {'weighted_sum': [lambda weights, value: weights.copy() @ value]}")
    (program,) = programs_of_variants(path)
    (survivor,) = [fate for fate in survey.fates([program], []) if fate.how == "survived"]
    assert survivor.after == "lambda weights, value: weights @ value"
    known = survey.Equivalence("One.", frozenset({(survivor.task, survivor.before, survivor.after)}))
    fates = survey.fates([program], [known])
    assert [fate.why for fate in fates if fate.how == "equivalent"] == ["One."]
    assert survey.killed_share(fates) == 1
    assert survey.killed_share(survey.fates([program], [])) < 1


# The command


def test_the_report_is_printed_and_read_by_programs(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(report, "TASKS", {"project": TASKS["project"]})
    monkeypatch.setattr(survey, "right_programs", lambda root: [one for one in PROGRAMS if one.task == "project"])
    ran = CliRunner().invoke(cli.app, ["checks", "report", "--mutants"])
    assert ran.exit_code == 0, ran.output
    assert "weight_transposed" in ran.output
    assert "22 programs, 8 of them right: each verdict is the one that is due" in ran.output
    assert "100.0 % of the mutants that are not equivalent are rejected." in ran.output
    data = json.loads(CliRunner().invoke(cli.app, ["checks", "report", "--mutants", "--json"]).stdout)
    assert (data["programs"], data["problems"], data["mutants"]["killed_share"]) == (22, 0, 1.0)
    assert data["rows"][8]["named"] == "weight_transposed"
    assert data["confusions"]["M28"] == {"functions": [], "predictions": [], "orders": []}  # of other tasks
    assert data["mutants"]["numbers"] + data["mutants"]["exception"] == data["mutants"]["total"]


def test_without_a_course_folder_the_report_asks_for_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(cli.app, ["checks", "report"])
    assert ran.exit_code == 2
    assert "pyproject.toml" in ran.output
