"""Networks: torchvision's names and shapes of weights, its outputs from the same weights, and where weights come from."""

import hashlib
import warnings

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.errors import ArgumentError, DataError, MissingMethodError
from tapegrad.vision import models
from tapegrad.vision.models import resnet

# The beginning of the SHA-256 of repr([(name, shape), ...]) of torchvision 0.28's state_dict, and its number of parameters.
PUBLISHED = {
    "alexnet": ("fb0abbb96582", 61100840),
    "densenet121": ("79c2c8a32ac5", 7978856),
    "densenet161": ("bcd681053a4b", 28681000),
    "densenet169": ("7ff98be7ad6c", 14149480),
    "densenet201": ("67e1e762d707", 20013928),
    "mobilenet_v2": ("1c18ba5f335c", 3504872),
    "resnet101": ("08d49ebbdc97", 44549160),
    "resnet152": ("e0308459e9c0", 60192808),
    "resnet18": ("9682c6fd405d", 11689512),
    "resnet34": ("b5362b8c3199", 21797672),
    "resnet50": ("f398fe5f16a9", 25557032),
    "resnext101_32x8d": ("b8d57ce9e87e", 88791336),
    "resnext101_64x4d": ("13b0cceab841", 83455272),
    "resnext50_32x4d": ("9a47faebfc93", 25028904),
    "squeezenet1_0": ("873c3481b9b2", 1248424),
    "squeezenet1_1": ("9cf34f8e4ebf", 1235496),
    "vgg11": ("37cf01db9dec", 132863336),
    "vgg11_bn": ("84dc7bc2edf6", 132868840),
    "vgg13": ("2a806d8cb236", 133047848),
    "vgg13_bn": ("11a299b0d71e", 133053736),
    "vgg16": ("e6f6dcd7f608", 138357544),
    "vgg16_bn": ("a49a9e064802", 138365992),
    "vgg19": ("94ee89e212fd", 143667240),
    "vgg19_bn": ("f91df4c4077c", 143678248),
    "wide_resnet101_2": ("fe5070ab23b2", 126886696),
    "wide_resnet50_2": ("e373ab8541bc", 68883240),
}


@pytest.fixture
def no_drawing(monkeypatch):
    """Networks with weights that nobody has written into: memory that is never touched costs nothing."""
    for kind in (nn.Linear, nn.Conv2d):
        monkeypatch.setattr(kind, "reset_parameters", lambda self: None)
    for name in ("kaiming_normal_", "kaiming_uniform_", "normal_", "zeros_"):
        monkeypatch.setattr(nn.init, name, lambda tensor, *args, **options: tensor)


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_shapes_and_counts_are_torchvisions(name, no_drawing):
    model = models.get_model(name)
    state = [(key, tuple(value.shape)) for key, value in model.state_dict().items()]
    digest, count = PUBLISHED[name]
    assert hashlib.sha256(repr(state).encode()).hexdigest()[:12] == digest
    assert sum(p.numel() for p in model.parameters()) == count


def test_every_model_is_compared():
    assert sorted(PUBLISHED) == models.list_models()


def filled(model):
    """The model in evaluation, in float64, with weights by a formula."""
    model = model.double().eval()
    state = model.state_dict()
    for name, value in state.items():
        if value.dtype == np.float64:
            values = 0.1 * np.sin(0.7 * np.arange(value.numel()) + len(name)) + 0.02
            state[name] = tg.tensor((1 + values if "var" in name else values).reshape(value.shape))
    model.load_state_dict(state)
    return model


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (
            lambda: models.ResNet(resnet.BasicBlock, [1, 2, 1, 1], num_classes=3),
            [-9.116730601602178, -11.237722304903135, -12.320469525833076],
        ),
        (
            lambda: models.ResNet(
                resnet.Bottleneck,
                [1, 1, 1, 2],
                num_classes=3,
                groups=2,
                width_per_group=16,
                replace_stride_with_dilation=[False, True, True],
            ),
            [1.0252153293980228, 8.045039761452609, 11.052798216805506],
        ),
        (
            lambda: models.DenseNet(4, (2, 3), 8, num_classes=3),
            [0.06641305109808765, 0.08498449398678498, 0.022100804484557868],
        ),
        (
            lambda: models.MobileNetV2(num_classes=3, width_mult=0.25),
            [3.145773307126787, 1.1695106617274813, -1.4674261848724321],
        ),
        (
            lambda: models.SqueezeNet("1_1", num_classes=3),
            [2898007850.03617, 2895981608.879276, 2904510621.991057],
        ),
        (
            lambda: models.SqueezeNet("1_0", num_classes=3),
            [18167662923.219074, 18160028430.42749, 18218148243.84708],
        ),
    ],
    ids=["basic", "bottleneck", "dense", "mobile", "squeeze1_1", "squeeze1_0"],
)
def test_outputs_are_torchvisions(build, expected):
    x = tg.cos(0.3 * tg.arange(3 * 64 * 64, dtype=tg.float64)).reshape(1, 3, 64, 64)
    np.testing.assert_allclose(filled(build())(x).detach().array[0], expected, rtol=1e-9)


def test_vgg_features_follow_their_configuration():
    features = models.vgg.make_layers([4, "M", 6], batch_norm=True)
    kinds = ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d", "Conv2d", "BatchNorm2d", "ReLU"]
    assert [type(layer).__name__ for layer in features] == kinds
    assert features(tg.ones(1, 3, 8, 8)).shape == (1, 6, 4, 4)


def test_vgg_pools_to_seven_by_seven(no_drawing):
    model = models.VGG(nn.Identity(), num_classes=2)
    assert [tuple(layer.weight.shape) for layer in model.classifier[::3]] == [(4096, 25088), (4096, 4096), (2, 4096)]
    model.classifier = nn.Identity()
    assert model(tg.ones(3, 512, 2, 2)).tolist() == [[1.0] * 25088] * 3


def test_a_network_learns_and_starts_with_identity_blocks():
    model = models.ResNet(resnet.Bottleneck, [1, 1, 1, 1], num_classes=2, zero_init_residual=True)
    assert model.layer2[0].bn3.weight.tolist() == [0.0] * 512
    assert model.layer2[0].bn2.weight.tolist() == [1.0] * 128
    basic = models.ResNet(resnet.BasicBlock, [1, 1, 1, 1], num_classes=2, zero_init_residual=True)
    assert basic.layer1[0].bn2.weight.tolist() == [0.0] * 64
    basic(tg.rand(2, 3, 32, 32))[:, 0].square().sum().backward()
    assert float(basic.conv1.weight.grad.abs().sum()) > 0


def test_lenet():
    model = models.LeNet(num_classes=7, in_channels=3)
    assert model(tg.zeros(2, 3, 28, 28)).shape == (2, 7)
    assert sum(p.numel() for p in models.LeNet().parameters()) == 61706


# -- where weights come from ----------------------------------------------------------------------------------------


def test_weights_by_name_are_read_from_the_folder_of_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv("TAPEGRAD_DATA", raising=False)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    source = filled(models.squeezenet1_1())
    tg.save(source.float().state_dict(), folder / "squeezenet1_1-b8a52dc0.pth")
    for weights in ("DEFAULT", "IMAGENET1K_V1", models.SqueezeNet1_1_Weights.DEFAULT):
        model = models.squeezenet1_1(weights=weights)
        for name, value in source.state_dict().items():
            assert (model.state_dict()[name] == value).all(), name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert (
            models.squeezenet1_1(pretrained=True).features[0].weight[0, 0, 0, 0]
            == source.features[0].weight[0, 0, 0, 0]
        )
    with pytest.raises(ArgumentError, match="num_classes is 10, the weights have 1000"):
        models.squeezenet1_1(weights="DEFAULT", num_classes=10)


def test_weights_that_are_not_there_are_named_with_their_address(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("TAPEGRAD_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"put https://download.pytorch.org/models/resnet18-f37072fd.pth there"):
        models.resnet18(weights="IMAGENET1K_V1")
    with pytest.raises(DataError, match=r"no resnet50-11ad3fa6\.pth in"):
        models.resnet50(True)


def test_no_weights():
    for options in ({}, {"weights": None}, {"pretrained": False}):
        assert models.squeezenet1_1(num_classes=2, **options).num_classes == 2
    with pytest.raises(ArgumentError, match="there are no weights V9"):
        models.resnet18(weights="V9")
    with pytest.raises(ArgumentError, match="there are no weights"):
        models.resnet18(weights=models.ResNet50_Weights.DEFAULT)


def test_the_last_weights_are_the_default():
    kind = models.ResNet50_Weights
    assert kind.DEFAULT is kind.IMAGENET1K_V2
    assert list(kind.__members__) == ["IMAGENET1K_V1", "IMAGENET1K_V2", "DEFAULT"]
    assert models.get_weight("ResNet50_Weights.IMAGENET1K_V1") is kind.IMAGENET1K_V1
    assert models.get_model_weights("resnet50") is kind
    assert models.get_model_weights(models.resnet50) is kind
    transform = kind.DEFAULT.transforms()
    assert (transform.crop_size, transform.resize_size) == ([224], [232])
    image = tg.full((3, 300, 400), 255, dtype=tg.uint8)
    np.testing.assert_allclose(transform(image)[:, 0, 0].array, [2.2489083, 2.4285715, 2.64], rtol=1e-6)


def test_published_names_of_densenets_are_taken():
    state = {"features.denseblock1.denselayer1.norm.1.weight": 1, "features.denseblock1.denselayer12.conv.2.weight": 2}
    renamed = {"features.denseblock1.denselayer1.norm1.weight": 1, "features.denseblock1.denselayer12.conv2.weight": 2}
    assert models.DenseNet.published_names(state) == renamed
    kept = {"features.norm5.weight": 3, "features.transition1.norm.weight": 4}
    assert models.DenseNet.published_names(kept) == kept


def test_models_are_found_by_name():
    assert models.list_models(models.vgg, include="vgg1?") == ["vgg11", "vgg13", "vgg16", "vgg19"]
    assert models.list_models(models, include=["resnet*", "alex*"], exclude="resnet1*") == [
        "alexnet",
        "resnet34",
        "resnet50",
    ]
    assert models.get_model_builder("ResNet18") is models.resnet18
    with pytest.raises(ArgumentError, match=r"there is no model 'resnet19'.*resnet"):
        models.get_model("resnet19")


def test_wrong_arguments():
    with pytest.raises(ArgumentError, match="groups=2"):
        resnet.BasicBlock(4, 4, groups=2)
    with pytest.raises(MissingMethodError, match="dilation is 2"):
        resnet.BasicBlock(4, 4, dilation=2)
    with pytest.raises(ArgumentError, match="one bool for each of three"):
        models.ResNet(resnet.BasicBlock, [1, 1, 1, 1], replace_stride_with_dilation=[True])
    with pytest.raises(ArgumentError, match="rows of expansion"):
        models.MobileNetV2(inverted_residual_setting=[[1, 2]])
    with pytest.raises(ArgumentError, match="version is '2'"):
        models.SqueezeNet("2")
    with pytest.raises(ArgumentError, match="stride is 3"):
        models.mobilenetv2.InvertedResidual(4, 4, 3, 1)
