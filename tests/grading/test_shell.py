"""The shell of the jail runs cells as IPython would, also those that it does not look at for IPython's syntax."""

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from course_lib.grading.inside.shell import Shell, _is_plain

CELLS = [
    "x = 1\ny = 2",
    "x = 1\ny = 2\n",
    "def f(x):\n    '''Doc.'''\n    return x % 2\n\n\nf(3)\n",
    "x = (7\n% 3)\n",
    "\n\nx = 1\ny = 2\n",
    "    x = 1\n    y = 2\n",
    "%matplotlib inline\nx = 1\n",
    "%%time\nx = 1\n",
    "x = 1\n!ls\n",
    "files = !ls\nx = 1\n",
    "x?\ny = 1\n",
    ">>> x = 1\n>>> y = 2\n",
    "In [1]: x = 1\nIn [2]: y = 2\n",
    "In [1]: x\ny = 2\n",
    "def f():\n    '''\n    >>> f()\n    1\n    '''\n    return 1\n",
    "ls",
    "await x\ny = 1\n",
    'x = "a\\\n%time"\ny = 1\n',
]


@pytest.mark.parametrize("cell", CELLS)
def test_a_plain_cell_is_one_that_ipython_hands_back(cell):
    if _is_plain(cell):
        assert TransformerManager().transform_cell(cell) == (cell if cell.endswith("\n") else cell + "\n")


def test_ordinary_cells_are_plain_and_ipythons_syntax_is_not():
    assert [_is_plain(cell) for cell in CELLS] == [True] * 4 + [False] * 12 + [True] * 2


def test_what_a_notebook_adds_to_the_transformers_is_used():
    shell = Shell()
    plain = "x = 1\ny = 2\n"
    assert shell.transform_cell(plain) == plain
    shell.input_transformers_post.append(lambda lines: [line.replace("1", "3") for line in lines])
    assert shell.transform_cell(plain) == "x = 3\ny = 2\n"
    shell.input_transformers_post.clear()
    shell.input_transformer_manager.line_transforms.append(lambda lines: [*lines, "z = 4\n"])
    assert shell.transform_cell(plain) == "x = 1\ny = 2\nz = 4\n"
