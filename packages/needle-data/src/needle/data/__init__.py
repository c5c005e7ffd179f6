"""Datasets and the loader that serves them in batches."""

from needle.data.dataset import Dataset, TensorDataset
from needle.data.digits import Digits
from needle.data.loader import DataLoader

__all__ = ["DataLoader", "Dataset", "Digits", "TensorDataset"]
