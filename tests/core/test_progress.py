import pytest

from reverie.core.progress import readable_seconds, readable_speed


@pytest.mark.parametrize(
    ("per_second", "words"),
    [
        (1234.5, "1,234 images/s"),
        (12.4, "12 images/s"),
        (2.54, "2.5 images/s"),
        (0.5, "30 images/min"),
        (0.05, "3 images/min"),
    ],
)
def test_a_speed_is_never_rounded_to_nothing(per_second: float, words: str) -> None:
    assert readable_speed(per_second, "images") == words


def test_seconds_as_people_read_them() -> None:
    assert [readable_seconds(s) for s in (0.4, 75, 3700)] == ["0:00", "1:15", "1:01:40"]
