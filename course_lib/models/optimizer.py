"""AdamW: each parameter steps by its own mean gradient over its own spread, and shrinks a little."""

import numpy as np

from course_lib.errors import OptionError
from course_lib.shapes import FloatArray, require_number


class AdamW:
    """Change parameters in place, one step for each call of `step`.

    Parameters
    ----------
    parameters : dict of str to ndarray
    learning_rate : float
        About the largest change of a number in a step.
    weight_decay : float
        In each step, matrices shrink by ``learning_rate * weight_decay``; gains, shifts and biases do not.
    betas : (float, float)
        How much of the mean of the gradients, and of their squares, is kept from step to step.

    References
    ----------
    Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2.
    """

    def __init__(
        self,
        parameters: dict[str, FloatArray],
        *,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.98),
    ) -> None:
        if not require_number("learning_rate", learning_rate, positive=True) < np.inf:
            raise OptionError(f"learning_rate must be finite, but it is {learning_rate}.")
        if not 0 <= require_number("weight_decay", weight_decay) < np.inf:
            raise OptionError(f"weight_decay must be at least 0, but it is {weight_decay}.")
        self.parameters = parameters
        self.learning_rate, self.weight_decay, self.betas = learning_rate, weight_decay, betas
        self.n_steps = 0
        self.means = {name: np.zeros_like(array) for name, array in parameters.items()}
        self.squares = {name: np.zeros_like(array) for name, array in parameters.items()}

    def step(self, gradients: dict[str, FloatArray]) -> None:
        """Take one step down the gradients, which come under the names of the parameters."""
        self.n_steps += 1
        beta_1, beta_2 = self.betas
        # Both means start at 0 and are too small at first; these factors make up for it.
        correction_1, correction_2 = 1 - beta_1**self.n_steps, 1 - beta_2**self.n_steps
        for name, array in self.parameters.items():
            grad, mean, square = gradients[name], self.means[name], self.squares[name]
            mean *= beta_1
            mean += (1 - beta_1) * grad
            square *= beta_2
            square += (1 - beta_2) * grad**2
            if array.ndim > 1:
                array *= 1 - self.learning_rate * self.weight_decay
            array -= (self.learning_rate / correction_1) * mean / (np.sqrt(square / correction_2) + 1e-8)

    def restore(self, n_steps: int, means: dict[str, FloatArray], squares: dict[str, FloatArray]) -> None:
        """Go on from where another one stopped."""
        self.n_steps = n_steps
        self.means.update(means)
        self.squares.update(squares)
