"""Spaces whose networks misbehave, as a user's own module would define them."""

import os
import signal
import time
from pathlib import Path

import ray
import torch
from ray import tune
from torch import nn

from nas_ray import SearchSpace


def linear(task, hidden=8):
    features = 1
    for side in task.input_shape:
        features *= side
    return nn.Sequential(
        nn.Flatten(), nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, task.outputs)
    )


class Tiny(SearchSpace):
    """Linear networks that train in no time."""

    name = "tiny"

    def param_space(self):
        return {"hidden": tune.randint(2, 1000), "noise": tune.choice(["a", "b"])}

    def build(self, config, task):
        return linear(task, config["hidden"])


class OnlyInWorkers(Tiny):
    """Networks that the process which searches must not build."""

    name = "only-in-workers"

    def __init__(self):
        self.driver = os.getpid()

    def build(self, config, task):
        assert os.getpid() != self.driver, "a network was built in the driver"
        return super().build(config, task)


class Failing(Tiny):
    """Of every four networks one cannot be built, one runs out of memory, one diverges."""

    name = "failing"

    def build(self, config, task):
        kind = config["hidden"] % 4
        if kind == 1:
            raise ValueError("this architecture cannot be built")
        if kind == 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        model = linear(task)
        if kind == 3:
            nn.init.constant_(model[1].weight, float("nan"))
        return model


class Hanging(Tiny):
    """Networks of an even width are never built."""

    name = "hanging"

    def build(self, config, task):
        while config["hidden"] % 2 == 0:
            signal.pause()
        return linear(task)


class Broken(Tiny):
    """No network can be built."""

    name = "broken"

    def build(self, config, task):
        raise ZeroDivisionError("nothing works")


class Killing(Tiny):
    """The first worker that builds a network is killed, as a lost node would be.

    Args:
        marker: File that says that it has happened.
        always: Kill every worker that builds a network with an even width.
    """

    name = "killing"

    def __init__(self, marker="", always=False):
        self.marker, self.always = marker, always

    def build(self, config, task):
        if self.always and config["hidden"] % 2 == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.marker and not Path(self.marker).exists():
            Path(self.marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return linear(task)


class Gathering(Tiny):
    """Networks that nobody trains before so many nodes of the cluster have one to train.

    Args:
        folder: Takes a file for each node, named by its id.
        nodes: How many.
        leaver: Id of a node that is lost once they have gathered, as a spot machine is that is taken back.
    """

    name = "gathering"

    def __init__(self, folder="", nodes=1, leaver=""):
        self.folder, self.nodes, self.leaver = folder, nodes, leaver

    def build(self, config, task):
        if ray.is_initialized():  # elsewhere its operations are counted
            node = ray.get_runtime_context().get_node_id()
            Path(self.folder, node).touch()
            while len(os.listdir(self.folder)) < self.nodes:
                time.sleep(0.05)
            if node == self.leaver:
                os.kill(os.getppid(), signal.SIGKILL)  # the node's own process
                signal.pause()
        return super().build(config, task)
