import pytest

from nas_ray.spaces import SearchSpace, load_space
from nas_ray.tasks import Task
from nas_ray.testing.spaces import SearchSpaceConformance


class TestChain(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return load_space("chain")

    def make_task(self) -> Task:
        return Task(kind="classification", input_shape=(1, 8, 8), outputs=10)


class TestChainRegression(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return load_space("chain", max_depth=3, widths=[8, 12], norms=["none"])

    def make_task(self) -> Task:
        return Task(kind="regression", input_shape=(3, 12, 10), outputs=2)


class TestSmallChain(SearchSpaceConformance):
    """Small enough to be listed."""

    def make_space(self) -> SearchSpace:
        return load_space(
            "chain",
            max_depth=2,
            kernels=[3],
            widths=[8],
            activations=["relu"],
            norms=["batch"],
            max_dense=1,
            units=[32, 64],
            dropouts=[0.0],
        )

    def make_task(self) -> Task:
        return Task(kind="classification", input_shape=(1, 8, 8), outputs=10)


class TestMLPOnTables(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return load_space("mlp")

    def make_task(self) -> Task:
        return Task(kind="regression", input_shape=(13,), outputs=1)


class TestMLPOnImages(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return load_space("mlp", max_depth=2, units=[16, 32])

    def make_task(self) -> Task:
        return Task(kind="classification", input_shape=(3, 8, 8), outputs=5)


class TestNASBench201(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return load_space("nasbench201", channels=4, cells=1)

    def make_task(self) -> Task:
        return Task(kind="classification", input_shape=(3, 8, 8), outputs=10)


def test_the_conformance_class_must_be_told_its_space() -> None:
    with pytest.raises(NotImplementedError):
        SearchSpaceConformance().make_space()
