"""Modules, losses, initialisers and training helpers, under PyTorch's names."""

from needle.nn import functional, init
from needle.nn.checkpoint import load_checkpoint, save_checkpoint
from needle.nn.container import Sequential
from needle.nn.layers import Conv2d, CrossEntropyLoss, Dropout, Flatten, Linear, MaxPool2d, ReLU
from needle.nn.module import IncompatibleKeys, Module, Parameter
from needle.nn.summary import summary

__all__ = [
    "Conv2d",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "IncompatibleKeys",
    "Linear",
    "MaxPool2d",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "functional",
    "init",
    "load_checkpoint",
    "save_checkpoint",
    "summary",
]
