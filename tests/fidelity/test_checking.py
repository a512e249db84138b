"""Fidelities are checked on networks that are trained for it, and off tables."""

import json

import pytest

from nas_ray import check_fidelity, cli, load_config
from nas_ray.errors import ConfigError
from nas_ray.fidelity.sampled import searches, settings_of

CONFIG = {
    "space": {"name": "mlp"},
    "data": {"name": "digits"},
    "estimation": {"max_epochs": 2},
    "resources": {"concurrency": 1},
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory, local_ray):
    """One real check: 4 networks, 2 seeds, 2 epochs."""
    folder = tmp_path_factory.mktemp("checked")
    run = {"dir": str(folder), "name": "check"}
    return check_fidelity({**CONFIG, "run": run}, networks=4), {**CONFIG, "run": run}


def test_networks_are_trained_with_every_seed_and_compared(checked):
    frame = checked[0].frame
    assert frame[["setting", "epochs", "networks"]].to_numpy().tolist() == [["full", 1, 4], ["full", 2, 4]]
    assert frame["cost"].iloc[1] == pytest.approx(1.0)
    assert (frame["seed_noise"] > 0).all()
    assert frame["spearman"].between(-1, 1).all()


def test_a_dial_that_is_turned_down_is_compared_with_trainings_in_which_all_are_full(tmp_path):
    dials = {"estimation.data_share": 0.5, "estimation.width": 0.25}
    config = load_config({"run": {"dir": str(tmp_path), "name": "check", "time_budget": 1}}, dials)
    assert [each.name for each in settings_of(config)] == ["full", "data_share=0.5", "width=0.25"]
    planned = searches(config, [{"op": "conv"}], seeds=2)
    assert [
        (each.run.name, each.run.seed, each.estimation.data_share, each.estimation.width)
        for each in planned.values()
    ] == [
        ("full-seed0", 0, 1.0, 1.0),
        ("full-seed1", 1, 1.0, 1.0),
        ("data_share=0.5-seed0", 0, 0.5, 1.0),
        ("data_share=0.5-seed1", 1, 0.5, 1.0),
        ("width=0.25-seed0", 0, 1.0, 0.25),
        ("width=0.25-seed1", 1, 1.0, 0.25),
    ]
    for each in planned.values():
        assert (each.stopping.name, each.run.trials, each.run.time_budget) == ("none", 1, None)
        assert each.strategy.options == {"points_to_evaluate": [{"op": "conv"}]}


def test_searches_are_left_in_one_folder_and_not_done_again(checked):
    report, config = checked
    names = ["full-seed0", "full-seed1"]
    assert sorted(path.name for path in report.folder.iterdir()) == names
    before = {path: path.stat().st_mtime_ns for path in report.folder.glob("*/ledger.jsonl")}
    assert len(before) == 2
    again = check_fidelity(config, networks=4)
    assert again.frame.equals(report.frame)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_table_is_read_and_nothing_trained(shared_data, monkeypatch, capsys):
    monkeypatch.setenv("NAS_RAY_DATA", str(shared_data.resolve()))
    words = ["check-fidelity", "--table", "naap440", "--networks", "40", "--format", "json"]
    assert cli.main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["epochs"] for row in told["fidelities"]] == [1, 2, 4, 8, 16, 32, 64, 90]
    assert told["fidelities"][-1]["spearman"] == 1.0
    assert all(row["seed_noise"] is None for row in told["fidelities"])
    assert told["advice"]["grace_period"] <= 8
    with pytest.raises(ConfigError, match=r"results at several epochs.*at 12 alone"):
        check_fidelity(table="nasbench201-cifar10")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--networks", "3"], "`networks` must be at least 4, but got 3"),
        (["--seeds", "0"], "`seeds` must be at least 1, but got 0"),
        (["--max-epochs", "1"], "`estimation.max_epochs` must be at least 2"),
        (["--table", "nowhere"], "no table is called 'nowhere'"),
        (["--format", "xml"], "no format is called 'xml'"),
        (["--format", "parquet"], "must have a file"),
        (["--space", "tests_of_nothing"], "no search space is called"),
        (["estimation.max_epoch=3"], "unknown key"),
    ],
)
def test_bad_input_is_told_before_anything_is_trained(words, told, tmp_path, capsys):
    assert cli.main(["check-fidelity", *words, "--runs-dir", str(tmp_path / "runs")]) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.glob("runs/*/*"))
