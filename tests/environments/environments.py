"""What the tests of other environments share: the locked versions, and commands that need a package registry."""

import os
import re
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LOCK = ROOT / "requirements-test.lock"
# What pip and npm say where no registry answers; everything else that they say is a failure.
UNREACHED = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|E50\d|NewConnectionError|ConnectTimeout"
    r"|ReadTimeout|ProxyError|Temporary failure in name resolution"
)


def as_constraints(path: Path, **other: str) -> Path:
    """Write the versions of the lock as constraints for pip, without their hashes, `other` in place of the lock's."""
    pins = re.findall(r"^([a-z0-9-]+)==(.*?) \\$", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    lines = [f"{name}=={rest}" for name, rest in pins if name not in other]
    lines += [f"{name}=={version}" for name, version in other.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run_or_skip(command: list[str], **options: object) -> None:
    """Run a command that needs a package registry, twice if need be; skip the test where none is reached."""
    for last in (False, True):
        done = subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", timeout=900, check=False, env=plain_environ(),
            **options,
        )  # fmt: skip
        if done.returncode == 0:
            return
        said = done.stdout + done.stderr
        if last and UNREACHED.search(said):
            pytest.skip(f"the package registry is not reached: {said.strip().splitlines()[-1][:200]}")
    pytest.fail(f"{' '.join(command)} failed:\n{said[-3000:]}")


def plain_environ(**more: str) -> dict[str, str]:
    """Return the environment variables without those of this test run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COURSE_"))}
    for unwanted in ("PYTHONPATH", "VIRTUAL_ENV", "MPLBACKEND", "PYTHONWARNINGS"):
        kept.pop(unwanted, None)
    return kept | more
