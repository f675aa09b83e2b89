"""The front end's types, lint and layout: TypeScript, ESLint and Prettier, as tests/frontend pins them.

To run these tests: ``cd tests/frontend && npm ci``. To take newer versions: change package.json, then ``npm run lock``.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "tests/frontend"
WIDGETS = "course_lib/widgets"
NODE = shutil.which("node")
COMMANDS = {
    "types": ["typescript/bin/tsc", "--project", "{tools}/tsconfig.json", "--pretty", "false"],
    "lint": ["eslint/bin/eslint.js", "--config", "{tools}/eslint.config.js", "--max-warnings", "0", "{files}"],
    "layout": ["prettier/bin/prettier.cjs", "--config", "{tools}/prettier.config.js", "--check", "{files}"],
}
needs_tools = pytest.mark.skipif(
    NODE is None or not (TOOLS / "node_modules").is_dir(),
    reason="the front end's checkers are not installed: cd tests/frontend && npm ci",
)


def run_tool(name: str, files: str, tools: Path = TOOLS, folder: Path = ROOT) -> tuple[int, str]:
    """Run one of the checkers over files of `folder`; return its exit status and what it said."""
    script, *options = [part.format(tools=tools, files=files) for part in COMMANDS[name]]
    command = [str(NODE), str(TOOLS / "node_modules" / script), *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@needs_tools
@pytest.mark.parametrize("name", COMMANDS)
def test_front_end_has_no_complaint(name: str) -> None:
    status, said = run_tool(name, f"{WIDGETS}/**/*.js")
    assert status == 0, said


@needs_tools
@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("types", "/** @param {number} number */\nexport const twice = (number) => number.trim();\n", "TS2339"),
        ("types", "export const untyped = (number) => 2 * number;\n", "TS7006"),
        ("lint", "document.body.innerHTML = '';\n", "no-restricted-properties"),
        ("lint", "export const same = (a, b) => a == b;\n", "eqeqeq"),
        ("layout", "export const  wide = 1\n", "Code style issues"),
    ],
)
def test_checkers_find_what_they_are_there_for(name: str, text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.js").write_text(text, encoding="utf-8")
    for config in ("eslint.config.js", "prettier.config.js", "package.json"):
        shutil.copy(TOOLS / config, tmp_path)
    (tmp_path / "node_modules").symlink_to(TOOLS / "node_modules", target_is_directory=True)
    options = json.loads((TOOLS / "tsconfig.json").read_text(encoding="utf-8"))
    (tmp_path / "tsconfig.json").write_text(json.dumps({**options, "include": ["*.js"]}), encoding="utf-8")
    status, said = run_tool(name, "wrong.js", tmp_path, tmp_path)
    assert status != 0
    assert complaint in said


def test_the_lock_names_versions_and_hashes_and_no_address() -> None:
    text = (TOOLS / "package-lock.json").read_text(encoding="utf-8")
    wanted = json.loads((TOOLS / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert not re.search(r"https?:|resolved", text)
    assert all(entry["version"] and entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted, "pinned exactly"
