"""Who asks the class view, as the Hub knows them: by a token that a program brings, or by signing in with a browser."""

from typing import Any

from jupyterhub.services.auth import HubOAuth, HubOAuthCallbackHandler
from tornado.httputil import url_concat
from tornado.web import RequestHandler

from course_lib.workshop.classview.service import Who
from course_lib.workshop.hub.roles import SEES_THE_CLASS


class HubIdentity:
    """Asks the Hub, and remembers its answer for a minute."""

    def __init__(self) -> None:
        self._hub: Any = HubOAuth.instance(cache_max_age=60)

    @property
    def callback(self) -> tuple[str, type[RequestHandler]]:
        """Where the Hub sends a browser back to."""
        return (f"{self._hub.base_url}oauth_callback", HubOAuthCallbackHandler)

    async def who(self, handler: RequestHandler) -> Who | None:
        """Return who asks. A cookie counts only with the token that the page got, unless a page itself is asked for."""
        user = await self._hub.get_user(handler, sync=False)
        if user is None or user.get("kind") != "user":
            return None
        if not self._hub.check_scopes(self._hub.access_scopes, user):
            return None
        return Who(str(user["name"]), is_instructor=SEES_THE_CLASS in user["scopes"])

    def sign_in(self, handler: RequestHandler) -> str:
        """Return the Hub's address to sign in at, from which the browser comes back to the page that it asked for."""
        asked: dict[str, str] = {}
        kept: dict[str, str] = {}
        if getattr(self._hub, "pkce_enabled", False):  # from JupyterHub 6 on
            verifier, challenge, method = self._hub.generate_pkce_code_challenge()
            asked = {"code_challenge": challenge, "code_challenge_method": method}
            kept = {"code_verifier": verifier}
        asked["state"] = self._hub.set_state_cookie(handler, next_url=handler.request.uri, **kept)
        return str(url_concat(self._hub.login_url, asked))
