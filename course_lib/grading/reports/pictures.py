"""The picture of a mistake: what was expected beside what came, on the example that the notebook itself shows.

It is drawn from the named wrong program and from public inputs. Nothing of a learner's code runs for it, and the inputs
that a submission was marked with are in no report.
"""

import functools

from course_lib.checks.engine import evaluate, find_task
from course_lib.checks.showing.rendering import comparison
from course_lib.checks.tasks import FunctionTask


@functools.cache
def picture_of(task: str, program: str) -> str:
    """Return the tables of a known mistake as HTML; '' where there is none."""
    found = find_task(task)
    if not isinstance(found, FunctionTask):
        return ""
    wrong = next((one for one in found.programs if one.slug == program), None)
    if wrong is None:
        return ""
    evidence = evaluate(task, wrong.program).evidence
    drawn = comparison(evidence) if evidence is not None else None
    return drawn[1].replace(">your ", ">with this mistake: ") if drawn is not None else ""
