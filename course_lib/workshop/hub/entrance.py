"""The entrance: a name and the class code, on the Hub's own sign-in page; what they are worth is said by the `Door`."""

from functools import cached_property
from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.handlers.login import LoginHandler
from tornado import web
from traitlets import Unicode

from course_lib.workshop.door import Door, RefusedError
from course_lib.workshop.hub.roles import INSTRUCTORS
from course_lib.workshop.names import INSTRUCTOR
from course_lib.workshop.people import people_of


class EntranceHandler(LoginHandler):
    """The Hub's sign-in, which shows a new learner their PIN, once."""

    asks_pin = False
    new_pin: str | None = None

    def _render(self, login_error: str | None = None, username: str | None = None, **more: Any) -> Any:
        typed = self.get_argument("code", default="")
        more.pop("message", None)
        return super()._render(
            login_error=login_error, username=username, typed_code=typed, asks_pin=self.asks_pin, **more
        )

    async def post(self) -> None:
        """Sign in; then on to the course, or first to the PIN."""
        typed = {name: self.get_argument(name, default="") for name in ("username", "code", "pin", "password")}
        user = await self.login_user(typed)
        self._jupyterhub_user = user
        if self.new_pin is None:
            self.redirect(self.get_next_url(user))
            return
        pin = f"{self.new_pin[:3]} {self.new_pin[3:]}"
        self.set_header("Cache-Control", "no-store")
        self.finish(await self.render_template("welcome.html", pin=pin, next_url=self.get_next_url(user)))


class Entrance(Authenticator):
    """Admits who knows the class code, under a name of their own; and instructors, who know the password."""

    people_file = Unicode(help="Where is kept who has joined.").tag(config=True)
    code = Unicode(help="The class code.").tag(config=True)
    password = Unicode(help="What `names.digest` kept of the instructor's password.").tag(config=True)

    @cached_property
    def door(self) -> Door:
        """What decides."""
        return Door(people_of(self.people_file), self.code, self.password)

    def get_handlers(self, app: Any) -> list[tuple[str, type]]:
        return [("/login", EntranceHandler)]

    def normalize_username(self, username: str) -> str:
        """Return the account as it is: the door has made it, and the Hub asks again for accounts that it knows."""
        return username

    async def authenticate(self, handler: Any, data: dict[str, str]) -> dict[str, Any]:
        try:
            admitted = self.door.admit(
                name=data.get("username", ""),
                code=data.get("code", ""),
                pin=data.get("pin", ""),
                password=data.get("password", ""),
                address=handler.request.remote_ip,
            )
        except RefusedError as error:
            handler.asks_pin = error.asks_pin
            raise web.HTTPError(403, str(error)) from None
        handler.new_pin = admitted.pin
        return {"name": admitted.account, "groups": [INSTRUCTORS] if admitted.is_instructor else []}

    async def refresh_user(self, user: Any, handler: Any = None) -> bool:
        """Keep whoever is in: nobody's rights change but by signing in."""
        return True

    def check_allowed(self, username: str, authentication: Any = None) -> bool:
        """Allow whom the door admitted; it knows all learners, and instructors by their name."""
        return username.startswith(INSTRUCTOR) or self.door.people.find(username) is not None
