"""Programs for lesson 08 as learners write them: right ones in several styles, and wrong ones with what is behind them.

They are written apart from the named wrong programs of course_lib.checks, so that the tests do not compare a program
with itself.
"""

import cmath
import math

import numpy as np

# Sinusoids


def table_by_slices(seq_len, d_model):
    table = np.zeros((seq_len, d_model))
    positions = np.arange(seq_len).reshape(-1, 1)
    frequencies = np.exp(-np.arange(0, d_model, 2) * math.log(10000.0) / d_model)
    table[:, 0::2] = np.sin(positions * frequencies)
    table[:, 1::2] = np.cos(positions * frequencies)
    return table


def table_by_loops(seq_len, d_model):
    rows = []
    for p in range(seq_len):
        row = []
        for i in range(d_model // 2):
            angle = p / 10000 ** (2 * i / d_model)
            row += [math.sin(angle), math.cos(angle)]
        rows.append(row)
    return rows


def table_by_stack(seq_len, d_model):
    angles = np.outer(np.arange(seq_len), 10000 ** (-np.arange(d_model // 2) * 2 / d_model))
    return np.dstack([np.sin(angles), np.cos(angles)]).reshape(seq_len, d_model)


def table_by_phase(seq_len, d_model):
    c = np.arange(d_model)
    angles = np.arange(seq_len)[:, None] * 1e-4 ** (2 * (c // 2) / d_model)
    return np.sin(angles + (c % 2) * np.pi / 2)


def table_by_complex(seq_len, d_model):
    turns = [[cmath.exp(1j * p / 10000 ** (2 * i / d_model)) for i in range(d_model // 2)] for p in range(seq_len)]
    return [[part for z in row for part in (z.imag, z.real)] for row in turns]


def waves(seq_len, d_model, exponent_even, exponent_odd=None, base=10000.0, start=0):
    """Sines and cosines with exponents of the number of the component."""
    table = np.zeros((seq_len, d_model))
    for p in range(seq_len):
        for c in range(0, d_model, 2):
            odd = exponent_odd or exponent_even
            table[p, c] = np.sin((p + start) / base ** exponent_even(c, d_model))
            table[p, c + 1] = np.cos((p + start) / base ** odd(c, d_model))
    return table


# Rotations


def rotate_by_complex(x, positions):
    pairs = x[..., 0::2] + 1j * x[..., 1::2]
    frequencies = 10000.0 ** (-2 * np.arange(x.shape[-1] // 2) / x.shape[-1])
    turned = pairs * np.exp(1j * np.asarray(positions)[:, None] * frequencies)
    return np.stack([turned.real, turned.imag], axis=-1).reshape(x.shape)


def rotate_by_slices(x, positions):
    d_k = x.shape[-1]
    angles = positions[:, None] / 10000 ** (np.arange(0, d_k, 2) / d_k)
    cos, sin = np.cos(angles), np.sin(angles)
    rotated = np.empty_like(x)
    rotated[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
    rotated[..., 1::2] = x[..., 0::2] * sin + x[..., 1::2] * cos
    return rotated


def rotate_by_neighbours(x, positions):
    d_k = x.shape[-1]
    angles = np.repeat(np.outer(positions, 10000.0 ** (-np.arange(0, d_k, 2) / d_k)), 2, axis=-1)
    swapped = np.zeros_like(x)
    swapped[..., ::2], swapped[..., 1::2] = -x[..., 1::2], x[..., ::2]
    return x * np.cos(angles) + swapped * np.sin(angles)


def rotate_by_matrices(x, positions):
    d_k = x.shape[-1]
    result = np.zeros(x.shape)
    for t, p in enumerate(positions):
        matrix = np.zeros((d_k, d_k))
        for i in range(d_k // 2):
            angle = p / 10000 ** (2 * i / d_k)
            block = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
            matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = block
        result[..., t, :] = x[..., t, :] @ matrix.T
    return result


def rotate_in_float32(x, positions):
    return rotate_by_slices(x.astype(np.float32), positions).tolist()


def half_angles(x, positions, base=10000.0):
    half = x.shape[-1] // 2
    return positions[:, None] * base ** (-np.arange(half) / half)


def llama(x, positions):
    half = x.shape[-1] // 2
    angles = np.concatenate([half_angles(x, positions)] * 2, axis=-1)
    return x * np.cos(angles) + np.concatenate([-x[..., half:], x[..., :half]], axis=-1) * np.sin(angles)


def repeated_angles_and_halves(x, positions):
    half = x.shape[-1] // 2
    angles = np.repeat(half_angles(x, positions), 2, axis=-1)
    return x * np.cos(angles) + np.concatenate([-x[..., half:], x[..., :half]], axis=-1) * np.sin(angles)


def tiled_angles_and_neighbours(x, positions):
    angles = np.tile(half_angles(x, positions), 2)
    swapped = np.empty_like(x)
    swapped[..., ::2], swapped[..., 1::2] = -x[..., 1::2], x[..., ::2]
    return x * np.cos(angles) + swapped * np.sin(angles)


def overwrites_the_first(x, positions):
    angles = half_angles(x, positions)
    turned = x.copy()
    turned[..., ::2] = turned[..., ::2] * np.cos(angles) - turned[..., 1::2] * np.sin(angles)
    turned[..., 1::2] = turned[..., ::2] * np.sin(angles) + turned[..., 1::2] * np.cos(angles)
    return turned


def halves_side_by_side(x, positions):
    angles = half_angles(x, positions)
    a, b = x[..., ::2], x[..., 1::2]
    return np.concatenate([a * np.cos(angles) - b * np.sin(angles), a * np.sin(angles) + b * np.cos(angles)], axis=-1)


def turned_by(angles_of, minus=-1):
    def program(x, positions):
        angles = angles_of(x, positions)
        turned = np.empty_like(x)
        turned[..., ::2] = x[..., ::2] * np.cos(angles) + minus * x[..., 1::2] * np.sin(angles)
        turned[..., 1::2] = x[..., ::2] * np.sin(angles) + x[..., 1::2] * np.cos(angles)
        return turned

    return program


# Biases


def alibi_by_loops(n_heads, n_queries, n_keys):
    bias = np.zeros((n_heads, n_queries, n_keys))
    slope = 1.0
    for h in range(n_heads):
        slope *= 2 ** (-8 / n_heads)
        for i in range(n_queries):
            for j in range(n_keys):
                bias[h, i, j] = -slope * abs(i - j)
    return bias


def alibi_by_einsum(n_heads, n_queries, n_keys):
    distance = np.abs(np.subtract.outer(np.arange(n_queries), np.arange(n_keys)))
    return np.einsum("h,ij->hij", -np.exp2(-8 * np.arange(1, n_heads + 1) / n_heads), distance)


def alibi_by_start_and_ratio(n_heads, n_queries, n_keys):
    """As the paper's published code computes the slopes."""
    start = 2 ** (-(2 ** -(math.log2(n_heads) - 3)))
    slopes = np.array([start * start**h for h in range(n_heads)])
    i, j = np.ogrid[:n_queries, :n_keys]
    return np.minimum(i - j, j - i) * slopes.reshape(-1, 1, 1)


def alibi_with(slopes_of=None, distance=lambda i, j: abs(i - j)):
    def program(n_heads, n_queries, n_keys):
        slopes = slopes_of(n_heads) if slopes_of else [2 ** (-8 * (h + 1) / n_heads) for h in range(n_heads)]
        table = [[distance(i, j) for j in range(n_keys)] for i in range(n_queries)]
        return np.array([-np.multiply(slope, table) for slope in slopes])

    return program


CORRECT = {
    "sinusoidal_positions": [
        table_by_slices, table_by_loops, table_by_stack, table_by_phase, table_by_complex,
        lambda seq_len, d_model: table_by_slices(seq_len, d_model).astype(np.float32),
    ],
    "rotate": [
        rotate_by_complex, rotate_by_slices, rotate_by_neighbours, rotate_by_matrices, rotate_in_float32,
    ],
    "alibi_bias": [
        alibi_by_loops, alibi_by_einsum, alibi_by_start_and_ratio,
        lambda n_heads, n_queries, n_keys: alibi_by_einsum(n_heads, n_queries, n_keys).astype(np.float32),
    ],
    "bug_hunt_positions": [
        lambda x: x + table_by_slices(x.shape[1], x.shape[2]),
        lambda x: x + table_by_slices(*x.shape[-2:])[np.newaxis],
        lambda x: np.array([sequence + table_by_loops(len(sequence), x.shape[-1]) for sequence in x]),
        lambda x: (x.astype(np.float32) + table_by_phase(*x.shape[-2:])).tolist(),
    ],
}  # fmt: skip

# task -> (program, the confusion that the check must name, the named program that it must be explained by)
WRONG = {
    "sinusoidal_positions": [
        (lambda n, d: waves(n, d, lambda c, d: c / d, lambda c, d: (c + 1) / d), None,
         "a_frequency_for_each_component"),
        (lambda n, d: waves(n, d, lambda c, d: 2 * c / d), None, "exponent_doubled"),
        (lambda n, d: waves(n, d, lambda c, d: 2 * c / d, lambda c, d: 2 * (c + 1) / d), None,
         "doubled_and_a_frequency_for_each"),
        (lambda n, d: waves(n, d, lambda c, d: c // 2 / d), None, "exponent_halved"),
        (lambda n, d: waves(n, d, lambda c, d: c / d, base=1000.0), None, "base_1000"),
        (lambda n, d: waves(n, d, lambda c, d: c / d, start=1), None, "from_one"),
        (lambda n, d: waves(n, d, lambda c, d: -c / d), None, "faster_and_faster"),
        (lambda n, d: waves(n, d, lambda c, d: 0), None, "no_frequencies"),
        (lambda n, d: np.hstack([np.array(table_by_loops(n, d))[:, k::2] for k in (0, 1)]), None, "in_halves"),
        (lambda n, d: np.array(table_by_loops(n, d)).T, None, "transposed"),
        (lambda n, d: np.cos(np.arange(d) % 2 * np.pi / 2 - np.outer(range(n), 1e-4 ** (np.arange(d) // 2 * 2 / d))),
         None, "cosine_first"),
    ],
    "rotate": [
        (llama, None, "pairs_across_halves"),
        (repeated_angles_and_halves, None, "angles_alternate_pairs_do_not"),
        (tiled_angles_and_neighbours, None, "pairs_alternate_angles_do_not"),
        (overwrites_the_first, None, "second_from_the_new_first"),
        (halves_side_by_side, None, "left_in_halves"),
        (turned_by(half_angles, minus=1), None, "no_minus"),
        (turned_by(lambda x, positions: -half_angles(x, positions)), None, "other_way_round"),
        (turned_by(lambda x, positions: half_angles(x, np.arange(len(positions)))), None, "positions_ignored"),
        (turned_by(lambda x, positions: half_angles(x, positions + 1)), None, "positions_from_one"),
        (turned_by(lambda x, positions: half_angles(x, positions, base=100.0)), None, "exponent_halved"),
        (turned_by(lambda x, positions: half_angles(x, positions, base=1000.0)), None, "base_1000"),
        (turned_by(lambda x, positions: positions[:, None]), None, "one_angle_for_all_pairs"),
    ],
    "alibi_bias": [
        (lambda h, q, k: -alibi_by_einsum(h, q, k), None, "rewarded"),
        (alibi_with(lambda n: [2 ** (-8 * h / n) for h in range(n)]), None, "slopes_from_one"),
        (alibi_with(lambda n: [1 / 2 ** (h + 1) for h in range(n)]), None, "slopes_of_eight_heads"),
        (alibi_with(lambda n: [1 - h / n for h in range(n)]), None, "slopes_fall_evenly"),
        (alibi_with(lambda n: [2 ** (-8 * h / n) for h in range(n, 0, -1)]), None, "slopes_reversed"),
        (alibi_with(distance=lambda i, j: i - j), None, "signed"),
        (alibi_with(distance=lambda i, j: max(0, i - j)), None, "no_distance_to_the_future"),
        (alibi_with(distance=lambda i, j: i - j if j <= i else np.inf), None, "masked_too"),
        (alibi_with(distance=lambda i, j: (i - j) ** 2), None, "squared"),
        (lambda h, q, k: np.stack(list(alibi_by_loops(h, q, k)), axis=2), None, "heads_last"),
    ],
    "bug_hunt_positions": [
        (lambda x: x + table_by_slices(x.shape[0], x.shape[2])[:, None, :], "M23", "positions_of_the_batch"),
        (lambda x: x + np.swapaxes(np.broadcast_to(table_by_slices(len(x), x.shape[-1]), (x.shape[1], *x.shape[::2])),
                                   0, 1), "M23", "positions_of_the_batch"),
        (lambda x: x + table_by_slices(x.shape[-1], x.shape[-1])[:, 0], "M23", "positions_of_the_components"),
        (lambda x: x + table_by_slices(x[..., 0].size, x.shape[-1]).reshape(x.shape), "M23", "counted_on"),
        (lambda x: x + np.array([0, 1] * (x.shape[-1] // 2)), "M23", "first_position_for_all"),
        (lambda x: x + table_by_slices(x.shape[1] + 1, x.shape[2])[1:], None, "from_one"),
        (lambda x: x * table_by_slices(x.shape[1], x.shape[2]), None, "multiplied"),
        (lambda x: table_by_slices(x.shape[1], x.shape[2]), None, "table_alone"),
    ],
}  # fmt: skip
