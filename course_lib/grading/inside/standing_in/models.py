"""The widgets and the models, as they are while a notebook is graded: nothing is drawn and nothing trained, and no call
fails. Their code would bring the library's own functions along."""

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Iterator
from typing import Any


class Nothing:
    """Stands for anything; whatever is done with it gives itself again."""

    def __call__(self, *_arguments: Any, **_options: Any) -> "Nothing":
        """Return itself."""
        return self

    def __getattr__(self, name: str) -> "Nothing":
        """Return itself for every public name."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def __getitem__(self, place: Any) -> "Nothing":
        """Return itself for every place."""
        return self

    def __iter__(self) -> Iterator[Any]:
        """Hold nothing."""
        return iter(())

    def __repr__(self) -> str:
        """Say what it is."""
        return "nothing is shown while a notebook is graded"


def __getattr__(name: str) -> Nothing:
    if name.startswith("_"):
        raise AttributeError(name)
    return Nothing()


class _Submodules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds every module below this package, as one that holds the same."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self) if name.startswith(f"{__name__}.") else None

    def exec_module(self, module: types.ModuleType) -> None:
        vars(module)["__getattr__"] = __getattr__


sys.meta_path.append(_Submodules())
