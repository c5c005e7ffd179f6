"""Optimizers: they change parameters by their gradients."""

from needle.optim.adam import Adam
from needle.optim.optimizer import Optimizer
from needle.optim.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer"]
