"""The sizes of a language model, as its file says them."""

from dataclasses import dataclass

from course_lib.errors import OptionError
from course_lib.shapes import require_integer, require_number

_SIZES = ("vocabulary_size", "d_model", "n_layers", "n_heads", "n_kv_heads", "d_hidden", "context_length")


@dataclass(frozen=True)
class LanguageModelConfig:
    """The sizes of a language model of the Llama kind.

    Attributes
    ----------
    vocabulary_size, d_model, n_layers : int
    n_heads, n_kv_heads : int
        Heads of queries, and heads of keys and values: `n_heads // n_kv_heads` query heads share one of them.
    d_hidden : int
        The width of the feed-forward layers.
    context_length : int
        The longest text that the model was trained on, in tokens.
    rotary_base : float
        The base of the rotary positions.
    norm_epsilon : float
        What keeps the norm of a vector of zeros finite.
    """

    vocabulary_size: int
    d_model: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_hidden: int
    context_length: int
    rotary_base: float
    norm_epsilon: float

    def __post_init__(self) -> None:
        for name in _SIZES:
            require_integer(name, getattr(self, name), minimum=1)
        for name in ("rotary_base", "norm_epsilon"):
            require_number(name, getattr(self, name), positive=True)
        for whole, part in (("d_model", "n_heads"), ("n_heads", "n_kv_heads")):
            if getattr(self, whole) % getattr(self, part):
                raise OptionError(
                    f"{part} must divide {whole}, but {getattr(self, part)} does not divide {getattr(self, whole)}."
                )
        if self.d_k % 2:
            raise OptionError(
                f"d_k = d_model / n_heads must be even, because its components turn in pairs: {self.d_k}."
            )

    @property
    def d_k(self) -> int:
        """The components of one head."""
        return self.d_model // self.n_heads

    @property
    def n_repeats(self) -> int:
        """How many query heads share a head of keys and values."""
        return self.n_heads // self.n_kv_heads

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every parameter, in the order in which a token meets them.

        Matrices are stored output by output, ``(d_out, d_in)``: ``x @ weight.T`` then reads each of them once, from
        front to back. Query, key and value stand in one matrix, and so do gate and up: one product makes them all.
        """
        n_key = self.n_kv_heads * self.d_k
        shapes: dict[str, tuple[int, ...]] = {"embedding": (self.vocabulary_size, self.d_model)}
        for layer in range(self.n_layers):
            shapes |= {
                f"layer_{layer}.attention.norm": (self.d_model,),
                f"layer_{layer}.attention.w_query_key_value": (self.d_model + 2 * n_key, self.d_model),
                f"layer_{layer}.attention.w_output": (self.d_model, self.d_model),
                f"layer_{layer}.feed_forward.norm": (self.d_model,),
                f"layer_{layer}.feed_forward.w_gate_up": (2 * self.d_hidden, self.d_model),
                f"layer_{layer}.feed_forward.w_down": (self.d_model, self.d_hidden),
            }
        return shapes | {"norm": (self.d_model,)}
