"""Trials of several sizes on one GPU: which part each gets, and who waits for whom."""

from types import SimpleNamespace

import numpy as np
import pytest
import ray
import torch
from ray.tune.experiment import Trial

import nas_ray
from nas_ray import Learner, Splits
from nas_ray.config import Resources
from nas_ray.costs import Verdict
from nas_ray.engine import cluster
from nas_ray.engine.cluster import Plan
from nas_ray.engine.proposing import Proposing
from nas_ray.engine.sizes import MARGIN, Sizes, data_mb
from nas_ray.errors import ClusterError, ConfigError
from nas_ray.estimation.memory import CONTEXT_MB, limit_mb
from nas_ray.strategies import Proposal

PLAN = Plan(8, 1.0, 0.25, packs=2)
MEMORY_MB = 10_000.0


def proposal(number, memory_mb=None):
    return Proposal(number, {"memory_mb": memory_mb}, f"c{number}", f"a{number}", "running")


def sizes(data=0.0):
    def estimate(config):
        known = config["memory_mb"]
        return Verdict(costs={} if known is None else {"memory_mb": known})

    return Sizes(PLAN, MEMORY_MB, data, estimate)


def share(packed, *asked):
    return packed.placement(proposal(*asked))[0]


def room_for(parts):
    return (parts * MEMORY_MB - CONTEXT_MB) / MARGIN


@pytest.mark.parametrize(
    ("needs", "gets"),
    [(1, 0.25), (room_for(0.25), 0.25), (room_for(0.26), 0.5), (room_for(0.51), 1.0), (50_000, 1.0)],
)
def test_a_trial_gets_the_smallest_part_that_its_network_and_cuda_fit_into(needs, gets):
    gpus, placement = sizes().placement(proposal(0, needs))
    assert gpus == gets
    assert placement.bundles == [{"CPU": 1.0, "GPU": gets}]


def test_all_trials_of_a_size_have_the_same_resources_object_by_which_tune_keeps_their_actors():
    packed = sizes()
    assert packed.placement(proposal(0, 1))[1] is packed.placement(proposal(1, 2))[1]


def test_the_data_set_on_the_gpu_counts_for_every_process():
    needs = room_for(0.25)
    assert share(sizes(), 0, needs) == 0.25
    assert share(sizes(data=100.0), 0, needs) == 0.5
    assert share(sizes(data=600.0), 0, needs) == 0.25, "more than three tenths of the room: it stays outside"
    assert share(sizes(data=600.0), 0, room_for(0.5)) == 1.0, "in a half it is kept there"


def test_what_is_measured_beside_a_data_set_that_stays_outside_is_the_network():
    packed = sizes(data=600.0)
    assert share(packed, 0, 1000) == 0.25
    packed.told(0, {"peak_memory_mb": 2000.0})
    assert share(packed, 1, 1000) == 0.5, "twice the estimate, and not 1.4 times"


def test_an_end_without_a_training_is_no_measurement():
    """The memory of one that is infeasible, or fails while it is built, is nobody's need."""
    packed = sizes()
    strategy = SimpleNamespace(proposal_of=lambda _: proposal(0, 3000), on_trial_complete=lambda *_: None)
    proposing = Proposing(strategy, sizes=packed)
    assert share(packed, 0, 3000) == 0.5
    proposing.on_trial_complete("a", {"peak_memory_mb": 1.0, "outcome": "infeasible", "error": "too deep"})
    assert share(packed, 1, 3000) == 0.5
    proposing.on_trial_complete("a", {"peak_memory_mb": 900.0, "outcome": "finished"})
    assert share(packed, 2, 3000) == 0.25, "Tune tells the last report with the end alone"


def test_a_process_keeps_to_its_part_of_a_gpu_less_what_cuda_takes():
    assert [limit_mb(share, 10_000.0) for share in (0.25, 0.5, 1.0, 2.0)] == [1900, 4400, 9400, 9400]
    assert limit_mb(0.25, 1000.0) == 125, "half of the part at least"


def test_what_trials_were_measured_to_take_corrects_the_estimates():
    packed = sizes(data=500.0)
    assert share(packed, 0, 3000) == 0.5
    packed.told(0, {"peak_memory_mb": 500.0 + 900.0})
    packed.told(0, {"peak_memory_mb": 500.0 + 600.0})
    assert share(packed, 1, 3000) == 0.25, "it takes three tenths of the estimate"
    packed.told(1, {"peak_memory_mb": 500.0 + 3000.0})
    assert share(packed, 2, 3000) == 0.5, "of two, the larger"


def test_one_network_in_ten_that_takes_more_than_others_makes_no_rule():
    packed = sizes()
    for number in range(20):
        packed.placement(proposal(number, 100))
        packed.told(number, {"peak_memory_mb": 9000.0 if number == 3 else 100.0})
    assert share(packed, 20, 100) == 0.25


def test_a_network_that_cannot_be_counted_has_a_whole_gpu_until_others_were_measured():
    packed = sizes()
    assert share(packed, 0) == 1.0
    packed.told(0, {"peak_memory_mb": float("nan")})
    packed.told(0, {})
    assert share(packed, 1) == 1.0
    packed.told(0, {"peak_memory_mb": 800.0})
    assert share(packed, 2) == 0.25


def test_a_trial_that_ran_out_of_memory_gets_the_next_larger_part_and_others_like_it_too():
    packed = sizes()
    assert share(packed, 0, 100) == 0.25
    packed.grow(0)
    assert share(packed, 0, 100) == 0.5
    assert share(packed, 1, 110) == 0.5
    assert share(packed, 2, 10) == 0.25
    packed.grow(0)
    assert share(packed, 0, 100) == 1.0
    packed.grow(0)
    assert share(packed, 0, 100) == 1.0


def held(packed, gpus, status=Trial.RUNNING):
    trial = SimpleNamespace(gpus=gpus, status=status)
    trial.is_finished = lambda: trial.status == Trial.TERMINATED
    packed.began(trial)
    return trial


def test_no_more_is_proposed_than_fits_and_nothing_small_before_a_large_one_that_waits():
    packed = sizes()
    small = [held(packed, 0.25) for _ in range(4)]
    assert packed.room
    large = held(packed, 1.0, Trial.PENDING)
    assert not packed.room, "it fills the second GPU"
    small[0].status = Trial.TERMINATED
    assert not packed.room, "there is a quarter, but the large one may need it"
    large.status = Trial.RUNNING
    assert packed.room
    waits = held(packed, 0.25, Trial.PENDING)
    assert not packed.room
    waits.status = Trial.PAUSED
    assert packed.room, "a paused trial holds nothing"


def test_the_data_set_counts_at_its_resolution():
    images = np.zeros((40, 3, 32, 32), np.float32)
    labels = np.arange(40) % 4
    splits = Splits(images, labels, images[:8], labels[:8], images[:4], labels[:4])
    assert data_mb(splits, (3, 16, 16), 0.5) == pytest.approx(32 * 3 * 16 * 16 * 4 / 2**20)


def test_auto_needs_to_know_the_memory_of_a_gpu_and_is_no_part_of_one_on_a_machine_without():
    with pytest.raises(
        ConfigError, match=r"`resources\.gpus_per_trial` must be a number, or auto, but got 'all'"
    ):
        nas_ray.load_config({}, {"resources.gpus_per_trial": "all"})
    plan = cluster.plan(Resources(gpus_per_trial="auto"), 24, {"CPU": 2.0})
    assert (plan.concurrency, plan.gpus, plan.packs) == (2, 0, 0)
    plan = cluster.plan(Resources(gpus_per_trial="auto"), 24, {"CPU": 16.0, "GPU": 2.0})
    assert (plan.concurrency, plan.cpus, plan.gpus, plan.packs, plan.most_gpus) == (8, 2, 0.25, 2, 1.0)
    grows = Resources(gpus_per_trial="auto", concurrency=40, address="head:6379")
    assert cluster.plan(grows, None, {"CPU": 16.0, "GPU": 2.0}).packs == 10, "where a cluster may grow to"
    with pytest.raises(ClusterError, match=r"auto divides GPUs, but the cluster has none now; keep one"):
        cluster.plan(grows, None, {"CPU": 16.0})


def test_a_cluster_whose_gpus_are_all_in_use_is_told(two_gpus, monkeypatch):
    holder = ray.remote(num_gpus=2)(SimpleNamespace).remote()
    ray.get(holder.__ray_ready__.remote())
    monkeypatch.setattr(cluster, "NODE_CHECK_SECONDS", 1)
    with pytest.raises(ClusterError, match=r"all were in use for 1 s; set `resources.gpu_memory_mb`"):
        cluster.gpu_memory_mb(Resources(gpus_per_trial="auto"))


class Greedy(Learner):
    """Runs out of memory in less than half of a GPU, where the network is not small."""

    def train_epoch(self):
        gpus = ray.get_runtime_context().get_assigned_resources()["GPU"]
        if self.costs.params > 30_000 and gpus < 0.5:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return {**super().train_epoch(), "seen_gpus": gpus, "threads": torch.get_num_threads()}


@pytest.fixture
def two_gpus():
    ray.shutdown()
    ray.init("local", num_cpus=4, num_gpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def one_gpu():
    ray.shutdown()
    ray.init("local", num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_small_networks_share_a_gpu_and_one_that_needs_more_goes_on_in_a_larger_part(one_gpu, tmp_path):
    asked = {"resources.gpu_memory_mb": 8000.0, "stopping.name": "none"}
    with pytest.raises(ClusterError, match=r"set `resources.gpu_memory_mb`, or a number of GPUs"):
        nas_ray.search(gpus_per_trial="auto", trials=1, runs_dir=tmp_path, name="blind")
    result = nas_ray.search(
        overrides=asked,
        gpus_per_trial="auto",
        learner=Greedy,
        concurrency=2,
        trials=5,
        max_epochs=2,
        seed=1,
        runs_dir=tmp_path,
    )
    trials, record = result.trials, result.record
    assert set(trials["outcome"]) == {"finished"}
    assert (trials["gpus"] == trials["seen_gpus"]).all(), "each trains in the part that the record says"
    large = trials["params"] > 30_000
    assert large.any()
    assert (trials.loc[large, "gpus"] >= 0.5).all()
    moved = [trial for trial in record.trials.values() if len(trial.starts) > 1]
    assert moved
    for trial in moved:
        assert [start["gpus"] for start in trial.starts] == [0.25, 0.5]
        assert "out of memory" in trial.retries[0]["error"]
    least, most = (part * trials["wall_s"] for part in (0.25, trials["gpus"]))
    stayed = ~trials["trial_id"].isin(trial.proposal["trial_id"] for trial in moved)
    assert trials["gpu_s"][stayed].to_numpy() == pytest.approx(most[stayed].to_numpy())
    assert ((least < trials["gpu_s"]) & (trials["gpu_s"] < most))[~stayed].all(), "each stay by its own part"
    assert not trials["batch_size"].notna().any() if "batch_size" in trials else True
    assert len(result.epochs) == 10
