import pytest
from pydantic import ValidationError

from nas_ray.errors import ConfigError
from nas_ray.estimation import Estimation


def test_settings_of_a_trial_replace_those_of_the_run():
    settings = Estimation(max_epochs=5).replaced({"learning_rate": 0.1, "batch_size": 16, "optimizer": "sgd"})
    assert (settings.learning_rate, settings.batch_size, settings.optimizer) == (0.1, 16, "sgd")
    assert settings.max_epochs == 5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"learning_rat": 0.1}, "`train.learning_rat` is no setting .* did you mean 'learning_rate'"),
        ({"width": 0.5}, "`train.width` is no setting that a trial may choose"),
        ({"batch_size": 0}, "`train.batch_size` must be greater than or equal to 1, but got 0"),
        ({"optimizer": "lion"}, "`train.optimizer` must be 'adamw', 'adam' or 'sgd', but got 'lion'"),
        ({"learning_rate": float("nan")}, r"`train.learning_rate` must be .*, but got nan"),
    ],
)
def test_what_a_trial_cannot_choose_is_refused_in_plain_words(values, message):
    with pytest.raises(ConfigError, match=message):
        Estimation().replaced(values)


@pytest.mark.parametrize("values", [{"max_epochs": 0}, {"data_share": 0}, {"data_share": 1.1}, {"width": 0}])
def test_impossible_settings_are_refused(values):
    with pytest.raises(ValidationError):
        Estimation(**values)


def test_settings_load_neither_torch_nor_ray(tmp_path):
    import subprocess
    import sys

    code = "import sys, nas_ray.estimation; assert not {'torch', 'ray'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
