"""Which exercises there are to mark: their tasks, and the name under which a notebook holds each answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Asked:
    """A task of an exercise, and the name of its answer, as the check cell ``check(task, answer)`` has them."""

    task: str
    answer: str


@dataclass(frozen=True)
class Assignment:
    """An exercise that can be marked.

    Attributes
    ----------
    name : str
        As its file is called, without the ending.
    asked : tuple of Asked
        In the order of the notebook.
    """

    name: str
    asked: tuple[Asked, ...]

    @property
    def lesson(self) -> int:
        """The number that it shares with its lesson."""
        return int(self.name[:2])


# Kept here and not read from the exercises: a grader may stand on a machine without them, and what a submission's check
# cells say is never asked. A test holds this table against the exercises' sources.
_ASKED = {
    "01_queries_keys_values": "project predict_shared_matrix=answer",
    "02_scores": "dot_product_scores scaled_scores",
    "03_softmax": "softmax softmax_with_temperature bug_hunt_softmax=attention_weights",
    "04_weighted_sum": "weighted_sum order_attention=order attention",
    "05_self_attention": "predict_merged_weights=answer self_attention",
    "06_masks": "causal_mask padding_mask masked_attention bug_hunt_mask=attention_weights",
    "07_multi_head": "split_heads merge_heads order_multi_head=order multi_head_attention "
    "bug_hunt_heads=attend_in_heads",
    "08_positions": "sinusoidal_positions rotate alibi_bias bug_hunt_positions=add_positions",
    "09_cost": "sliding_window_mask order_online_softmax=order online_attention decode_step",
    "10_training": "softmax_backward attention_entropy mean_attention_distance dropout",
    "11_real_model": "repeat_kv previous_token_score induction_score",
}


def _asked(written: str) -> Asked:
    task, _, answer = written.partition("=")
    return Asked(task, answer or task)


ASSIGNMENTS: Mapping[str, Assignment] = MappingProxyType(
    {name: Assignment(name, tuple(map(_asked, words.split()))) for name, words in _ASKED.items()}
)


def find_assignment(name: str) -> Assignment | None:
    """Return the exercise of a number or a name, such as ``"7"``, ``"07"`` or ``"07_multi_head"``, or None."""
    if name in ASSIGNMENTS:
        return ASSIGNMENTS[name]
    if not (name.isascii() and name.isdigit()):
        return None
    return next((one for one in ASSIGNMENTS.values() if one.lesson == int(name)), None)
