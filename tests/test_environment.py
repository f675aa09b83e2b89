"""environment.yml gives conda users what pyproject.toml gives pip users."""

import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


def versions(lines: list[str]) -> dict[str, str]:
    """Return the version specifier by package."""
    return {canonicalize_name(item.name): str(item.specifier) for item in map(Requirement, lines)}


def test_environment_asks_for_the_versions_of_pyproject() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    needed = versions(data["project"]["dependencies"] + data["build-system"]["requires"])
    needed |= {"python": data["project"]["requires-python"], "pip": ""}
    assert versions(conda["dependencies"]) == needed
    assert conda["name"] == data["project"]["name"]
    assert conda["channels"][0] == "conda-forge"
