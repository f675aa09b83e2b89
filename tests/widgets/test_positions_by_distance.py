"""Positions without a front end: its curves, what moving the query changes, its words, its messages."""

from typing import Any

import numpy as np
import pytest

from course_lib import attention as steps
from course_lib.errors import OptionError
from course_lib.widgets import Positions


def test_curves_are_the_scores_of_attention_with_that_encoding() -> None:
    positions = Positions(50, d_model=16, base=500.0, head=2, n_heads=4, n_distances=32)
    distances = np.arange(32)
    np.testing.assert_array_equal(positions.distances, distances)
    table = steps.sinusoidal_positions(51, 16)
    np.testing.assert_allclose(positions.sinusoidal, table[50 - distances] @ table[50] / 4, atol=1e-12)
    content = positions.query_content
    assert np.linalg.norm(content) == pytest.approx(4)
    rotated = steps.rotate(np.tile(content, (51, 1)), np.arange(51), base=500.0)
    np.testing.assert_allclose(positions.rotary, rotated[50 - distances] @ rotated[50] / 4, atol=1e-12)
    np.testing.assert_allclose(positions.alibi, -(2.0**-6) * distances, atol=1e-12)


def test_a_matrix_between_the_sinusoids_is_a_score_of_projected_encodings() -> None:
    positions = Positions(70, d_model=8, learned=True)
    table = steps.sinusoidal_positions(71, 8)
    expected = [table[70] @ positions.learned_matrix @ table[70 - distance] / np.sqrt(8) for distance in range(64)]
    np.testing.assert_allclose(positions.sinusoidal, expected, atol=1e-12)


@pytest.mark.parametrize("d_model", [2, 6, 64, 128])
def test_moving_the_query_changes_the_sinusoids_only_and_only_with_a_matrix_between(d_model: int) -> None:
    positions = Positions(63, d_model=d_model)
    for place in (64, 200, 1023):
        positions.learned = False
        positions.position = place
        assert positions.change.max() < 1e-9
        positions.learned = True
        assert positions.change[0] > 0.1
        assert positions.change[1:].max() < 1e-9


def test_the_base_moves_the_rotation_alone_and_the_head_the_bias_alone() -> None:
    positions = Positions()
    curves = positions.sinusoidal, positions.rotary, positions.alibi
    positions.base = 100.0
    np.testing.assert_array_equal(positions.sinusoidal, curves[0])
    assert np.abs(positions.rotary - curves[1]).max() > 0.1
    positions.head = 0
    np.testing.assert_array_equal(positions.alibi, -0.5 * np.arange(64))
    np.testing.assert_array_equal(positions.sinusoidal, curves[0])


def test_positions_say_the_scores_at_the_marked_distance() -> None:
    positions = Positions(100, d_model=2, head=0, distance=2)
    sine, turned = np.cos(2) / np.sqrt(2), 2 * np.cos(2) / np.sqrt(2)
    assert repr(positions) == (
        f"A query at position 100 gives a key 2 before it the scores sinusoidal {sine:.2f}, rotary {turned:.2f}, "
        "ALiBi -1.00."
    )
    positions.learned = True
    assert "(with a random matrix between)" in repr(positions)


def test_positions_picture_and_sliders_follow_the_state() -> None:
    positions = Positions(n_distances=16, n_heads=2, head=1)
    before = positions.figure()
    assert "position 100; at distance 8: sinusoidal" in before.caption
    positions.d_model = 32
    assert positions.figure().png() != before.png()
    ranges = {
        slider.description: (slider.min, slider.max, slider.step)
        for slider in positions.sliders("position", "distance", "head", "d_model", "base").children
    }
    assert ranges["position"] == (15, 1023, 1)
    assert ranges["distance"] == (0, 15, 1)
    assert ranges["head"] == (0, 1, 1)
    assert ranges["d_model"] == (2, 128, 2)
    assert [slider.description for slider in positions.sliders().children] == ["position", "distance"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"position": 62}, "position must be at least 63, so that there is a key at each of the 64 distances"),
        ({"position": 1024}, "position must be between 0 and 1023, but it is 1024"),
        ({"position": 80.5}, "position must be a whole number"),
        ({"d_model": 7}, "d_model must be even"),
        ({"d_model": 10**6}, "d_model must be between 2 and 128"),
        ({"base": 1.0}, "base must be between 2 and"),
        ({"base": np.nan}, "base must be a finite number"),
        ({"head": 8}, "head must be between 0 and 7, but it is 8"),
        ({"head": "all"}, "head must be a whole number"),
        ({"n_heads": 0}, "n_heads must be between 1 and 16"),
        ({"distance": 64}, "distance must be between 0 and 63"),
        ({"n_distances": 1000}, "n_distances must be between 8 and 128"),
        ({"controls": ["slope"]}, "controls must name some of position, d_model, head, base, learned"),
    ],
)
def test_positions_name_what_is_wrong(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Positions(**options)


def test_positions_keep_their_state_when_a_new_one_is_refused() -> None:
    positions = Positions()
    for name, bad in (("position", 5), ("d_model", 9), ("head", 8), ("distance", 64)):
        before = getattr(positions, name)
        with pytest.raises(OptionError):
            setattr(positions, name, bad)
        assert getattr(positions, name) == before
