"""What the Hub is told, as plain data: `course workshop --dry-run` prints it, and `application` hands it on."""

import sys
from pathlib import Path
from typing import Any

from course_lib.lab import free_port
from course_lib.workshop import proxy
from course_lib.workshop.classview.__main__ import FOLDER
from course_lib.workshop.hub import roles
from course_lib.workshop.settings import SERVICE, Workshop

Config = dict[str, dict[str, Any]]
TEMPLATES = Path(__file__).parent / "templates"
# A room that starts all at once on a small machine: nobody is told to give up while they wait in line.
_START_SECONDS = 900


def inner_ports(first: int) -> tuple[int, int, int]:
    """Return ports of this machine for the Hub, the proxy's own interface and the class view."""
    found: list[int] = []
    for _ in range(3):
        port = free_port(found[-1] + 1 if found else first, tries=500)
        if port is None:
            raise OSError("no free port is left")
        found.append(port)
    return found[0], found[1], found[2]


def configuration(workshop: Workshop, ports: tuple[int, int, int]) -> Config:
    """Return the Hub's whole configuration, by class and trait."""
    hub_port, proxy_port, class_port = ports
    hub = workshop.folder / "hub"
    scheme = "https" if workshop.certificate else "http"
    class_url = f"http://127.0.0.1:{class_port}"
    config: Config = {
        "JupyterHub": {
            "bind_url": f"{scheme}://{workshop.address}:{workshop.port}",
            "hub_ip": "127.0.0.1",
            "hub_port": hub_port,
            "db_url": f"sqlite:///{hub / 'jupyterhub.sqlite'}",
            "upgrade_db": True,
            "cookie_secret_file": str(hub / "cookie_secret"),
            "template_paths": [str(TEMPLATES)],
            "log_level": "ERROR",
            "concurrent_spawn_limit": 0,  # they wait in line, where they can see it
            "cleanup_servers": True,
            "cleanup_proxy": True,
            "custom_scopes": roles.CUSTOM_SCOPES,
            "load_roles": roles.roles(),
            "services": services(workshop, class_url),
        },
        "ConfigurableHTTPProxy": {
            "command": proxy.command(),
            "log_level": "error",
            "api_url": f"http://127.0.0.1:{proxy_port}",
            "pid_file": str(hub / "proxy.pid"),
        },
        "CourseSpawner": {
            "default_url": f"/lab/tree/{workshop.lesson}",
            "notebook_dir": str(workshop.home("{username}") / "course"),
            "start_timeout": _START_SECONDS,
            "http_timeout": 120,
            "poll_interval": 10,
            "interrupt_timeout": 10,
            "term_timeout": 5,
            "mem_limit": workshop.limits.memory,
            "cpu_limit": workshop.limits.cpus,
            "server_token_scopes": roles.OF_A_SERVER,
            "class_view": f"{class_url}/services/{SERVICE}/",
        },
        "Entrance": {"people_file": str(workshop.people), "manage_groups": True, "any_allow_config": True},
    }
    if workshop.certificate:
        config["JupyterHub"] |= {"ssl_cert": str(workshop.certificate), "ssl_key": str(workshop.key)}
    return config


def services(workshop: Workshop, class_url: str) -> list[dict[str, Any]]:
    """Return the programs that run beside the Hub: the class view, and the one that stops idle servers."""
    idle = 60 * workshop.idle_minutes
    return [
        {
            "name": SERVICE,
            "url": class_url,
            "command": [sys.executable, "-m", "course_lib.workshop.classview"],
            "environment": {FOLDER: str(workshop.folder)},
            "cwd": str(workshop.folder / "hub"),
            "oauth_no_confirm": True,
            "oauth_client_allowed_scopes": roles.OF_THE_CLASS_VIEW,
            "display": True,
        },
        {
            "name": "idle-culler",
            "command": [
                sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={idle}",
                f"--cull-every={max(10, min(idle // 2, 300))}", "--IdleCuller.log_level=ERROR",
            ],
            "display": False,
        },
    ]  # fmt: skip
