"""Let the checks judge every mutant of every right program: what is rejected, what survives, and why it may."""

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from course_lib.checks.engine import evaluate
from course_lib.checks.quality.mutants import Mutant, RightProgram, mutants_of, programs_of_source, programs_of_variants
from course_lib.checks.result import Result
from course_lib.checks.running.runner import LocalRunner

_SECONDS = 1.0  # a mutant may loop without end


@dataclass(frozen=True)
class Fate:
    """What became of a mutant.

    Attributes
    ----------
    task, before, after : str
    how : {"numbers", "exception", "equivalent", "survived"}
        Rejected for its numbers, rejected for an exception or something odd, accepted because nothing tells it from a
        right program, accepted though something does.
    why : str
        Of an equivalent one: why nothing tells it from a right program.
    """

    task: str
    before: str
    after: str
    how: str
    why: str = ""


def right_programs(root: Path) -> list[RightProgram]:
    """Return the solutions of a course folder and, where its tests are there, the right programs of other styles."""
    sources = sorted((root / "exercises" / "source").glob("*.py"))
    variants = sorted((root / "tests" / "checks").glob("programs_*.py"))
    return [
        *(program for path in sources for program in programs_of_source(path)),
        *(program for path in variants for program in programs_of_variants(path)),
    ]


@dataclass(frozen=True)
class Equivalence:
    """Mutants that no input can tell from a right program, and why.

    Attributes
    ----------
    why : str
    mutants : frozenset of (task, before, after)
    swap : tuple of str
        Two texts of which either may stand for the other once, in any task.
    """

    why: str
    mutants: frozenset[tuple[str, str, str]] = frozenset()
    swap: tuple[str, ...] = ()

    def holds(self, mutant: Mutant) -> bool:
        """Say whether this is the reason of a mutant."""
        if (mutant.task, mutant.before, mutant.after) in self.mutants:
            return True
        return any(mutant.after in _replaced_once(mutant.before, *pair) for pair in permutations(self.swap, 2))


def _replaced_once(text: str, old: str, new: str) -> Iterator[str]:
    for found in re.finditer(re.escape(old), text):
        yield text[: found.start()] + new + text[found.end() :]


def equivalences(root: Path) -> list[Equivalence]:
    """Read the reasons that stand beside the tests of a course folder."""
    path = root / "tests" / "checks" / "equivalent_mutants.toml"
    if not path.is_file():
        return []
    return [
        Equivalence(
            group["why"],
            frozenset((one["task"], one["before"], one["after"]) for one in group.get("mutants", ())),
            tuple(group.get("swap", ())),
        )
        for group in tomllib.loads(path.read_text(encoding="utf-8"))["equivalent"]
    ]


def fates(
    programs: Sequence[RightProgram],
    reasons: Sequence[Equivalence],
    *,
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> list[Fate]:
    """Judge every mutant of the programs."""
    found: list[Fate] = []
    for program in programs:
        found.extend(_fate(mutant, reasons, seed) for mutant in mutants_of(program))
        advance()
    return found


def _fate(mutant: Mutant, reasons: Sequence[Equivalence], seed: int) -> Fate:
    result = evaluate(mutant.task, mutant.build(), seed=seed, run=LocalRunner(_SECONDS))
    key = (mutant.task, mutant.before, mutant.after)
    if not result.passed:
        return Fate(*key, _reason_of(result))
    why = next((reason.why for reason in reasons if reason.holds(mutant)), "")
    return Fate(*key, "equivalent" if why else "survived", why)


def _reason_of(result: Result) -> str:
    if result.status == "broke":
        return "broke"
    return "exception" if result.evidence is not None and result.evidence.given is None else "numbers"


def killed_share(found: Sequence[Fate]) -> float:
    """Return the share of the mutants that are rejected, of those that are not equivalent."""
    counts = Counter(fate.how for fate in found)
    killed = counts["numbers"] + counts["exception"]
    judged = len(found) - counts["equivalent"]
    return killed / judged if judged else 1.0
