"""The Hub of a workshop: set up from a `Workshop`, run until Ctrl-C, with one notice to the instructor."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

from jupyterhub.app import JupyterHub
from traitlets.config import Config

from course_lib.workshop.hub.configuration import configuration, inner_ports
from course_lib.workshop.hub.entrance import Entrance
from course_lib.workshop.hub.spawner import CourseSpawner
from course_lib.workshop.settings import SERVICE, Workshop

ROUTE_LOOKS = 300  # a minute


class WorkshopHub(JupyterHub):
    """JupyterHub, which tells the instructor when it is open."""

    when_open: Callable[[], None] = staticmethod(lambda: None)

    def load_config_file(self, *_: Any, **__: Any) -> None:
        """Read no file: the configuration is handed over, and what lies about on this machine is not ours."""

    async def start(self) -> Any:
        """Start, and say so when the proxy knows the way; until then it answers "not found"."""
        started = await super().start()
        wanted = {"/", f"/services/{SERVICE}/"}
        for _ in range(ROUTE_LOOKS):
            if wanted <= (await self.proxy.get_all_routes()).keys():
                break
            await asyncio.sleep(0.2)
        self.when_open()
        return started


def run(workshop: Workshop, when_open: Callable[[], None]) -> None:
    """Run the Hub until it is stopped."""
    os.chdir(workshop.folder / "hub")
    os.umask(0o077)
    # Started in the background, a shell may have told it to ignore Ctrl-C; what it starts would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config = Config(configuration(workshop, inner_ports(workshop.port + 1)))
    config.JupyterHub.authenticator_class = Entrance
    config.JupyterHub.spawner_class = CourseSpawner
    config.Entrance.code, config.Entrance.password = workshop.code, workshop.password
    config.CourseSpawner.workshop = workshop
    hub = WorkshopHub.instance(config=config)
    hub.when_open = when_open
    WorkshopHub.launch_instance([])
