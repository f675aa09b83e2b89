"""Names of people, class codes and PINs: how they are compared, and which are accepted.

A learner types a name as it is theirs. Two names that a person would take for one (spaces, case, accents) are one name
here, so that nobody is shut out of their own work by an accent; the Hub gets a form of plain letters.
"""

import hashlib
import re
import secrets
import unicodedata

from course_lib.errors import OptionError

INSTRUCTOR = "instructor"
LONGEST_NAME = 40
# No 0/O, 1/I/L, 5/S, 8/B, 2/Z, U/V: read aloud and from a projector.
_CODE_LETTERS = "ACDEFGHJKMNPQRTWXY34679"
_CODE_LENGTH = 6
_PIN_LENGTH = 6
_LOOKS_LIKE = str.maketrans({"0": "Q", "O": "Q", "1": "J", "I": "J", "L": "J", "5": "S", "8": "B", "2": "Z"})


def shown_name(typed: str) -> str:
    """Return a name as it is shown: what was typed, with single spaces.

    Raises
    ------
    OptionError
        For a name without a letter or digit, one that is too long, and one with characters that cannot be seen.

    Examples
    --------
    >>> shown_name("  Ada   Lovelace ")
    'Ada Lovelace'
    """
    name = " ".join(unicodedata.normalize("NFC", typed).split())
    if any(unicodedata.category(letter).startswith("C") for letter in name):
        raise OptionError("This name holds characters that cannot be seen. Type it by hand.")
    if not any(letter.isalnum() for letter in name):
        raise OptionError("Type your name: at least one letter.")
    if len(name) > LONGEST_NAME:
        raise OptionError(f"This name is longer than {LONGEST_NAME} characters. A first name and an initial will do.")
    return name


def account_name(typed: str) -> str:
    """Return the name of the account: the same for every way to type one name, in letters that any system takes.

    Raises
    ------
    OptionError
        As `shown_name`.

    Examples
    --------
    >>> [account_name(name) for name in ("José  García", "jose garcia")]
    ['jose-garcia', 'jose-garcia']
    >>> account_name("李雷") == account_name("李雷 "), account_name("李雷") == account_name("韩梅")
    (True, False)
    """
    folded = unicodedata.normalize("NFKD", shown_name(typed).casefold())
    bare = "".join(letter for letter in folded if not unicodedata.combining(letter))
    plain = re.sub(r"[^a-z0-9]+", "-", bare).strip("-")
    if any(letter.isalnum() and not letter.isascii() for letter in bare):  # letters were lost: tell such names apart
        mark = hashlib.sha256(bare.encode()).hexdigest()[:8]
        return f"{plain}-{mark}" if plain else f"learner-{mark}"
    return plain


def learner_account(typed: str) -> str:
    """Return the account of a learner; names that would look like the instructor's are refused.

    Raises
    ------
    OptionError
        As `shown_name`, and for names that begin with "instructor".
    """
    account = account_name(typed)
    if account.startswith(INSTRUCTOR):
        raise OptionError("Names that begin with 'instructor' are kept for instructors. Type your own name.")
    return account


def instructor_account(typed: str) -> str:
    """Return the account of an instructor: 'instructor', and the name where one was typed.

    Examples
    --------
    >>> instructor_account(""), instructor_account("Ada"), instructor_account("instructor-ada")
    ('instructor', 'instructor-ada', 'instructor-ada')
    """
    name = account_name(typed) if typed.strip() else INSTRUCTOR
    return name if name == INSTRUCTOR or name.startswith(f"{INSTRUCTOR}-") else f"{INSTRUCTOR}-{name}"


def new_code() -> str:
    """Return a class code such as ``"K7M-4RT"``."""
    letters = "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))
    return f"{letters[:3]}-{letters[3:]}"


def new_pin() -> str:
    """Return a PIN of six digits."""
    return "".join(secrets.choice("0123456789") for _ in range(_PIN_LENGTH))


def same_code(typed: str, code: str) -> bool:
    """Compare class codes as a person would: case, spaces and hyphens do not count.

    Examples
    --------
    >>> same_code("k7m 4rt", "K7M-4RT"), same_code("", "K7M-4RT")
    (True, False)
    """
    return secrets.compare_digest(_bare(typed), _bare(code))


def _bare(code: str) -> bytes:
    kept = re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", code)).upper()
    return kept.translate(_LOOKS_LIKE).encode()


def bare_pin(typed: str) -> str:
    """Return the digits of a PIN as typed, such as ``"482 917"``."""
    return re.sub(r"\D", "", unicodedata.normalize("NFKC", typed))


def digest(secret: str) -> str:
    """Return what is kept of a PIN or a password: never itself."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}:{_scrypt(secret, salt).hex()}"


def is_secret(typed: str, kept: str) -> bool:
    """Tell whether `typed` is the secret that `digest` made `kept` of."""
    salt, _, rest = kept.partition(":")
    try:
        return secrets.compare_digest(_scrypt(typed, bytes.fromhex(salt)), bytes.fromhex(rest))
    except ValueError:
        return False


def _scrypt(secret: str, salt: bytes) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, n=2**13, r=8, p=1, maxmem=2**25)
