"""Who comes in and who stays outside: names, the class code, PINs, releases, passwords, and too many tries."""

import pytest

from course_lib.errors import OptionError
from course_lib.workshop import door, names
from course_lib.workshop import people as people_module
from course_lib.workshop.door import Attempts, Door, RefusedError
from course_lib.workshop.people import RELEASED_FOR, People

CODE, PASSWORD = "K7M-4RT", "correct-horse"


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def entrance(clock):
    people = People(":memory:", clock=clock)
    yield Door(people, CODE, names.digest(PASSWORD), Attempts(clock))
    people.close()


def refusal(entrance, **tried):
    with pytest.raises(RefusedError) as caught:
        entrance.admit(**{"name": "Ada", "code": CODE} | tried)
    return caught.value


def test_a_new_name_comes_in_and_gets_a_pin(entrance):
    admitted = entrance.admit(name=" Ada  Lovelace", code="k7m 4rt")
    assert (admitted.account, admitted.shown, admitted.is_instructor) == ("ada-lovelace", "Ada Lovelace", False)
    assert len(admitted.pin) == 6
    assert admitted.pin.isdigit()


def test_the_same_name_needs_its_pin(entrance):
    pin = entrance.admit(name="José", code=CODE).pin
    assert refusal(entrance, name="jose").asks_pin
    assert refusal(entrance, name="JOSE", pin="000000" if pin != "000000" else "1").asks_pin
    again = entrance.admit(name="Jose", code=CODE, pin=f"{pin[:3]} {pin[3:]}")
    assert (again.account, again.pin) == ("jose", None)


def test_a_pin_is_of_one_name_only(entrance):
    pin = entrance.admit(name="Ada", code=CODE).pin
    entrance.admit(name="Bob", code=CODE)
    assert not entrance.people.is_pin("nobody", pin)
    assert entrance.people.is_pin("ada", pin)
    refusal(entrance, name="Bob", pin=pin)


def test_a_released_name_is_taken_up_once_and_gets_another_pin(entrance, clock):
    old = entrance.admit(name="Ada", code=CODE).pin
    assert entrance.people.release("ada")
    new = entrance.admit(name="Ada", code=CODE)
    assert new.pin is not None
    assert refusal(entrance, name="Ada").asks_pin
    assert entrance.admit(name="Ada", code=CODE, pin=new.pin).account == "ada"
    if old != new.pin:
        refusal(entrance, name="Ada", pin=old)


def test_a_release_ends(entrance, clock):
    entrance.admit(name="Ada", code=CODE)
    entrance.people.release("ada")
    clock.now += RELEASED_FOR + 1
    refusal(entrance, name="Ada")


def test_nobody_can_be_released_who_has_not_joined(entrance):
    assert not entrance.people.release("ada")


def test_without_the_code_nobody_joins_and_no_name_is_taken(entrance):
    for code in ("", "K7M-4R", "K7M-4RTX", "AAA-AAA"):
        assert "class code" in str(refusal(entrance, code=code))
    assert entrance.people.everyone() == []


@pytest.mark.parametrize("name", ["", "   ", "-", "…", "\u200b", "a\u202eb", "a\x00", "x" * 41])
def test_names_that_show_nothing_or_too_much_are_refused(entrance, name):
    refusal(entrance, name=name)
    assert entrance.people.everyone() == []


@pytest.mark.parametrize("name", ["instructor", "Instructor", " INSTRUCTOR-ada", "Ínstructor", "instructor 2"])
def test_no_learner_gets_a_name_like_the_instructors(entrance, name):
    assert "instructor" in str(refusal(entrance, name=name))


@pytest.mark.parametrize(
    "name", ["../../etc", "a/b", "%2e%2e", "<b>x</b>", "a b\tc", "李雷", "Иван", "ß", "O'Brien", "١٢"]
)
def test_an_account_is_made_of_plain_letters_whatever_the_name(entrance, name):
    account = entrance.admit(name=name, code=CODE).account
    assert account.replace("-", "").isalnum()
    assert account.isascii()
    assert account == account.lower()
    assert names.account_name(account) == account


def test_names_in_other_letters_stay_apart():
    accounts = {names.account_name(name) for name in ("李雷", "韩梅梅", "Иван", "Иvан", "Ivan", "Анна")}
    assert len(accounts) == 6


def test_the_instructor_needs_the_password_and_no_code(entrance):
    assert entrance.admit(name="", code="", password=PASSWORD).account == "instructor"
    admitted = entrance.admit(name="Grace", code="", password=PASSWORD)
    assert (admitted.account, admitted.is_instructor, admitted.pin) == ("instructor-grace", True, None)
    assert "password" in str(refusal(entrance, password="wrong"))
    assert "password" in str(refusal(entrance, password=CODE))


def test_wrong_codes_from_one_address_are_bounded_and_right_ones_are_not(entrance, clock):
    for number in range(2 * door.WRONG_PER_ADDRESS):  # a class behind one address
        entrance.admit(name=f"Learner {number}", code=CODE, address="10.0.0.1")
    for _ in range(door.WRONG_PER_ADDRESS):
        refusal(entrance, code="wrong", address="10.0.0.1")
    assert "Too many" in str(refusal(entrance, name="Late", address="10.0.0.1"))
    assert entrance.admit(name="Elsewhere", code=CODE, address="10.0.0.2").account == "elsewhere"
    clock.now += door.MINUTE + 1
    assert entrance.admit(name="Late", code=CODE, address="10.0.0.1").account == "late"


def test_wrong_codes_from_everywhere_are_bounded_too(entrance):
    for number in range(door.WRONG_IN_ALL):
        refusal(entrance, code="wrong", address=f"10.0.{number // 250}.{number % 250}")
    assert "Too many" in str(refusal(entrance, address="10.9.9.9"))


def test_pins_of_one_name_cannot_be_tried_through(entrance, clock):
    pin = entrance.admit(name="Ada", code=CODE).pin
    wrong = str((int(pin) + 1) % 1_000_000).zfill(6)
    for number in range(door.WRONG_PER_NAME):
        refusal(entrance, name="Ada", pin=wrong, address=f"10.0.0.{number}")
    assert "Too many" in str(refusal(entrance, name="Ada", pin=pin, address="10.0.1.1"))
    entrance.people.release("ada")
    assert entrance.admit(name="Ada", code=CODE).pin is not None, "the instructor can always help"


def test_passwords_cannot_be_tried_through(entrance, clock):
    for number in range(door.WRONG_PASSWORDS):
        refusal(entrance, password="wrong", address=f"10.0.0.{number}")
    assert "Too many" in str(refusal(entrance, password=PASSWORD, address="10.0.1.1"))
    clock.now += door.MINUTE + 1
    assert entrance.admit(name="", code="", password=PASSWORD).is_instructor


def test_neither_pins_nor_passwords_are_kept_as_they_are(tmp_path):
    people = People(tmp_path / "people.sqlite")
    _, pin = people.join("ada", "Ada")
    people.close()
    for path in tmp_path.iterdir():
        assert pin.encode() not in path.read_bytes()
    kept = names.digest(PASSWORD)
    assert PASSWORD not in kept
    assert kept != names.digest(PASSWORD), "salted"
    assert not names.is_secret(PASSWORD, "no digest")


def test_people_stay_and_numbers_are_never_given_twice(tmp_path):
    first = People(tmp_path / "people.sqlite")
    assert [first.join(name, name)[0].number for name in ("a", "b", "c")] == [0, 1, 2]
    first.close()
    second = People(tmp_path / "people.sqlite")
    assert [person.shown for person in second.everyone()] == ["a", "b", "c"]
    assert second.join("d", "d")[0].number == 3
    second.close()


def test_another_process_notices_who_joined(tmp_path):
    here, there = People(tmp_path / "people.sqlite"), People(tmp_path / "people.sqlite")
    before = there.changes()
    assert there.changes() == before
    here.join("ada", "Ada")
    assert there.changes() != before
    here.close()
    there.close()


def test_codes_can_be_read_aloud():
    codes = {names.new_code() for _ in range(200)}
    assert len(codes) == 200
    assert not set("".join(codes)) & set("01OILSBZUV258")
    assert names.same_code("O1B-52S", "0lB-S25") is (names._bare("O1B52S") == names._bare("0lBS25"))


def test_instructor_names():
    assert names.instructor_account("  ") == "instructor"
    with pytest.raises(OptionError):
        names.instructor_account("x" * 50)


def test_no_more_join_than_users_are_set_aside(entrance, monkeypatch):
    monkeypatch.setattr(people_module, "MOST_LEARNERS", 2)
    for name in ("Ada", "Bob"):
        entrance.admit(name=name, code=CODE)
    assert "full" in str(refusal(entrance, name="Eve"))
    assert [person.shown for person in entrance.people.everyone()] == ["Ada", "Bob"]
