import pytest
import torch

from nas_ray.estimation import Estimation
from nas_ray.estimation.device_data import DeviceData
from nas_ray.estimation.learner import Learner
from nas_ray.estimation.schedule import Cosine


def test_it_is_torchs_cosine():
    weights = [torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))]
    groups = [{"params": [weights[0]], "lr": 0.1}, {"params": [weights[1]], "lr": 0.4}]
    ours, theirs = torch.optim.SGD(groups), torch.optim.SGD([dict(group) for group in groups])
    cosine, reference = Cosine(ours, 20), torch.optim.lr_scheduler.CosineAnnealingLR(theirs, T_max=20)
    for _ in range(20):
        for optimizer, schedule in ((ours, cosine), (theirs, reference)):
            optimizer.step()
            schedule.step()
        assert [g["lr"] for g in ours.param_groups] == pytest.approx([g["lr"] for g in theirs.param_groups])
    cosine.step()
    assert [group["lr"] for group in ours.param_groups] == [0, 0]


# 110 samples: in batches of 64 two a epoch, of 109 one (the last sample is left out), of 1 all.
@pytest.mark.parametrize("batch_size", [64, 109, 110, 1])
def test_the_rate_starts_full_is_half_in_the_middle_and_ends_at_zero(space, small, batch_size):
    settings = Estimation(max_epochs=4, learning_rate=0.01, batch_size=batch_size)
    data = DeviceData(small, torch.device("cpu"))
    learner = Learner(space, {"width": 4}, small.task(), data, settings, 0)
    rates = [learner.optimizer.param_groups[0]["lr"]]
    for _ in range(4):
        learner.step()
        rates.append(learner.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.01, 0.01 * 0.853553, 0.005, 0.01 * 0.146447, 0], abs=1e-7)
