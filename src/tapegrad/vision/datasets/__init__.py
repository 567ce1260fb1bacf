"""Data sets: MNIST and its relatives, CIFAR, SVHN, USPS, MedMNIST, folders of images, the digits that come along, and made-up points."""

from .arrays import ImageArrays
from .cifar import CIFAR10, CIFAR100
from .digits import Digits
from .fakedata import FakeData
from .files import data_root
from .folder import IMG_EXTENSIONS, DatasetFolder, ImageFolder
from .hanzi import Hanzi
from .idx import read_idx
from .medmnist import MedMNIST
from .mnist import EMNIST, KMNIST, MNIST, QMNIST, FashionMNIST
from .svhn import SVHN
from .synthetic import circles, moons, sine, spiral
from .usps import USPS
from .vision import VisionDataset

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "EMNIST",
    "IMG_EXTENSIONS",
    "KMNIST",
    "MNIST",
    "QMNIST",
    "SVHN",
    "USPS",
    "DatasetFolder",
    "Digits",
    "FakeData",
    "FashionMNIST",
    "Hanzi",
    "ImageArrays",
    "ImageFolder",
    "MedMNIST",
    "VisionDataset",
    "circles",
    "data_root",
    "moons",
    "read_idx",
    "sine",
    "spiral",
]
