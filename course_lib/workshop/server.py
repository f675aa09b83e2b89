"""A learner's JupyterLab under the Hub: ``python -m course_lib.workshop.server OPTIONS...``, as `confine` starts it."""

import sys

# JupyterLab loads a grammar of international addresses that it never uses, and building it takes two seconds of every
# start, which a room of learners would wait for all at once.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def main() -> None:
    """Serve until stopped."""
    from jupyterhub.singleuser import main as serve

    serve()


if __name__ == "__main__":
    main()
