import doctest

import pytest

from nas_ray.ledger import writer
from nas_ray.results import timing


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0.0 s"),
        (9.94, "9.9 s"),
        (59.4, "59 s"),
        (59.7, "1 min 0 s"),
        (3600, "1 h 0 min"),
        (90_000, "25 h 0 min"),
    ],
)
def test_durations_in_words(seconds, words):
    assert timing.in_words(seconds) == words


@pytest.mark.parametrize("module", [timing, writer])
def test_the_examples_run(module):
    tested = doctest.testmod(module)
    assert tested.attempted
    assert not tested.failed
