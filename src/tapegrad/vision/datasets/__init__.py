"""Data sets: MNIST and its relatives, MedMNIST, folders of images, the digits that come along, and made-up points."""

from .arrays import ImageArrays
from .digits import Digits
from .files import data_root
from .folder import IMG_EXTENSIONS, DatasetFolder, ImageFolder
from .hanzi import Hanzi
from .idx import read_idx
from .medmnist import MedMNIST
from .mnist import EMNIST, KMNIST, MNIST, QMNIST, FashionMNIST
from .synthetic import circles, moons, sine, spiral

__all__ = [
    "EMNIST",
    "IMG_EXTENSIONS",
    "KMNIST",
    "MNIST",
    "QMNIST",
    "DatasetFolder",
    "Digits",
    "FashionMNIST",
    "Hanzi",
    "ImageArrays",
    "ImageFolder",
    "MedMNIST",
    "circles",
    "data_root",
    "moons",
    "read_idx",
    "sine",
    "spiral",
]
