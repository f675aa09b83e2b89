"""A tiny random model, written as a GGUF file."""

import gguf
import numpy as np

TINY = {
    "d_model": 64, "n_layers": 3, "n_heads": 4, "n_kv_heads": 2, "d_hidden": 96, "context_length": 128,
    "rotary_base": 1000.0, "norm_epsilon": 1e-5,
}  # fmt: skip
MARKS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MERGES = ["Ġ t", "h e", "Ġt he", "i n", "Ã ©", "a s", "s i", "as si", "s t"]


def byte_letters():
    """The letters that stand for bytes 0 to 255, as byte-level vocabularies have them since GPT-2."""
    letters, n_others = [], 0
    for byte in range(256):
        if 0x21 <= byte <= 0x7E or 0xA1 <= byte <= 0xAC or byte >= 0xAE:
            letters.append(chr(byte))
        else:
            letters.append(chr(256 + n_others))
            n_others += 1
    return letters


def tiny_tensors(seed=0):
    """Every tensor of the file: its values, and how they shall be stored."""
    rng, d, h = np.random.default_rng(seed), TINY["d_model"], TINY["d_hidden"]
    d_key = d * TINY["n_kv_heads"] // TINY["n_heads"]
    n_words = len(MARKS) + 256 + len(MERGES)

    def matrix(*shape):
        return rng.normal(scale=2 / np.sqrt(shape[-1]), size=shape).astype(np.float32)

    def gain():
        return rng.uniform(0.5, 1.5, size=d).astype(np.float32)

    tensors = {"token_embd.weight": (matrix(n_words, d), "Q8_0"), "output_norm.weight": (gain(), "F32")}
    for layer in range(TINY["n_layers"]):
        own = {
            "attn_norm": (gain(), "F32"), "ffn_norm": (gain(), "F32"),
            "attn_q": (matrix(d, d), "Q4_1"), "attn_k": (matrix(d_key, d), "Q4_1"),
            "attn_v": (matrix(d_key, d), "Q8_0"), "attn_output": (matrix(d, d), "Q4_1"),
            "ffn_gate": (matrix(h, d), "F32"), "ffn_up": (matrix(h, d), "Q4_1"), "ffn_down": (matrix(d, h), "Q4_1"),
        }  # fmt: skip
        tensors |= {f"blk.{layer}.{name}.weight": stored for name, stored in own.items()}
    return tensors


def write_tiny(path, *, tensors=None, architecture="llama", pre="smollm"):
    """Write the tiny model as a GGUF file; the arguments make it wrong in one place."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_embedding_length(TINY["d_model"])
    writer.add_block_count(TINY["n_layers"])
    writer.add_head_count(TINY["n_heads"])
    writer.add_head_count_kv(TINY["n_kv_heads"])
    writer.add_feed_forward_length(TINY["d_hidden"])
    writer.add_context_length(TINY["context_length"])
    writer.add_rope_freq_base(TINY["rotary_base"])
    writer.add_layer_norm_rms_eps(TINY["norm_epsilon"])
    pieces = [*MARKS, *byte_letters(), *(merge.replace(" ", "") for merge in MERGES)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(pieces)
    writer.add_token_types([3 if piece in MARKS else 1 for piece in pieces])
    writer.add_token_merges(MERGES)
    writer.add_eos_token_id(MARKS.index("<|im_end|>"))
    for name, (array, kind) in (tiny_tensors() if tensors is None else tensors).items():
        quantised = gguf.GGMLQuantizationType[kind]
        writer.add_tensor(name, gguf.quants.quantize(array, quantised), raw_dtype=quantised)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
