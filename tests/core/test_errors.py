from hypothesis import given
from hypothesis import strategies as st

from reverie.core.errors import UserError, nearest


@given(
    word=st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=8),
    known=st.sets(st.text("abcdef-", min_size=1, max_size=8), min_size=1, max_size=6),
)
def test_a_suggestion_is_a_known_name_or_lists_all(word: str, known: set[str]) -> None:
    hint = nearest(word, known)
    if hint.startswith("did you mean"):
        assert hint.removeprefix("did you mean '").removesuffix("'?") in known
    else:
        assert hint == f"known are: {', '.join(sorted(known))}."


def test_the_closest_name_is_suggested() -> None:
    assert nearest("dcgn", ["dcgan", "vae", "cyclegan"]) == "did you mean 'dcgan'?"
    assert nearest("xyz", ["vae", "gan"]) == "known are: gan, vae."
    assert nearest("xyz", ["vae", "gan"], "look there.") == "look there."


def test_initials_stand_for_a_name_of_several_words() -> None:
    assert nearest("lr", ["learning_rate", "loss"]) == "did you mean 'learning_rate'?"
    assert nearest("--lr", ["--learning-rate", "--loss"]) == "did you mean '--learning-rate'?"


def test_user_errors_are_value_errors() -> None:
    assert issubclass(UserError, ValueError)
