"""What a task is made of. An exercise module declares; the engine does the rest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

# Arrays of numbers or of True and False, whole numbers, lists; also objects that `copy.deepcopy` copies and pickle
# carries, such as a random generator: each call of an answer gets a copy of its own.
Arguments = dict[str, object]
Stage = Literal["plain", "batched", "precision", "large", "edge"]

# A right answer may compute in float32 or sum in another order; a wrong one is farther off than this.
TOLERANCE = 1e-5
# With scores around 1500, float32 itself is 1e-4 off inside the exponential.
LARGE_TOLERANCE = 2e-3


@dataclass(frozen=True)
class Named:
    """An argument or a result: its name and the names of its last axes (none for a single number)."""

    name: str
    axes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)  # looked up among a task's families by what it is
class Family:
    """A kind of input, drawn anew for each seed.

    Attributes
    ----------
    label : str
        The kind in words, as in "right for <label>".
    make : callable
        ``make(rng)`` gives the arguments by name, in the order of the call.
    stage : {"plain", "batched", "precision", "large", "edge"}
        Stages are run in this order and the first that fails is the one explained, so that the first message is
        about the step itself and not about a batch or an overflow. "edge" is a rare input that the step must bear,
        such as a query that may attend to nothing.
    so_far, look : str
        For an edge: what works already and what does not, in one sentence; and where to look, after "Where to look:".
    """

    label: str
    make: Callable[[np.random.Generator], Arguments]
    stage: Stage = "plain"
    tolerance: float = TOLERANCE
    so_far: str = ""
    look: str = ""


@dataclass(frozen=True, eq=False)  # known by what it is: results are kept by program
class WrongProgram:
    """A mistake that is known by name.

    Attributes
    ----------
    slug : str
    confusion : str or None
        An id of the catalogue, where the mistake is one of it.
    program : callable
        Behaves as the mistake does; called as the learner's function is.
    why : str
        What was done and why it is wrong.
    look : str
        Where to look: never the corrected line.
    """

    slug: str
    confusion: str | None
    program: Callable[..., Any]
    why: str
    look: str


@dataclass(frozen=True, eq=False)
class TwoMistakes(WrongProgram):
    """Two mistakes at once: `first`, and one that changes numbers but never a shape.

    Attributes
    ----------
    first : WrongProgram
    """

    first: WrongProgram


@dataclass(frozen=True)
class Property:
    """A promise that holds for every right answer, whatever the numbers.

    Attributes
    ----------
    promise : str
        One sentence, read by the learner when it is broken.
    broken : callable
        ``broken(call, rng)`` gives None, or what was seen instead, in words. ``call(**arguments)`` runs the answer
        and gives its array.
    shows : WrongProgram or None
        The mistake that breaks it, where there is one; one of the task's `programs`.
    through : callable or None
        As that of the task, in its place: for what is counted and not returned.
    """

    promise: str
    broken: Callable[[Callable[..., NDArray[np.float64]], np.random.Generator], str | None]
    shows: WrongProgram | None = None
    through: Callable[..., Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Task:
    """What all kinds of tasks have in common.

    Attributes
    ----------
    name : str
        As in ``check(name, answer)``.
    lesson : int
    title : str
    asked : str
        What is asked, in one sentence.
    hints : tuple of str
        Rungs: what to look at, the idea, the shape of the step; never the whole solution in one.
    points : int
    """

    name: str
    lesson: int
    title: str
    asked: str
    hints: tuple[str, ...] = ()
    points: int = 0


@dataclass(frozen=True, kw_only=True)
class FunctionTask(Task):
    """The learner writes a function.

    Attributes
    ----------
    arguments : tuple of Named
    result : Named
    reference : callable
        From `course_lib.attention`.
    families : tuple of Family
        The answer must be right on each of them. The one that is easiest to look at stands first: the first that fails
        is shown.
    separators : tuple of Family
        Inputs that decide nothing and only tell mistakes apart, such as square matrices on which a forgotten
        transpose gives numbers in place of an exception.
    programs : tuple of WrongProgram
    pairs : tuple of TwoMistakes
        Two mistakes at once; tried where none of `programs` explains an answer.
    properties : tuple of Property
    through : callable or None
        ``through(answer, *arguments)`` calls the answer, once or several times, and gives the array that is compared;
        one of `course_lib.checks.running.through`. None compares what one call returns. The named wrong programs are
        called in this way, too; the reference is not.
    seen_as : str
        With `through`: what its array is, read after "For <arguments>".
    """

    arguments: tuple[Named, ...]
    result: Named
    reference: Callable[..., Any]
    families: tuple[Family, ...]
    programs: tuple[WrongProgram, ...]
    separators: tuple[Family, ...] = ()
    pairs: tuple[TwoMistakes, ...] = ()
    properties: tuple[Property, ...] = ()
    through: Callable[..., Any] | None = None
    seen_as: str = ""


@dataclass(frozen=True, kw_only=True)
class ChoiceTask(Task):
    """The learner commits to a prediction; any of the letters is welcome.

    Attributes
    ----------
    options : mapping of letter to text
    right : str
    reveal : callable
        ``reveal()`` says what happens and why; its numbers are computed.
    confusion : str or None
        What a wrong letter points to.
    """

    options: Mapping[str, str]
    right: str
    reveal: Callable[[], str]
    confusion: str | None = None


@dataclass(frozen=True)
class Distractor:
    """A line that does not belong: the confusion behind it, where it is one of the catalogue, and why it is wrong."""

    confusion: str | None
    why: str


@dataclass(frozen=True, kw_only=True)
class OrderTask(Task):
    """The learner puts lines of code in order.

    Attributes
    ----------
    lines : mapping of letter to a line of code
    given : tuple of str
        The names that exist before the first line.
    tools : mapping of str to callable
        The functions that lines may call, besides NumPy.
    result : str
        The name that the last line makes.
    solution : str
    distractors : mapping of letter to Distractor
    make : callable
        ``make(rng)`` gives the arrays that the lines are run on.
    reference : callable
    without : mapping of letter to (confusion, sentence, sentence)
        What it means when a line of the solution is left out, and when it comes too late to have an effect.
    """

    lines: Mapping[str, str]
    given: tuple[str, ...]
    result: str
    solution: str
    distractors: Mapping[str, Distractor]
    make: Callable[[np.random.Generator], Arguments]
    reference: Callable[..., Any]
    without: Mapping[str, tuple[str | None, str, str]]
    tools: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
