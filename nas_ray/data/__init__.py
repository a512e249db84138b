"""Data sets by name, path or Python object, as numpy arrays in one shape.

Example:
    >>> from nas_ray import data
    >>> digits = data.load("digits")
    >>> digits.input_shape, digits.outputs
    ((1, 8, 8), 10)

What a data set needs (torch, torchvision, pillow) is imported when that data set is read, never here.
"""

from nas_ray.data.catalog import load, names
from nas_ray.data.identity import data_id
from nas_ray.data.splits import Splits

__all__ = ["Splits", "data_id", "load", "names"]
