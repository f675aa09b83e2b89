"""Reading a language model from a GGUF file: its sizes, its vocabulary, its weights as float32."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.errors import CourseError
from course_lib.models.language_model.config import LanguageModelConfig
from course_lib.models.language_model.packages import needed
from course_lib.models.language_model.tokenizer import Vocabulary
from course_lib.shapes import FloatArray

READABLE = ("F32", "Q4_1", "Q8_0")

_SIZES = {
    "d_model": "llama.embedding_length",
    "n_layers": "llama.block_count",
    "n_heads": "llama.attention.head_count",
    "n_kv_heads": "llama.attention.head_count_kv",
    "d_hidden": "llama.feed_forward_length",
    "context_length": "llama.context_length",
    "rotary_base": "llama.rope.freq_base",
    "norm_epsilon": "llama.attention.layer_norm_rms_epsilon",
}
# The parameters of the course, and the tensors of the file that stand in them, one below the other.
_LAYER = {
    "attention.norm": ("attn_norm",),
    "attention.w_query_key_value": ("attn_q", "attn_k", "attn_v"),
    "attention.w_output": ("attn_output",),
    "feed_forward.norm": ("ffn_norm",),
    "feed_forward.w_gate_up": ("ffn_gate", "ffn_up"),
    "feed_forward.w_down": ("ffn_down",),
}


class GGUFModel:
    """A GGUF file of a language model, opened to be read.

    Parameters
    ----------
    path : path

    Attributes
    ----------
    config : LanguageModelConfig
    vocabulary : Vocabulary

    Raises
    ------
    CourseError
        If the file is not there, is no GGUF file, or holds a model of another kind than this library runs.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        gguf = needed("gguf")
        try:
            self._reader: Any = gguf.GGUFReader(self.path)
        except FileNotFoundError:
            raise CourseError(f"There is no file {self.path}.") from None
        except (OSError, ValueError, IndexError, KeyError) as error:
            raise CourseError(f"{self.path} is not a complete GGUF file: {error}") from None
        self._dequantize: Callable[..., FloatArray] = gguf.quants.dequantize
        self._tensors = {tensor.name: tensor for tensor in self._reader.tensors}
        self._require("general.architecture", "llama", "architecture")
        self._require("tokenizer.ggml.model", "gpt2", "kind of tokenizer")
        self._require("tokenizer.ggml.pre", "smollm", "way to cut text into words")
        self.vocabulary = self._read_vocabulary()
        sizes = {name: self._field(key) for name, key in _SIZES.items()}
        self.config = LanguageModelConfig(vocabulary_size=len(self.vocabulary.tokens), **sizes)

    def parameters(self) -> Iterator[tuple[str, FloatArray]]:
        """Give every parameter with its name, dequantised to float32, one at a time.

        Raises
        ------
        CourseError
            If one is missing, has another shape than the sizes say, or is quantised in a way this library does not
            read.
        """
        for name, shape in self.config.shapes().items():
            parts = [self._tensor(tensor) for tensor in _tensor_names(name)]
            array = parts[0] if len(parts) == 1 else np.concatenate(parts)
            if array.shape != shape:
                raise CourseError(f"{self.path}: {name} has shape {array.shape}, but the sizes say {shape}.")
            yield name, array

    def _tensor(self, name: str) -> FloatArray:
        tensor = self._tensors.get(name)
        if tensor is None:
            raise CourseError(f"{self.path} has no tensor {name}.")
        kind = tensor.tensor_type.name
        if kind not in READABLE:
            raise CourseError(f"{self.path}: {name} is stored as {kind}, but this library reads {', '.join(READABLE)}.")
        array: FloatArray = self._dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
        return array

    def _read_vocabulary(self) -> Vocabulary:
        pieces, kinds, merges = (self._field(f"tokenizer.ggml.{name}") for name in ("tokens", "token_type", "merges"))
        gguf = needed("gguf")
        special = {int(gguf.TokenType.CONTROL), int(gguf.TokenType.USER_DEFINED)}
        return Vocabulary(
            tokens=tuple(pieces),
            merges=tuple(merges),
            special=tuple(piece for piece, kind in zip(pieces, kinds, strict=True) if kind in special),
            end=pieces[self._field("tokenizer.ggml.eos_token_id")],
        )

    def _field(self, key: str) -> Any:
        field = self._reader.get_field(key)
        if field is None:
            raise CourseError(f"{self.path} does not say {key}, which this library needs.")
        return field.contents()

    def _require(self, key: str, expected: str, what: str) -> None:
        found = self._field(key)
        if found != expected:
            raise CourseError(f"{self.path}: its {what} is {found!r}, but this library runs {expected!r} only.")


def _tensor_names(parameter: str) -> list[str]:
    """Return the names in the file of what stands in a parameter of the course."""
    if not parameter.startswith("layer_"):
        return [{"embedding": "token_embd.weight", "norm": "output_norm.weight"}[parameter]]
    layer, _, part = parameter.removeprefix("layer_").partition(".")
    return [f"blk.{layer}.{name}.weight" for name in _LAYER[part]]
