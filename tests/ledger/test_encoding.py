import json
import math
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from nas_ray.ledger.encoding import from_line, plain, to_line


def read_back(value):
    line = to_line({"kind": "k", "at": 0.0, "value": value})
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return json.loads(line, parse_constant=pytest.fail)["value"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan"), np.float64("inf")])
def test_what_json_has_no_word_for_becomes_null(value):
    assert read_back(value) is None
    assert read_back({"deep": [1.5, value]}) == {"deep": [1.5, None]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.float64(0.5), 0.5),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array([1.0, np.nan]), [1.0, None]),
        ((1, (2, 3)), [1, [2, 3]]),
        ({"b", "a"}, ["a", "b"]),
        (OrderedDict(a=1), {"a": 1}),
        ({np.int64(7): 1}, {"7": 1}),
        ("line\nbreak, Käse, \ud800", "line\nbreak, Käse, \ud800"),
        (Path("a/b"), "a/b"),
        (2**63 - 1, 2**63 - 1),
    ],
)
def test_numeric_and_odd_objects_become_plain(value, expected):
    assert read_back(value) == expected


def test_numpy_scalars_become_pythons_own():
    assert [type(plain(value)) for value in (np.int8(1), np.float32(1), np.bool_(False))] == [
        int,
        float,
        bool,
    ]
    assert type(plain(np.float64(1))) is float


@pytest.mark.parametrize("line", [b"", b"12", b"[]", b"{}", b'{"kind":"run"}', b"\x00\x00", b'{"kind":'])
def test_a_line_that_is_no_record_is_refused(line):
    with pytest.raises(ValueError, match=r".+"):
        from_line(line)
