"""Judge a prediction: every letter is welcome; what counts is that the learner commits before looking."""

from typing import Any

from course_lib.checks.result import Result
from course_lib.checks.tasks import ChoiceTask


def judge_choice(task: ChoiceTask, answer: Any) -> Result:
    """Record a letter and compare it with what happens."""
    letters = list(task.options)
    if is_unanswered(answer):
        return _not_started(task, f"Commit first: answer = {_either(letters)}. A guess is welcome, and costs nothing.")
    letter = committed_letter(task, answer)
    if letter is None:
        shown = f"{answer[:20]!r}" if isinstance(answer, str) else f"a value of type {type(answer).__name__}"
        return _not_started(task, f"Your answer should be {_either(letters)}, but it is {shown}.")
    right = letter == task.right
    said = f"You said {letter}: {task.options[letter]}"
    happens = "That is what happens." if right else f"What happens is {task.right}: {task.options[task.right]}"
    message = f"{_sentence(said)} {_sentence(happens)}\n{task.reveal()}"
    return Result("passed", None if right else task.confusion, message, 0, 0, name=task.name)


def is_unanswered(answer: Any) -> bool:
    """Say whether nothing was answered yet."""
    return answer is None or answer is Ellipsis or (isinstance(answer, str) and answer.strip() in ("", "..."))


def committed_letter(task: ChoiceTask, answer: Any) -> str | None:
    """Return the letter of an answer, where it is one."""
    letter = answer.strip().strip("().").lower() if isinstance(answer, str) else None
    return letter if letter in task.options else None


def _not_started(task: ChoiceTask, message: str) -> Result:
    return Result("not_started", None, message, 0, 0, name=task.name)


def _either(letters: list[str]) -> str:
    quoted = [f"'{letter}'" for letter in letters]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
