import pytest

from reverie.core.progress import readable_duration
from reverie.training.duration import DurationEstimate


def said(total: int, pace: float, first: int = 0, slow: float = 0.0) -> list[tuple[int, str]]:
    """What is said after which step, where a step takes `pace` seconds and the first more."""
    estimate, seconds, found = DurationEstimate(), 100.0 if first else 0.0, []
    for step in range(first + 1, total + 1):
        seconds += pace + (slow if step == first + 1 else 0)
        words = estimate.after_step(step, step / total, seconds)
        if words is not None:
            found.append((step, words))
    return found


@pytest.mark.parametrize(
    ("total", "pace", "words"),
    [
        (4600, 0.1, "4,600 steps, about 8 minutes here"),
        (600, 0.1, "600 steps, about 60 seconds here"),
        (100_000, 0.25, "100,000 steps, about 6.9 hours here"),
        (200_000, 3.0, "200,000 steps, about 6.9 days here"),
    ],
)
def test_it_is_said_once_after_a_few_seconds(total: int, pace: float, words: str) -> None:
    ((step, estimate),) = said(total, pace)
    assert estimate == words
    assert 5 <= (step - 1) * pace < 5 + 2 * pace


def test_the_first_step_is_no_measure() -> None:
    ((_, estimate),) = said(4600, 0.1, slow=20)
    assert estimate == "4,600 steps, about 8 minutes here"


def test_short_trainings_say_nothing() -> None:
    assert said(300, 0.1) == []
    assert said(10, 0.1) == []


def test_a_resumed_run_says_what_is_left() -> None:
    ((_, estimate),) = said(10_000, 0.1, first=5000)
    assert estimate == "4,948 more steps, about 8 minutes here"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"), (89, "89 seconds"), (100, "2 minutes"), (840, "14 minutes"),
        (5400, "1.5 hours"), (36_000, "10 hours"), (86_400 * 3, "3 days"),
    ],
)  # fmt: skip
def test_durations_in_words(seconds: float, words: str) -> None:
    assert readable_duration(seconds) == words
