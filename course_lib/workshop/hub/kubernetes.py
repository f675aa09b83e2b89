"""The workshop's entrance and class view in Zero to JupyterHub: ``configure(c)`` in the chart's ``hub.extraConfig``.

The chart brings the Hub, the proxy, the spawner, the culler and storage; see ``deploy/values.yaml``. Both secrets come
from the environment, and a Hub without them does not start.
"""

import os
import sys
from pathlib import Path
from typing import Any

from course_lib.checks.records.sharing import FOLDER as OUTBOX
from course_lib.errors import CourseError
from course_lib.workshop.classview.__main__ import FOLDER, LISTEN
from course_lib.workshop.command import PASSWORD
from course_lib.workshop.hub import roles
from course_lib.workshop.hub.configuration import TEMPLATES
from course_lib.workshop.hub.entrance import Entrance
from course_lib.workshop.names import digest
from course_lib.workshop.sending import ADDRESS
from course_lib.workshop.settings import SERVICE

CODE = "COURSE_CLASS_CODE"
PORT = 10101
STATE = Path("/srv/jupyterhub")  # the chart's volume for the Hub's own database
HOME = "/home/jovyan"


def configure(c: Any, *, state: Path = STATE) -> None:
    """Add the workshop to the chart's configuration.

    Parameters
    ----------
    c : traitlets.config.Config
        As the chart made it; what it set is kept.
    state : Path
        A folder that outlives the Hub's pod.

    Raises
    ------
    CourseError
        Where the class code or the password is not in the environment.
    """
    missing = [name for name in (CODE, PASSWORD) if not os.environ.get(name)]
    if missing:
        raise CourseError(f"{' and '.join(missing)} must be set: see hub.extraEnv in deploy/values.yaml.")
    c.JupyterHub.authenticator_class = Entrance
    c.Entrance.people_file = str(state / "people.sqlite")
    c.Entrance.code = os.environ[CODE]
    c.Entrance.password = digest(os.environ[PASSWORD])
    c.Entrance.manage_groups = c.Entrance.any_allow_config = True
    c.JupyterHub.custom_scopes = roles.CUSTOM_SCOPES
    mine = [role for role in roles.roles() if "services" not in role]  # the chart's culler has a role of its own
    c.JupyterHub.load_roles = [*_kept(c.JupyterHub, "load_roles"), *mine]
    c.JupyterHub.services = [*_kept(c.JupyterHub, "services"), class_view(state)]
    c.JupyterHub.template_paths = [str(TEMPLATES), *_kept(c.JupyterHub, "template_paths")]
    c.Spawner.server_token_scopes = roles.OF_A_SERVER
    c.Spawner.notebook_dir = f"{HOME}/course"
    c.KubeSpawner.environment = dict(c.KubeSpawner.get("environment", {})) | {
        "COURSE_PROGRESS": f"{HOME}/course/.course/progress.json",
        OUTBOX: f"{HOME}/course/.course/outbox",
        ADDRESS: f"http://hub:{PORT}/services/{SERVICE}/",
    }


def _kept(section: Any, name: str) -> list[Any]:
    return list(section.get(name, []))


def class_view(state: Path) -> dict[str, Any]:
    """Return the class view as a service in the Hub's pod."""
    return {
        "name": SERVICE,
        "url": f"http://hub:{PORT}",
        "command": [sys.executable, "-m", "course_lib.workshop.classview"],
        "environment": {FOLDER: str(state), LISTEN: "0.0.0.0"},
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": roles.OF_THE_CLASS_VIEW,
        "display": True,
    }
