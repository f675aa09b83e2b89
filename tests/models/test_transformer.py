"""The transformer: its gradients are those of PyTorch's autograd; bad input is refused in words."""

import numpy as np
import pytest

from course_lib.errors import CourseError, DtypeError, OptionError, ShapeError
from course_lib.models import AdamW, Regularization, Transformer, TransformerConfig

CONFIG = TransformerConfig(vocabulary_size=7, d_model=12, n_heads=3, n_layers=2, d_hidden=10)
TOKENS = np.random.default_rng(1).integers(7, size=(4, 5))
TARGETS = np.where(np.random.default_rng(2).random((4, 5)) < 0.5, TOKENS[:, ::-1], -1)


def torch_loss(torch, model, parameters):
    """The same transformer written with PyTorch's own layers."""
    from torch.nn import functional as F

    config = model.config
    x = parameters["embedding"][torch.tensor(TOKENS)]
    if config.positions == "sinusoidal":
        place = torch.arange(TOKENS.shape[1], dtype=x.dtype)[:, None]
        rate = 10_000 ** (-torch.arange(0, config.d_model, 2, dtype=x.dtype) / config.d_model)
        x = x + torch.stack([torch.sin(place * rate), torch.cos(place * rate)], dim=-1).flatten(-2)

    def norm(x, name):
        return F.layer_norm(x, x.shape[-1:], parameters[f"{name}.gain"], parameters[f"{name}.shift"], 1e-5)

    def linear(x, name, kind):
        return F.linear(x, parameters[f"{name}.w_{kind}"].T, parameters[f"{name}.b_{kind}"])

    for layer in range(config.n_layers):
        name = f"layer_{layer}.attention"
        heads = [linear(norm(x, name), name, kind).unflatten(-1, (config.n_heads, -1)).transpose(1, 2)
                 for kind in ("query", "key", "value")]  # fmt: skip
        mixed = F.scaled_dot_product_attention(*heads, is_causal=config.is_causal)
        x = x + linear(mixed.transpose(1, 2).flatten(-2), name, "output")
        name = f"layer_{layer}.feed_forward"
        x = x + linear(F.relu(linear(norm(x, name), name, "hidden")), name, "output")
    logits = norm(x, "norm") @ parameters["output.weight"] + parameters["output.bias"]
    return F.cross_entropy(logits.flatten(0, 1), torch.tensor(TARGETS).flatten(), ignore_index=-1)


@pytest.mark.parity
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 1e-5)], ids=["float64", "float32"])
@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"positions": "none"}], ids=str)
def test_loss_and_gradients_agree_with_autograd(options, dtype, tolerance):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")
    config = TransformerConfig(**{**CONFIG.__dict__, **options})
    model = Transformer(config, np.random.default_rng(0), dtype)
    loss, gradients = model.loss_and_gradients(TOKENS, TARGETS)
    parameters = {name: torch.tensor(array, requires_grad=True) for name, array in model.parameters.items()}
    expected = torch_loss(torch, model, parameters)
    expected.backward()
    assert loss == pytest.approx(float(expected.detach()), abs=tolerance)
    assert gradients.keys() == parameters.keys()
    for name, parameter in parameters.items():
        np.testing.assert_allclose(gradients[name], parameter.grad.numpy(), atol=tolerance, err_msg=name)
        assert gradients[name].dtype == dtype, name


@pytest.mark.parity
def test_adamw_agrees_with_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")
    rng = np.random.default_rng(3)
    ours = {"matrix": rng.normal(size=(4, 3)), "bias": rng.normal(size=3)}
    theirs = {name: torch.tensor(array, requires_grad=True) for name, array in ours.items()}
    groups = [{"params": [theirs["matrix"]], "weight_decay": 0.3}, {"params": [theirs["bias"]], "weight_decay": 0.0}]
    peer = torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.98))
    optimizer = AdamW(ours, learning_rate=0.01, weight_decay=0.3)
    for _ in range(20):
        gradients = {name: rng.normal(size=array.shape) for name, array in ours.items()}
        for name, parameter in theirs.items():
            parameter.grad = torch.tensor(gradients[name])
        peer.step()
        optimizer.step(gradients)
    for name, array in ours.items():
        np.testing.assert_allclose(array, theirs[name].detach().numpy(), atol=1e-8)


@pytest.mark.parametrize("regularization", [Regularization(), Regularization(0.3, 0.5)], ids=["plain", "regularized"])
def test_gradients_agree_with_finite_differences(regularization):
    model = Transformer(CONFIG, np.random.default_rng(0), np.float64)

    def loss_and_gradients():
        rng = np.random.default_rng(9)
        return model.loss_and_gradients(TOKENS, TARGETS, regularization=regularization, rng=rng)

    _, gradients = loss_and_gradients()
    pick = np.random.default_rng(4)
    for name, array in model.parameters.items():
        index = tuple(pick.integers(size) for size in array.shape)
        numbers = []
        for step in (1e-5, -1e-5):
            array[index] += step
            numbers.append(loss_and_gradients()[0])
            array[index] -= step
        assert gradients[name][index] == pytest.approx((numbers[0] - numbers[1]) / 2e-5, abs=1e-6), name


def test_a_causal_model_does_not_see_what_follows():
    model = Transformer(TransformerConfig(**{**CONFIG.__dict__, "is_causal": True}), np.random.default_rng(0))
    changed = TOKENS.copy()
    changed[:, 3] = (changed[:, 3] + 1) % 7
    before, after = model.forward(TOKENS).logits, model.forward(changed).logits
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert np.abs(before[:, 4] - after[:, 4]).max() > 1e-3


def test_a_head_that_is_left_out_adds_nothing():
    model = Transformer(CONFIG, np.random.default_rng(0), np.float64)
    left_out = model.forward(TOKENS, without_heads=[(1, 2)]).logits
    model.parameters["layer_1.attention.w_output"][8:] = 0  # what head 2 of 3 hands on
    np.testing.assert_allclose(left_out, model.forward(TOKENS).logits, atol=1e-12)


def test_gradients_without_a_head_agree_with_finite_differences():
    model = Transformer(CONFIG, np.random.default_rng(0), np.float64)
    direction = np.random.default_rng(5).normal(size=(4, 5, 7))

    def run():
        done = model.forward(TOKENS, without_heads=[(0, 1)])
        return float(np.sum(done.logits * direction)), done.backward

    gradients = run()[1](direction)
    for name in ("layer_0.attention.w_value", "layer_0.attention.w_query", "embedding"):
        array = model.parameters[name]
        for index in ((0, 1), (2, 6)):  # of the head before, and of the one that is left out
            numbers = []
            for step in (1e-5, -1e-5):
                array[index] += step
                numbers.append(run()[0])
                array[index] -= step
            assert gradients[name][index] == pytest.approx((numbers[0] - numbers[1]) / 2e-5, abs=1e-6), (name, index)


@pytest.mark.parametrize("head", [(2, 0), (0, 3), (-1, 0)])
def test_a_head_that_is_not_there_cannot_be_left_out(head):
    with pytest.raises(OptionError, match=f"without_heads names head {head[1]} of layer {head[0]}, but layers go from"):
        Transformer(CONFIG, np.random.default_rng(0)).forward(TOKENS, without_heads=[head])


def test_without_positions_the_outputs_follow_a_shuffle():
    model = Transformer(TransformerConfig(**{**CONFIG.__dict__, "positions": "none"}), np.random.default_rng(0))
    order = [3, 0, 4, 1, 2]
    np.testing.assert_allclose(
        model.forward(TOKENS[:, order]).logits, model.forward(TOKENS).logits[:, order], atol=1e-5
    )


@pytest.mark.parametrize(
    ("tokens", "error", "message"),
    [
        ([[0.5, 1.0]], DtypeError, "tokens must be whole numbers, but they are float64."),
        ([0, 1], ShapeError, r"tokens must have shape \(batch, seq_len\), but they have \(2,\)."),
        ([[0, 7]], OptionError, "tokens must be between 0 and 6, but they reach from 0 to 7."),
    ],
)
def test_tokens_that_cannot_be_are_refused(tokens, error, message):
    with pytest.raises(error, match=message):
        Transformer(CONFIG, np.random.default_rng(0)).forward(tokens)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TransformerConfig(7, d_model=10, n_heads=4), "n_heads must divide d_model, but 4 does not divide 10."),
        (lambda: TransformerConfig(7, positions="learned"), 'positions must be "sinusoidal" or "none"'),
        (lambda: TransformerConfig(0), "vocabulary_size must be at least 1"),
        (lambda: Regularization(attention_dropout=1.0), "attention_dropout must be at least 0 and below 1"),
        (lambda: Regularization(head_diversity=-1), "head_diversity must be at least 0"),
        (lambda: AdamW({}, learning_rate=0), "learning_rate must be"),
        (lambda: AdamW({}, weight_decay=-1), "weight_decay must be at least 0"),
    ],
)
def test_options_that_cannot_be_are_refused(make, message):
    with pytest.raises(CourseError, match=message):
        make()


def test_targets_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match=r"targets must have the shape of tokens, \(4, 5\), not \(4, 1\)."):
        Transformer(CONFIG, np.random.default_rng(0)).loss_and_gradients(TOKENS, TARGETS[:, :1])
