"""Who may do what: learners have their own server and their own row, instructors see the class.

The scopes are the Hub's. A learner's server gets a token that can bring results to the class view and say that the
server is in use, and nothing more; the right to see the class is in no token that a learner can have.
"""

from typing import Any

from course_lib.workshop.settings import SERVICE

INSTRUCTORS = "instructors"
SEES_THE_CLASS = "custom:class:view"
_MAY_ASK = f"access:services!service={SERVICE}"

CUSTOM_SCOPES: dict[str, dict[str, Any]] = {SEES_THE_CLASS: {"description": "See the whole class in the class view"}}
OF_A_SERVER = ["users:activity!user", "access:servers!server", _MAY_ASK]
OF_THE_CLASS_VIEW = [SEES_THE_CLASS]


def roles() -> list[dict[str, Any]]:
    """Return the roles as the Hub loads them."""
    return [
        {"name": "user", "scopes": ["self", _MAY_ASK]},
        {
            "name": "instructor",
            "scopes": [SEES_THE_CLASS, _MAY_ASK, "admin-ui", "list:users", "read:servers", "servers"],
            "groups": [INSTRUCTORS],
        },
        {
            "name": "idle-culler",
            "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
            "services": ["idle-culler"],
        },
    ]
