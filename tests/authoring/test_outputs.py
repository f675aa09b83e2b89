"""What is stored of an output: nothing random, nothing of one machine."""

import base64
import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from nbformat import from_dict

from course_lib.authoring.errors import BuildError
from course_lib.authoring.outputs import clean_outputs, clean_png
from course_lib.authoring.pixels import same_picture


def stream(text, name="stdout"):
    return from_dict({"output_type": "stream", "name": name, "text": text})


def display(**data):
    return from_dict({"output_type": "display_data", "metadata": {}, "data": data})


def picture(values=(1, 2, 4), *, size=(4, 3), title="Scores", pad=None, software="matplotlib", **settings):
    with mpl.rc_context(settings):
        figure, axes = plt.subplots(figsize=size)
        axes.plot(values)
        axes.set_title(title)
        axes.set_xlabel("the number of components, d_k")
        file = io.BytesIO()
        box = {} if pad is None else {"bbox_inches": "tight", "pad_inches": pad}
        figure.savefig(file, format="png", metadata={"Software": software}, **box)
        plt.close(figure)
    return base64.b64encode(file.getvalue()).decode()


def test_clean_outputs_joins_what_a_kernel_sent_in_pieces():
    cleaned = clean_outputs([stream("a\n"), stream("b\n"), display(**{"text/plain": "1"}), stream("c")], where="here")
    assert [output.get("text") for output in cleaned] == ["a\nb\n", None, "c"]


def test_clean_outputs_drops_widget_views_and_keeps_their_picture_and_text():
    view = {"model_id": "8ab1f3", "version_major": 2, "version_minor": 0}
    mimes = {"application/vnd.jupyter.widget-view+json": view, "text/plain": "Stage(4 tokens)", "image/png": picture()}
    (cleaned,) = clean_outputs([display(**mimes)], where="here")
    assert sorted(cleaned.data) == ["image/png", "text/plain"]


def test_clean_outputs_keeps_the_message_of_an_error_and_no_frame():
    frames = ["File /home/someone/course_lib/attention/softmax.py:51, in softmax"]
    error = from_dict({"output_type": "error", "ename": "ShapeError", "evalue": "no axis", "traceback": frames})
    (cleaned,) = clean_outputs([error], where="here")
    assert cleaned.traceback == ["ShapeError: no axis"]


@pytest.mark.parametrize(
    "text",
    [
        "<function softmax at 0x7f2b8c0d5e40>",
        "saved to /home/someone/course/.course/progress.json",
        "kernel in /Users/someone/.venv/bin/python",
        "saved to C:\\Users\\someone\\course",
        "see /tmp/ipykernel_12/1.py:3",
    ],
)
def test_clean_outputs_refuses_what_only_this_machine_shows(text):
    for output in (stream(text), display(**{"text/html": f"<p>{text}</p>"}), display(**{"text/plain": text})):
        with pytest.raises(BuildError, match=r"rows, cell a shows .* of this machine"):
            clean_outputs([output], where="rows, cell a")


@pytest.mark.parametrize("text", ["0x10", "and/or", "1/home", "q / k", "../exercises/02_scores.ipynb", "a: b"])
def test_clean_outputs_leaves_ordinary_text_alone(text):
    assert clean_outputs([stream(text)], where="here")[0].text == text


def test_clean_png_makes_pictures_of_two_programs_equal():
    first, second = picture(software="matplotlib 3.8"), picture(software="matplotlib 3.11")
    assert first != second
    assert clean_png(first) == clean_png(second)
    assert same_picture(clean_png(first), first)


def test_same_picture_takes_another_renderer_of_letters_and_lines():
    first, second = picture(), picture(**{"text.hinting": "none"})
    assert first != second
    assert same_picture(first, second)


def test_same_picture_takes_a_bounding_box_that_follows_the_letters():
    assert same_picture(picture(pad=0.1), picture(pad=0.12))


@pytest.mark.parametrize(
    "changed",
    [{"values": (1, 2, 3.9)}, {"values": (1, 2.3, 4)}, {"title": "Score"}, {"size": (4, 3.3)}],
    ids=["scaled", "moved", "renamed", "resized"],
)
def test_same_picture_sees_a_change(changed):
    assert not same_picture(picture(), picture(**changed))
