"""The network: two convolutions, each followed by a pooling, and one linear layer."""

from needle import nn
from needle.autograd import Tensor


class DigitNet(nn.Module):
    """Images (N, 1, 8, 8) -> scores (N, 10), one for each digit."""

    def __init__(self) -> None:
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64 * 2 * 2, 10))

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores of ``images``."""
        return self.classifier(self.features(images))
