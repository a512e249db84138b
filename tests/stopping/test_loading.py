import pytest

from nas_ray.errors import ConfigError, UnknownName
from nas_ray.stopping import load_rule
from nas_ray.stopping.asha import ASHA
from nas_ray.stopping.none import NoStopping


def test_rules_come_by_name_and_by_module():
    assert isinstance(load_rule("none"), NoStopping)
    assert isinstance(load_rule("nas_ray.stopping.asha:ASHA", metric="acc"), ASHA)
    assert load_rule("asha", reduction_factor=4).reduction_factor == 4


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'asha'"):
        load_rule("asah")


@pytest.mark.parametrize("options", [{"eta": 4}, {"grace_period": "3"}])
def test_options_that_do_not_fit_are_named(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        load_rule("asha", **options)


def test_something_else_is_no_rule():
    with pytest.raises(ConfigError, match="must be a StoppingRule"):
        load_rule("collections:Counter")
