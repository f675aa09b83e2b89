"""Make the pictures of the README from the live widgets, so that they always show what the course shows."""

from pathlib import Path


def write_pictures(root: Path | None = None) -> list[Path]:
    """Write ``docs/stage.png``, the picture of the attention stage, and return what was written.

    Parameters
    ----------
    root : Path, optional
        The course folder; the present folder where left out.
    """
    from course_lib.widgets import AttentionStage

    target = (Path.cwd() if root is None else Path(root)) / "docs" / "stage.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(AttentionStage().figure().png())
    return [target]
