"""What all live widgets share: state in scalar traits, arrays over them, linked sliders, a picture and words.

Every number of a widget's state is a trait of its own, and these scalars are the only truth. The arrays are read from
them, so an array in the next cell always equals the picture; and a slider is linked to a number by its name.
"""

import base64
import os
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import ipywidgets  # type: ignore[import-untyped]
import numpy as np
import traitlets
from numpy.typing import ArrayLike

from course_lib.errors import DtypeError, OptionError, ShapeError
from course_lib.plots import Picture
from course_lib.shapes import FloatArray, as_floats, require_integer, require_number
from course_lib.widgets.modules import stylesheet

MOST_TOKENS = 6
LARGEST_COMPONENT = 100.0
_LONGEST_NAME = 40


class Number(traitlets.Float[float, Any]):
    """A finite number between two bounds; anything else is refused with a message of the course."""

    def __init__(self, default: float = 0.0, *, low: float, high: float) -> None:
        super().__init__(default)
        self.low, self.high = low, high

    def validate(self, obj: Any, value: Any) -> float:
        number = require_number(str(self.name), value)
        if not self.low <= number <= self.high:
            raise OptionError(f"{self.name} must be between {self.low:g} and {self.high:g}, but it is {number:g}.")
        return number


class WholeNumber(traitlets.Int[int, Any]):
    """A whole number between two bounds; anything else is refused with a message of the course."""

    def __init__(self, default: int = 0, *, low: int, high: int) -> None:
        super().__init__(default)
        self.low, self.high = low, high

    def validate(self, obj: Any, value: Any) -> int:
        number = require_integer(str(self.name), value)
        if not self.low <= number <= self.high:
            raise OptionError(f"{self.name} must be between {self.low} and {self.high}, but it is {number}.")
        return number


def component_traits(
    *names: str,
    n_rows: int = MOST_TOKENS,
    columns: Sequence[str] = ("x", "y"),
    low: float = -LARGEST_COMPONENT,
    high: float = LARGEST_COMPONENT,
) -> dict[str, Number]:
    """Return one synced trait for every number of the arrays `names`: ``query_0_x``; ``scores_0`` without columns."""
    made = {}
    for name in names:
        for row in range(n_rows):
            for ending in [f"_{column}" for column in columns] or [""]:
                made[f"{name}_{row}{ending}"] = Number(low=low, high=high).tag(sync=True)
    return made


class HandFirst:
    """A widget to which the kernel does not repeat what its front end has just told it.

    ipywidgets answers each change from the page with the same change, an "echo", for other pages that show the same
    kernel. Where the kernel is slow, the echo of one press of a key comes after the next press and undoes it. What
    Python itself sets is sent as ever.
    """

    def trait_metadata(self, traitname: str, key: str, default: Any = None) -> Any:
        if key == "echo_update":
            return False
        return super().trait_metadata(traitname, key, default)  # type: ignore[misc]


class LinkedSlider(HandFirst, ipywidgets.FloatSlider):  # type: ignore[misc]
    """An ordinary FloatSlider, which is quick under the hand."""


class LiveWidget(HandFirst, anywidget.AnyWidget):
    """The base of every widget of the course.

    A subclass sets `_esm` (by `join_modules`), names its arrays in `_columns`, and says what it shows in `figure` and
    `__repr__`. An array with columns has shape (n_rows, n_columns) and traits such as ``query_0_x``; one without has
    shape (n_rows,) and traits such as ``scores_0``; one of `_single` has shape (n_columns,) and traits such as
    ``query_x``. Numbers of `_columns` that are no traits are those that the front end computes and a slider can move.

    ``widget.projector = True`` shows any widget with large type, thick lines and strong contrast; where the environment
    holds ``COURSE_PROJECTOR=1``, every widget begins so.
    """

    _css = stylesheet()
    _columns: ClassVar[dict[str, tuple[str, ...]]] = {}
    _single: ClassVar[frozenset[str]] = frozenset()
    _token_limits: ClassVar[tuple[int, int]] = (1, MOST_TOKENS)
    _slider_ranges: ClassVar[dict[str, tuple[float, float, float]]] = {}

    tokens = traitlets.List(traitlets.Unicode()).tag(sync=True)
    n_tokens = traitlets.Int(1).tag(sync=True)
    question = traitlets.Unicode("").tag(sync=True)
    extent = Number(2.5, low=1.0, high=LARGEST_COMPONENT).tag(sync=True)
    start = traitlets.Dict().tag(sync=True)
    links: traitlets.List[list[str]] = traitlets.List().tag(sync=True)
    projector = traitlets.Bool(help="Large type, thick lines and strong contrast, for a room.").tag(sync=True)

    @traitlets.default("projector")
    def _projector_of_the_session(self) -> bool:
        return os.environ.get("COURSE_PROJECTOR", "") not in ("", "0")

    @abstractmethod
    def figure(self) -> Picture:
        """Return the present state as a still matplotlib figure."""

    @abstractmethod
    def __repr__(self) -> str:
        """Say the present state in one sentence."""

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give the live view, the picture for where no front end runs, and the sentence for where no picture shows."""
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({"text/plain": repr(self)}, {})
        picture, size = self.figure()._repr_png_()
        data["image/png"] = base64.b64encode(picture).decode("ascii")
        metadata["image/png"] = size
        return data, metadata

    def save_html(self, path: str | os.PathLike[str], *, title: str = "") -> Path:
        """Write the widget in its present state as one HTML file that moves without a kernel; see `save_html`."""
        from course_lib.widgets.export import save_html

        return save_html(path, self, title=title)

    def sliders(self, *names: str | int) -> ipywidgets.VBox:
        """Return sliders linked to the picture; they move it without asking the kernel.

        Parameters
        ----------
        *names : str or int
            The name of an array, optionally followed by the token it is meant for (``"query", 0``), or of a single
            number (``"temperature"``). Without any name: a useful selection.

        Returns
        -------
        VBox
            Its children are ordinary FloatSliders.

        Raises
        ------
        OptionError
            If the widget has nothing of that name.
        """
        chosen = names or self._default_sliders()
        traits = self._trait_names(chosen)
        sliders = [self._slider(trait) for trait in traits]
        # The front end links them (parts/links.js says why not jslink).
        links = [[f"IPY_MODEL_{slider.model_id}", trait] for slider, trait in zip(sliders, traits, strict=True)]
        self.links = [*self.links, *links]
        return ipywidgets.VBox(sliders)

    def _default_sliders(self) -> tuple[str | int, ...]:
        return tuple(self._slider_ranges)

    def _n_rows(self, name: str) -> int:
        """Return how many rows the array `name` has."""
        return 1 if name in self._single else int(self.n_tokens)

    def _trait_names(self, names: tuple[str | int, ...]) -> list[str]:
        """Turn ``("query", 0, "temperature")`` into the names of traits."""
        found: list[str] = []
        position = 0
        while position < len(names):
            name, position = names[position], position + 1
            if not isinstance(name, str) or not (name in self._slider_ranges or name in self._columns):
                known = ", ".join((*self._columns, *self._slider_ranges))
                raise OptionError(f"There is no slider for {name!r}; there is one for each of {known}.")
            if name in self._slider_ranges:
                found.append(name)
                continue
            row = None
            if position < len(names) and not isinstance(names[position], str):
                row = self._check_row(name, names[position])
                position += 1
            found += self._numbers_of(name, row)
        return found

    def _numbers_of(self, name: str, row: int | None = None) -> list[str]:
        """Return the traits of an array's numbers in order, or those of one row."""
        columns = self._columns[name]
        if name in self._single:
            return [f"{name}_{column}" for column in columns] or [name]
        rows = range(self._n_rows(name)) if row is None else [row]
        return [f"{name}_{row}{ending}" for row in rows for ending in [f"_{column}" for column in columns] or [""]]

    def _shape_of(self, name: str) -> tuple[int, ...]:
        columns = self._columns[name]
        leading = () if name in self._single else (self._n_rows(name),)
        return (*leading, len(columns)) if columns else leading

    def _check_row(self, name: str, row: object) -> int:
        number = require_integer(f"the row of {name}", row)
        if not 0 <= number < self._n_rows(name):
            raise OptionError(f"{name} has rows 0 to {self._n_rows(name) - 1}, but {number} was asked for.")
        return number

    def _slider(self, trait: str) -> ipywidgets.FloatSlider:
        low, high, step = self._slider_range(trait) or (-self.extent, self.extent, 0.05)
        present = self._slider_value(trait)
        slider = LinkedSlider(
            value=present, min=min(low, present), max=max(high, present), step=step,
            readout_format=".0f" if step >= 1 else ".2f",
            description=self._slider_label(trait), style={"description_width": "9em"},
            layout={"width": "auto", "max_width": "28em"},
        )  # fmt: skip
        if self._slider_range(trait) is None:
            traitlets.dlink((self, "extent"), (slider, "max"))
            traitlets.dlink((self, "extent"), (slider, "min"), lambda extent: -extent)
        return slider

    def _slider_range(self, trait: str) -> tuple[float, float, float] | None:
        """Return the least number, the largest and the step of a slider; None where it follows the plane."""
        return self._slider_ranges.get(trait)

    def _slider_value(self, trait: str) -> float:
        return float(getattr(self, trait))

    def _slider_label(self, trait: str) -> str:
        """Return the words beside a slider: ``query cat, x``."""
        name = max((name for name in self._columns if f"{trait}_".startswith(f"{name}_")), key=len, default=None)
        if name is None:
            return trait
        row, _, column = trait.removeprefix(name).removeprefix("_").partition("_")
        if name in self._single:
            return f"{name}, {row}".removesuffix(", ")
        return f"{name} {self.tokens[int(row)]}, {column}".removesuffix(", ")

    def _array(self, name: str) -> FloatArray:
        numbers = [getattr(self, trait) for trait in self._numbers_of(name)]
        array = np.array(numbers).reshape(self._shape_of(name))
        array.flags.writeable = False  # writing into a copy would look like moving the picture, and would not
        return array

    def _set_arrays(self, **arrays: ArrayLike) -> None:
        """Check all arrays, then set all their numbers; a bad one changes nothing."""
        checked = {name: self._check_array(name, array) for name, array in arrays.items()}
        largest = max(float(np.max(np.abs(array))) for array in checked.values())
        with self.hold_sync():
            self._widen(largest)
            values = {
                trait: float(number)
                for name, array in checked.items()
                for trait, number in zip(self._numbers_of(name), array.flat, strict=True)
            }
            for trait, number in values.items():
                setattr(self, trait, number)
            self.start = {**self.start, **values}

    def _begin_with(self, *names: str) -> None:
        """Remember the present values of these traits: the button "Reset" leads back to them."""
        self.start = {**self.start, **{name: getattr(self, name) for name in names}}

    def _check_array(self, name: str, array: ArrayLike) -> FloatArray:
        given = as_floats(name, array)
        expected = self._shape_of(name)
        if given.shape != expected:
            raise ShapeError(
                f"{name} of this widget has shape {expected}, but you passed {given.shape}. "
                "The number of tokens of a widget is fixed; make a new one for another number."
            )
        if not np.all(np.isfinite(given)):
            raise OptionError(f"{name} must hold finite numbers, but it holds {given[~np.isfinite(given)][0]}.")
        if np.max(np.abs(given)) > LARGEST_COMPONENT:
            raise OptionError(
                f"{name} must stay between {-LARGEST_COMPONENT:g} and {LARGEST_COMPONENT:g} to be drawn, "
                f"but its largest number is {np.max(np.abs(given)):g}."
            )
        return given.astype(np.float64)

    def _widen(self, largest: float) -> None:
        """Let the plane reach at least `largest`."""
        steps = (2.5, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 50, 60, 80, 100)
        reach = next(step for step in steps if largest <= step)
        if reach > self.extent:
            self.extent = reach

    def _watch_components(self) -> None:
        """Widen the plane when a single number is set beyond its edge."""
        traits = [trait for name in self._columns for trait in self._numbers_of(name) if self.has_trait(trait)]
        self.observe(lambda change: self._widen(abs(change.new)), names=traits)

    def _set_tokens(self, tokens: Sequence[str] | None, n_tokens: int) -> None:
        """Set the number of tokens and their names; without names they are numbered."""
        least, most = self._token_limits
        if not least <= n_tokens <= most:
            raise ShapeError(f"This widget shows {least} to {most} tokens, but there are {n_tokens}.")
        names = [str(index) for index in range(n_tokens)] if tokens is None else check_tokens(tokens, n_tokens)
        self.n_tokens = n_tokens
        self.tokens = names


def check_tokens(tokens: Sequence[str], n_tokens: int, *, name: str = "tokens", of: str = "vectors") -> list[str]:
    """Return `tokens` as a list, one for each of the vectors, queries or keys; or say what is wrong with them."""
    if isinstance(tokens, str) or not isinstance(tokens, list | tuple):
        raise DtypeError(f'{name} must be a list of words such as ["the", "cat"], but it is {tokens!r}.')
    wrong = next((token for token in tokens if not isinstance(token, str)), None)
    if wrong is not None:
        raise DtypeError(f"{name} must be words (str), but one of them is {wrong!r}.")
    if len(tokens) != n_tokens:
        raise ShapeError(
            f"{name}: there must be one token for each of the {n_tokens} {of}, but there are {len(tokens)}."
        )
    longest = max(tokens, key=len)
    if len(longest) > _LONGEST_NAME:
        raise OptionError(f"A token may have {_LONGEST_NAME} characters, but {longest[:20]!r}... has {len(longest)}.")
    return list(tokens)


def count_rows(name: str, array: ArrayLike) -> int:
    """Return the number of rows of an array of shape (n_tokens, 2), or say that it has another shape."""
    given = as_floats(name, array)
    if given.ndim != 2 or given.shape[1] != 2:
        raise ShapeError(f"{name} must have shape (n_tokens, 2), one vector a row, but it has {given.shape}.")
    return len(given)


def quoted(token: str) -> str:
    """Name a token in a sentence: words in quotation marks, numbers bare."""
    return token if token.isdecimal() else f"“{token}”"


def in_words(number: float) -> str:
    """Write a number for a sentence: two decimals, never a minus before zero."""
    text = f"{number:.2f}"
    return "0.00" if text == "-0.00" else text
