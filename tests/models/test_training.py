"""Training: the same for the same seed; stopped, stored, interrupted and resumed without a difference; it learns."""

import io
import signal

import numpy as np
import pytest

from course_lib.errors import CourseError, OptionError
from course_lib.models import (
    WORDS,
    ProgressBar,
    Regularization,
    TrainingOptions,
    TrainingRun,
    TransformerConfig,
    draw_sentences,
    share_right,
)

REGULARIZED = Regularization(attention_dropout=0.2, head_diversity=0.1)


def sentences(seed, n=40, agreement=0.95):
    return draw_sentences(n, agreement=agreement, rng=np.random.default_rng(seed))


def training(**options):
    usual = {"n_steps": 7, "record_every": 3, "batch_size": 10, "weight_decay": 0.1, "regularization": REGULARIZED}
    return TrainingRun(sentences(1), sentences(2, agreement=0.5), TrainingOptions(**{**usual, **options}))


def assert_same(first, second):
    assert first.n_done == second.n_done
    for name, array in first.model.parameters.items():
        np.testing.assert_array_equal(array, second.model.parameters[name])
    assert [record.step for record in first.records] == [record.step for record in second.records]
    for one, other in zip(first.records, second.records, strict=True):
        for name, measured in vars(one).items():
            np.testing.assert_array_equal(measured, getattr(other, name))


def test_the_same_seed_gives_the_same_training_and_another_another():
    first, second, third = training(), training(), training(seed=1)
    for some in (first, second, third):
        some.run()
    assert_same(first, second)
    assert first.records[-1].training_loss != third.records[-1].training_loss


def test_a_training_that_stopped_goes_on_as_if_nothing_had_happened(tmp_path):
    whole, parts = training(), training()
    whole.run()
    parts.run(2)
    parts.save(tmp_path / "run.npz")
    resumed = TrainingRun.load(tmp_path / "run.npz")
    resumed.run(3)
    resumed.run()
    assert_same(whole, resumed)
    assert resumed.options == whole.options


def test_an_interrupted_training_leaves_no_step_half_done(monkeypatch):
    whole, interrupted = training(), training()
    whole.run()
    step = interrupted._optimizer.step

    def step_with_interrupt(gradients):
        if interrupted.n_done == 4:
            signal.raise_signal(signal.SIGINT)  # in the middle of a step: it is finished first
        step(gradients)

    monkeypatch.setattr(interrupted._optimizer, "step", step_with_interrupt)
    with pytest.raises(KeyboardInterrupt):
        interrupted.run()
    assert interrupted.n_done == 5
    monkeypatch.undo()
    interrupted.run()
    assert_same(whole, interrupted)


def test_records_come_at_the_start_every_few_steps_and_at_the_end():
    some = training()
    some.run(4)
    assert [record.step for record in some.records] == [0, 3]
    some.run()
    assert [record.step for record in some.records] == [0, 3, 6, 7]
    record = some.records[-1]
    assert record.weights.shape == (1, 4, 16, 16)
    assert record.attention_distance.shape == (1, 4)
    assert record.diversity.shape == (1,)
    some.run()
    assert some.n_done == 7


def test_training_learns_the_sentences_it_sees():
    some = TrainingRun(sentences(1, 100), sentences(2, 200, 0.5), TrainingOptions(n_steps=250, record_every=250))
    some.run()
    first, last = some.records
    assert first.training_accuracy < 0.7
    assert last.training_accuracy == 1.0
    assert last.training_loss < 0.05
    assert 0.55 < last.held_out_accuracy < 0.95  # it leans on the last noun, which tells nothing here


def test_progress_is_reported_after_every_step():
    seen = []
    training().run(report=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 7) for done in range(1, 8)]


def test_a_progress_bar_rewrites_one_line_of_a_terminal(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", terminal)
    bar = ProgressBar("Training", every=0)
    bar(1, 2)
    bar(2, 2)
    written = terminal.getvalue()
    assert written.count("\r") == 2
    assert written.endswith("\n")
    assert "Training: step 1 of 2, about" in written


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "foreign", "later"])
def test_a_file_that_is_no_training_is_refused_in_words(tmp_path, damage):
    path = tmp_path / "run.npz"
    some = training()
    some.run(1)
    some.save(path)
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "later":
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in stored.files}
        arrays["about"] = np.array(str(arrays["about"]).replace('"format": 1', '"format": 2'))
        np.savez(path, **arrays)
    elif damage == "foreign":
        np.savez(path, other=np.zeros(3))
    else:
        path.write_bytes(b"" if damage == "empty" else whole[: len(whole) // 2])
    message = {"missing": "There is no stored training", "later": "another version of the course"}
    with pytest.raises(CourseError, match=message.get(damage, "is not a stored training, or it is damaged")):
        TrainingRun.load(path)


def test_storing_where_nothing_can_be_stored_says_so_and_keeps_what_is_there(tmp_path):
    some = training()
    with pytest.raises(CourseError, match="The training could not be stored as"):
        some.save(tmp_path / "missing" / "run.npz")
    some.save(tmp_path / "run.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]


@pytest.mark.parametrize("options", [{"n_steps": 0}, {"batch_size": 1.5}, {"seed": -1}, {"record_every": 0}], ids=str)
def test_options_that_cannot_be_are_refused(options):
    with pytest.raises(CourseError, match=next(iter(options))):
        TrainingOptions(**options)


def test_another_vocabulary_is_refused():
    with pytest.raises(OptionError, match=f"vocabulary_size must be {len(WORDS)}, one for each word, not 9."):
        TrainingRun(sentences(1), sentences(2), TrainingOptions(), TransformerConfig(9))


def nouns(words):
    return [word for word in words if WORDS.index(word) < 20]


def test_the_verb_agrees_with_the_subject_and_the_last_noun_as_often_as_asked():
    for agreement in (0.0, 0.5, 0.9, 1.0):
        some = sentences(3, 2000, agreement)
        agrees = []
        for index in range(len(some)):
            words = some.words(index)
            verb = WORDS[some.targets[index, -1]]
            subject, *_, last = nouns(words)
            assert (verb == "are") == subject.endswith("s")
            agrees.append(subject.endswith("s") == last.endswith("s"))
            assert len(words) == 16
            assert words[-1] == "___"
            assert words[-2] == last
        assert np.mean(agrees) == pytest.approx(agreement, abs=0.03)


def test_share_right_counts_the_right_verbs():
    some = sentences(3, 10)
    logits = np.zeros((10, 16, len(WORDS)))
    logits[np.arange(10), -1, some.targets[:, -1]] = 1.0
    assert share_right(logits, some) == 1.0
    logits[:4, -1] *= -1
    assert share_right(logits, some) == 0.6
