"""The same programs, right and wrong, given to this course's checks and to public checkers of the same exercises.

    python benchmarks/checkers.py            writes docs/checkers.md

The peers are torch-judge and mlsys-lab, from the Python package index; what is not installed is left out, and said.
Each of our tasks is paired with the peer's exercise that asks for the same function. A wrong program counts for a pair
only where it is wrong by the peer's own words: on ordinary input that its exercise allows, it differs from the right
function. Nothing of a peer is changed: its tests run as it ships them, on our programs behind an adapter.
"""

import ast
import contextlib
import importlib.metadata
import importlib.util
import io
import os
import re
import tempfile
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.attention import causal_mask
from course_lib.checks import evaluate
from course_lib.checks.engine import TASKS
from course_lib.checks.judging.differences import is_close
from course_lib.checks.quality import survey
from course_lib.checks.running.runner import run_trusted
from course_lib.checks.tasks import FunctionTask

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "checkers.md"
SHOWN = ("attention", "no_scale")  # the program whose messages are printed side by side

Function = Callable[..., Any]
Draw = Callable[[np.random.Generator], tuple[Any, ...]]


@dataclass(frozen=True)
class Verdict:
    """What a checker said about a program."""

    accepted: bool
    message: str


@dataclass(frozen=True)
class Pair:
    """One of our tasks, and the exercise of a peer that asks for the same function.

    Attributes
    ----------
    peer, task, exercise : str
    adapt : callable
        Turns our function into what the exercise asks for.
    draw : callable
        Ordinary input, as our function takes it, within what the exercise asks for.
    """

    peer: str
    task: str
    exercise: str
    adapt: Callable[[Function], Any]
    draw: Draw


def normal(*shapes: tuple[int, ...]) -> Draw:
    """Draw arrays of the given shapes."""
    return lambda rng: tuple(rng.normal(size=shape) for shape in shapes)


def with_causal_mask(rng: np.random.Generator) -> tuple[Any, ...]:
    """Draw query, key and value of one length, and the causal mask."""
    return (*normal((2, 6, 5), (2, 6, 5), (2, 6, 5))(rng), causal_mask(6))


def in_blocks(rng: np.random.Generator) -> tuple[Any, ...]:
    """Draw query, key and value of one length, and a block size that does not divide it."""
    return (*normal((7, 5), (7, 5), (7, 4))(rng), 3)


def large_rows(rng: np.random.Generator) -> tuple[Any, ...]:
    """Draw scores as both peers do: ordinary rows, and rows far above and below 0."""
    return (np.concatenate([rng.normal(size=(3, 5)), rng.normal(size=(2, 5)) + 1000, rng.normal(size=(2, 5)) - 1000]),)


# torch-judge: functions of tensors; it also looks whether a gradient is there, and the adapter gives it one of zeros.


def of_tensors(function: Function) -> Function:
    """Return a function of tensors that computes with NumPy."""
    import torch

    class Computed(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, *tensors: Any) -> Any:
            context.save_for_backward(*tensors)
            arrays = (tensor.detach().numpy().copy() for tensor in tensors)
            return torch.tensor(np.array(function(*arrays)), dtype=tensors[0].dtype)

        @staticmethod
        def backward(context: Any, gradient: Any) -> Any:
            return tuple(torch.zeros_like(tensor) for tensor in context.saved_tensors)

    return Computed.apply


def judged_softmax(function: Function) -> Function:
    """Return softmax as torch-judge calls it, also on a single row."""

    def softmax(x: Any, dim: int = -1) -> Any:
        return of_tensors(function)(x) if x.ndim > 1 else of_tensors(function)(x[None])[0]

    return softmax


def judged_causal(function: Function) -> Function:
    """Return causal attention, from attention with a mask."""
    return of_tensors(lambda query, key, value: function(query, key, value, causal_mask(query.shape[-2])))


def judged_blocks(function: Function) -> Function:
    """Return attention in blocks as torch-judge calls it: with a batch, where ours takes one matrix at a time."""

    def flash_attention(query: Any, key: Any, value: Any, block_size: int = 4) -> Any:
        def each(*arrays: Any) -> Any:
            return np.stack([function(*parts, block_size) for parts in zip(*arrays, strict=True)])

        return of_tensors(each)(query, key, value)

    return flash_attention


def judge(exercise: str, answer: Any) -> Verdict:
    """Let torch-judge check an answer, as in a notebook."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PROGRESS_PATH"] = f"{folder}/progress.json"
        from torch_judge import check, progress, tasks

        progress.PROGRESS_PATH = os.environ["PROGRESS_PATH"]
        name = tasks.TASKS[exercise]["function_name"]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), np.errstate(all="ignore"):
            exec("check(exercise)", {"check": check, "exercise": exercise, name: answer})
    text = re.sub(r"\x1b\[\d+m", "", printed.getvalue())
    failed = [line.strip() for line in text.splitlines() if re.match(r"\s+(❌|💥|\S.*)", line) and "✅" not in line]
    return Verdict("tests passed!" in text, "\n".join(failed))


# mlsys-lab: functions of lists


def of_lists(function: Function, name: str) -> types.SimpleNamespace:
    """Return a module with a function of lists, as a solution file has it."""

    def solve(*lists: Any, **options: Any) -> Any:
        arrays = (np.array(one, dtype=float) if isinstance(one, list) else one for one in lists)
        result = function(*arrays)
        return result.tolist() if isinstance(result, np.ndarray) else result

    return types.SimpleNamespace(**{name: solve})


def grade(exercise: str, solution: Any) -> Verdict:
    """Let mlsys-lab grade a solution; its message is the measured number and the gate."""
    from mlsys import runner, task

    found = task.find_task(exercise)
    load = found.load_module
    found.load_module = lambda name: solution if name == "solve.py" else load(name)
    with np.errstate(all="ignore"):
        result = runner.grade(found)
    if "ModuleNotFoundError" in str(result.error):  # a package that its own test needs: no verdict about our program
        raise RuntimeError(f"mlsys-lab cannot judge {exercise}: {str(result.error).splitlines()[-1]}")
    gates = [f"{gate.metric} {gate.value:.3g}, gate {gate.op} {gate.threshold:g}" for gate in result.gates]
    return Verdict(bool(result.passed), "\n".join(gates) or "error")


CHECKERS: dict[str, tuple[str, Callable[[str, Any], Verdict]]] = {
    "torch-judge": ("torch_judge", judge),
    "mlsys-lab": ("mlsys", grade),
}

PAIRS = (
    Pair("torch-judge", "softmax", "softmax", judged_softmax, large_rows),
    Pair("torch-judge", "attention", "attention", of_tensors, normal((2, 3, 5), (2, 4, 5), (2, 4, 6))),
    Pair("torch-judge", "masked_attention", "causal_attention", judged_causal, with_causal_mask),
    Pair("torch-judge", "online_attention", "flash_attention", judged_blocks, in_blocks),
    Pair("mlsys-lab", "softmax", "alg-stable-softmax-on-large-logits",
         lambda function: of_lists(function, "stable_softmax"), large_rows),
    Pair("mlsys-lab", "attention", "llm-debug-softmax-over-wrong-query-axis",
         lambda function: of_lists(function, "sdpa"), normal((2, 3, 5), (2, 4, 5), (2, 4, 6))),
    Pair("mlsys-lab", "multi_head_attention", "llm-debug-mha-missing-transpose-head-seq-mix",
         lambda function: of_lists(function, "mha_forward"),
         lambda rng: (*normal((2, 5, 6), (6, 6), (6, 6), (6, 6), (6, 6))(rng), 3)),
    Pair("mlsys-lab", "online_attention", "llm-streaming-softmax-over-kv-blocks-matches-full",
         lambda function: of_lists(function, "streaming_softmax_attention"), in_blocks),
)  # fmt: skip


def ours(name: str, answer: Any) -> Verdict:
    """Let this course check an answer."""
    result = evaluate(name, answer)
    return Verdict(result.passed, result.message)


def programs(task: FunctionTask, pair: Pair) -> Iterator[tuple[str, Function, bool]]:
    """Yield the programs of a task that a pair can compare: a name, the function, and whether it is right."""
    for right in survey.right_programs(ROOT):
        if right.task == task.name:
            yield ast.unparse(right.function).splitlines()[0].strip(":"), right.build(), True
    for program in task.programs:
        if differs(task.reference, program.program, pair.draw):
            yield program.slug, program.program, False


def differs(reference: Function, program: Function, draw: Draw) -> bool:
    """Say whether a program is wrong on the input of an exercise; an exception is wrong, too."""
    for seed in range(3):
        drawn = {str(place): one for place, one in enumerate(draw(np.random.default_rng(seed)))}
        expected, given = run_trusted(reference, drawn), run_trusted(program, drawn)
        if expected.array is None:
            raise RuntimeError(f"the reference gave no array: {expected}")
        if given.array is None or not is_close(expected.array, given.array, 1e-5):
            return True
    return False


@dataclass
class Counts:
    """What a checker did with the programs of a pair."""

    right: int = 0
    accepted: int = 0
    wrong: int = 0
    rejected: int = 0

    def __post_init__(self) -> None:
        self.missed: list[str] = []
        self.refused: list[str] = []
        self.messages: set[str] = set()

    def add(self, name: str, is_right: bool, verdict: Verdict) -> None:
        """Count a verdict."""
        if is_right:
            self.right += 1
            self.accepted += verdict.accepted
            if not verdict.accepted:
                self.refused.append(name)
        else:
            self.wrong += 1
            self.rejected += not verdict.accepted
            if verdict.accepted:
                self.missed.append(name)
            else:
                self.messages.add(re.sub(r"-?\d[\d.e+-]*|inf|nan", "#", verdict.message, flags=re.IGNORECASE))


def compare(pair: Pair) -> tuple[Counts, Counts, dict[str, str]]:
    """Give all programs of a pair to both checkers; return what each did, and what each says of one mistake."""
    task = TASKS[pair.task]
    assert isinstance(task, FunctionTask)
    of_peer, of_ours, said = Counts(), Counts(), {}
    run = CHECKERS[pair.peer][1]
    for name, function, is_right in programs(task, pair):
        verdicts = run(pair.exercise, pair.adapt(function)), ours(pair.task, function)
        of_peer.add(name, is_right, verdicts[0])
        of_ours.add(name, is_right, verdicts[1])
        if (pair.task, name) == SHOWN:
            said = {pair.peer: verdicts[0].message, "this course": verdicts[1].message}
    return of_peer, of_ours, said


def main() -> None:
    """Compare with every peer that is installed, and write the page."""
    pairs = [pair for pair in PAIRS if pair.task in TASKS]
    missing = {name for name, (module, _) in CHECKERS.items() if importlib.util.find_spec(module) is None}
    lines, examples, details = [], {}, []
    for pair in pairs:
        if pair.peer in missing:
            continue
        of_peer, of_ours, said = compare(pair)
        examples.update(said)
        lines += [row(pair, pair.peer, of_peer), row(pair, "this course", of_ours)]
        for name, exercise, counts in ((pair.peer, pair.exercise, of_peer), ("this course", pair.task, of_ours)):
            if counts.missed or counts.refused:
                wrong, right = listed("accepts the wrong", counts.missed), listed("refuses the right", counts.refused)
                details.append(f"* {name}, `{exercise}`{wrong}{right}")
        print(*lines[-2:], sep="\n", flush=True)
    if missing:
        print(f"Not installed, so left out: {', '.join(sorted(missing))}. The page is not written.")
        return
    PAGE.write_text(page(lines, details, examples), encoding="utf-8", newline="\n")


def listed(words: str, names: list[str]) -> str:
    """Write the programs that were judged wrongly."""
    return f" {words}: {', '.join(f'`{name}`' for name in names)}." if names else ""


def row(pair: Pair, checker: str, counts: Counts) -> str:
    """Return a row of the table."""
    exercise = pair.exercise if checker == pair.peer else pair.task
    return (
        f"| {checker} | {exercise} | {counts.rejected} of {counts.wrong} | {counts.accepted} of {counts.right} "
        f"| {len(counts.messages)} |"
    )


def page(lines: list[str], details: list[str], examples: dict[str, str]) -> str:
    """Return the page."""
    versions = " and ".join(f"{name} {importlib.metadata.version(name)}" for name in CHECKERS)
    shown = "\n\n".join(
        f"{name}:\n\n```text\n{message}\n```" for name, message in sorted(examples.items(), reverse=True)
    )
    return f"""# The same programs before other checkers

{versions} are public checkers that ask for some of the functions of this course and can be
installed from the Python package index. `benchmarks/checkers.py` gives the same programs to each of them and to this
course's checks: the named wrong programs of our task, and right programs in several styles. A wrong program counts
only where it is wrong by the peer's own words, on ordinary input that its exercise allows. What a peer does not ask
for, such as large scores in attention, is not held against it.

The wrong programs are those that this course knows by name, so that it rejects them is what its own tests ask for; the
table says what the others make of them. "Different messages" counts the texts, numbers aside, that the rejected
programs get: with one text for all, a learner knows that something is wrong, and not what.

| checker | exercise | wrong programs rejected | right programs accepted | different messages |
| --- | --- | ---: | ---: | ---: |
{chr(10).join(lines)}

{chr(10).join(details)}

torch-judge works on tensors and looks whether gradients are there; our programs compute with NumPy, so the adapter
hands over a gradient of zeros, which its tests accept. mlsys-lab hands over lists, which the adapter turns into arrays;
it compares with 1e-6, which a program that computes in float32 may miss.

## What each says when the scale is left out of attention

{shown}
"""


if __name__ == "__main__":
    main()
