import pytest

from nas_ray.spaces import canonical_json, derived_seed, stable_id


def test_golden_ids() -> None:
    assert stable_id({"b": [1, 2.5, None, True], "a": "é"}) == "41f805fee7d74c3ec23e2c0c91eb1433"
    assert stable_id([]) == "b098b914bed19532d86ccfb9ce02d9f1"


def test_golden_seeds() -> None:
    assert derived_seed(0, "trial", 1) == 7468278949143785395


def test_the_order_of_keys_does_not_matter() -> None:
    assert stable_id({"a": 1, "b": 2}) == stable_id({"b": 2, "a": 1})


def test_types_matter() -> None:
    assert len({stable_id(value) for value in (1, 1.0, True, "1", [1], None)}) == 6


def test_json_is_compact_and_sorted() -> None:
    assert canonical_json({"b": 1, "a": [True, None]}) == '{"a":[true,null],"b":1}'


def test_nan_has_no_id() -> None:
    with pytest.raises(ValueError, match="JSON"):
        stable_id(float("nan"))
