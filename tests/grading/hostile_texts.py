"""What a learner could write to harm those who read reports, and an entry of the gradebook that is full of it."""

from course_lib.grading.entries import Entry
from course_lib.grading.submission import Mark

MARKUP = (
    "<script>window.owned = 1</script><img src=x onerror=\"window.owned = 1\"><svg onload='window.owned = 1'>"
    "</pre></article></main><iframe src=javascript:alert(1)></iframe><a href='javascript:alert(1)'>x</a>"
    "<link rel=stylesheet href=//evil.invalid/x.css><style>@import url(//evil.invalid)</style>&lt;script&gt;"
    '"><body onload=window.owned=1><base href=//evil.invalid/><meta http-equiv=refresh content="0;url=//evil.invalid">'
)
ANSI = "\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b]8;;http://evil.invalid\x1b\\link\x1b]8;;\x1b\\ \x9b31m \x1bc\b\b\x00\x07"
BIDI = "\u202eevil\u202c \u2066x\u2069 \u200fy\u200b \ufeff \u2028 e" + "\u0301" * 50
FORMULA = "=cmd|'/C calc'!A0"
HOSTILE = f"`{MARKUP}` {ANSI} {BIDI}\n{MARKUP}"


def hostile_entry(learner=None, *, exercise="07_multi_head"):
    """An entry in which every text that can come from a learner is hostile."""
    tasks = ("split_heads", "merge_heads", "order_multi_head", "multi_head_attention", "bug_hunt_heads")
    statuses = ("passed", "not_yet", "not_started", "stopped", "broke")
    marks = tuple(
        Mark(task, status, "M20", f"{HOSTILE}", 1.0 * (status == "passed"), 1.0, "no_such_program")
        for task, status in zip(tasks, statuses, strict=True)
    )
    code = (
        f"def split_heads(x, n_heads):\n    '''{HOSTILE}'''",
        f"order = {HOSTILE!r}",
        "def merge_heads(x):\n    return x",
    )
    name = learner if learner is not None else HOSTILE
    return Entry(name, f"{HOSTILE}.ipynb", "d" * 64, exercise, "marked", "", marks, (HOSTILE,), HOSTILE, code, "seed 0")


def refused_entry(learner="bo"):
    """An entry of a file that was refused, with hostile words."""
    return Entry(learner, HOSTILE, "", "", "refused", HOSTILE)
