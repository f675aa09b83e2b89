"""The same model once more, written plainly: loops over layers, heads and tokens in float64, and pair encoding by hand.

It shares no code with the library; what agrees with it is right unless both are wrong in the same way.
"""

import itertools
import unicodedata

import numpy as np

WHITE = set("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {chr(code) for code in range(0x2000, 0x200B)}


def dequantised(raw, kind, shape):
    """Read blocks of 32 numbers as llama.cpp lays them out."""
    raw = raw.tobytes()
    if kind == "F32":
        return np.frombuffer(raw, "<f4").reshape(shape).astype(np.float64)
    numbers, size = [], {"Q8_0": 34, "Q4_1": 20}[kind]
    for begin in range(0, len(raw), size):
        block = raw[begin : begin + size]
        scale = float(np.frombuffer(block[:2], "<f2")[0])
        if kind == "Q8_0":
            numbers += [scale * value for value in np.frombuffer(block[2:], np.int8).tolist()]
        else:
            low = float(np.frombuffer(block[2:4], "<f2")[0])
            halves = [byte & 15 for byte in block[4:]] + [byte >> 4 for byte in block[4:]]
            numbers += [scale * value + low for value in halves]
    return np.array(numbers).reshape(shape)


def logits(tensors, sizes, tokens):
    """Run the model on a text; `tensors` under the names that the file has for them."""
    n_heads, n_kv, d = sizes["n_heads"], sizes["n_kv_heads"], sizes["d_model"]
    d_k = d // n_heads

    def norm(x, gain):
        return [row / np.sqrt(np.mean(row**2) + sizes["norm_epsilon"]) * gain for row in x]

    def turned(vector, position):
        result = np.empty(d_k)
        for pair in range(d_k // 2):
            angle = position * sizes["rotary_base"] ** (-2 * pair / d_k)
            a, b = vector[2 * pair], vector[2 * pair + 1]
            result[2 * pair] = a * np.cos(angle) - b * np.sin(angle)
            result[2 * pair + 1] = a * np.sin(angle) + b * np.cos(angle)
        return result

    x = [tensors["token_embd.weight"][token] for token in tokens]
    for layer in range(sizes["n_layers"]):
        w = {name.split(".")[2]: array for name, array in tensors.items() if name.startswith(f"blk.{layer}.")}
        normal = norm(x, w["attn_norm"])
        merged = [[] for _ in tokens]
        for head in range(n_heads):
            kv = head * n_kv // n_heads
            own, shared = slice(head * d_k, (head + 1) * d_k), slice(kv * d_k, (kv + 1) * d_k)
            query = [turned(w["attn_q"][own] @ row, i) for i, row in enumerate(normal)]
            key = [turned(w["attn_k"][shared] @ row, i) for i, row in enumerate(normal)]
            value = [w["attn_v"][shared] @ row for row in normal]
            for i in range(len(tokens)):
                exponentials = [np.exp(query[i] @ key[j] / np.sqrt(d_k)) for j in range(i + 1)]
                merged[i].append(sum(e / sum(exponentials) * v for e, v in zip(exponentials, value, strict=False)))
        x = [row + w["attn_output"] @ np.concatenate(parts) for row, parts in zip(x, merged, strict=True)]
        for i, row in enumerate(norm(x, w["ffn_norm"])):
            gate, up = w["ffn_gate"] @ row, w["ffn_up"] @ row
            x[i] = x[i] + w["ffn_down"] @ (gate / (1 + np.exp(-gate)) * up)
    return np.array([tensors["token_embd.weight"] @ row for row in norm(x, tensors["output_norm.weight"])])


def _kind(letter):
    if letter in WHITE:
        return "white"
    category = unicodedata.category(letter)[0]
    return {"L": "letter", "N": "number"}.get(category, "other")


def words(text):
    """Cut a text as llama.cpp does for SmolLM: each number sign by itself, then GPT-2's words."""
    pieces, piece = [], ""
    for letter in text:
        if _kind(letter) == "number":
            pieces += [piece, letter]
            piece = ""
        else:
            piece += letter
    return [word for piece in [*pieces, piece] for word in _gpt2_words(piece)]


def _gpt2_words(text):
    at = 0
    while at < len(text):
        short = next((s for s in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d") if text.startswith(s, at)), None)
        if short:
            yield short
            at += len(short)
            continue
        begin = at + 1 if text[at] == " " and at + 1 < len(text) and _kind(text[at + 1]) != "white" else at
        kind = _kind(text[begin])
        end = begin
        while end < len(text) and _kind(text[end]) == kind:
            end += 1
        if kind == "white" and end < len(text) and end - begin > 1:
            end -= 1  # the last blank belongs to the word that follows
        yield text[at:end]
        at = end


def encode(text, number, rank, letters):
    """Return the tokens of a text without marks: in each word, join the pair whose rule comes first, until none is.

    `number` says the token of each piece, `rank` the place of each rule, a pair of pieces.
    """
    tokens = []
    for word in words(text):
        parts = [letters[byte] for byte in word.encode("utf-8")]
        while True:
            ranked = [(rank.get(pair, len(rank)), at) for at, pair in enumerate(itertools.pairwise(parts))]
            if not ranked or min(ranked)[0] == len(rank):
                break
            at = min(ranked)[1]
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        tokens += [number[part] for part in parts]
    return tokens
