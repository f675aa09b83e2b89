"""A learner's JupyterLab under the Hub: ``python -m course_lib.workshop.server OPTIONS...``, as `confine` starts it."""

import sys

from course_lib.lab import SETTINGS

# JupyterLab loads a grammar of international addresses that it never uses, and building it takes two seconds of every
# start, which a room of learners would wait for all at once.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def options(*, idle_minutes: int) -> list[str]:
    """Return the options of a learner's server: the course's settings, and sending what checks find."""
    return [
        "--ServerApp.jpserver_extensions=course_lib.workshop.sending=True",
        f"--LabApp.app_settings_dir={SETTINGS}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        f"--MappingKernelManager.cull_idle_timeout={60 * idle_minutes}",
    ]


def main() -> None:
    """Serve until stopped."""
    from jupyterhub.singleuser import main as serve

    serve()


if __name__ == "__main__":
    main()
