"""nbgrader's rules for its cell metadata, schema 3, as its JSON schema and its validator state them."""

import re

REQUIRED = {"grade": bool, "grade_id": str, "locked": bool, "schema_version": int, "solution": bool, "task": bool}
OPTIONAL = {"points": (int, float), "cell_type": str, "checksum": str}


def assert_nbgrader_schema_3(cell):
    """Fail if the cell's nbgrader metadata is not schema 3."""
    metadata = cell.metadata["nbgrader"]
    assert set(REQUIRED) <= set(metadata) <= set(REQUIRED) | set(OPTIONAL)
    for name, value in metadata.items():
        assert isinstance(value, (REQUIRED | OPTIONAL)[name]), name
    assert metadata["schema_version"] == 3
    assert re.fullmatch(r"[a-zA-Z0-9_\-]+", metadata["grade_id"])
    assert ("points" in metadata) == (metadata["grade"] or metadata["task"])
    assert metadata.get("points", 0) >= 0
    assert not (metadata["task"] and cell.cell_type != "markdown")
    if metadata["grade"] and not metadata["solution"]:
        assert metadata["locked"], "a test cell that is not locked is restored from nobody"
        assert cell.cell_type == "code"
