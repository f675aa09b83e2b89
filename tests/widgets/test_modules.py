"""The front end's modules join into one that a browser can load, and that asks nobody for anything."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from examples import exported

from course_lib.widgets import modules
from course_lib.widgets.modules import join_modules, stylesheet

WIDGETS = exported()
NODE = shutil.which("node")


@pytest.mark.parametrize("name", WIDGETS)
def test_join_modules_declares_every_name_once_and_leaves_no_import(name: str) -> None:
    text = WIDGETS[name]._esm
    names = re.findall(r"^(?:export )?(?:function|const|let|class) ([\w$]+)", text, re.MULTILINE)
    assert len(names) == len(set(names)), sorted({name for name in names if names.count(name) > 1})
    assert not re.search(r"^import\b", text, re.MULTILINE)
    assert re.findall(r"^export\b.*", text, re.MULTILINE) == ["export default {"]


@pytest.mark.skipif(NODE is None, reason="node is not installed: the joined modules are not parsed")
@pytest.mark.parametrize("name", WIDGETS)
def test_join_modules_parses_as_a_module(name: str, tmp_path: Path) -> None:
    joined = tmp_path / "joined.mjs"
    joined.write_text(WIDGETS[name]._esm, encoding="utf-8")
    done = subprocess.run([str(NODE), "--check", str(joined)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", WIDGETS)
def test_front_end_never_evaluates_text_or_loads_from_elsewhere(name: str) -> None:
    text = f"{WIDGETS[name]._esm}\n{WIDGETS[name]._css}"
    addresses = [found for found in re.findall(r"https?://[\w./-]+", text) if found != "http://www.w3.org/2000/svg"]
    assert addresses == []
    for forbidden in (
        "eval(",
        "new Function",
        "innerHTML",
        "insertAdjacentHTML",
        "outerHTML",
        "import(",
        "@import",
        "url(",
    ):
        assert forbidden not in text, forbidden


def test_join_modules_puts_what_is_imported_first_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "_HERE", tmp_path)
    (tmp_path / "base.js").write_text("export const one = 1;\n", encoding="utf-8")
    (tmp_path / "middle.js").write_text(
        'import { one } from "./base.js";\nexport const two = one + 1;\n', encoding="utf-8"
    )
    (tmp_path / "entry.js").write_text(
        'import { one } from "./base.js";\nimport { two } from "./middle.js";\nexport default one + two;\n',
        encoding="utf-8",
    )
    lines = [line for line in join_modules("entry.js").splitlines() if line]
    assert lines == ["const one = 1;", "const two = one + 1;", "export default one + two;"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('import * as base from "./base.js";', "imports in a form"),
        ('import { one as uno } from "./base.js";', "imports in a form"),
        ('import { loop } from "./loop.js";', "in a circle"),
    ],
)
def test_join_modules_refuses_what_it_would_break(
    line: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modules, "_HERE", tmp_path)
    (tmp_path / "base.js").write_text("export const one = 1;\n", encoding="utf-8")
    (tmp_path / "loop.js").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        join_modules("loop.js")


@pytest.mark.parametrize("name", WIDGETS)
def test_widgets_carry_their_front_end(name: str) -> None:
    assert "export default" in WIDGETS[name]._esm
    assert WIDGETS[name]._css.startswith(stylesheet())
