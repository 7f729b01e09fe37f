"""A backbone with a head: its blocks in order, what learns in each stage, and what never changes."""

import numpy as np
import pytest
import torch

from models.embedded.network import EfficientNetLite
from models.finetune.network import Classifier, blocks_of
from models.finetune.starts import load_start
from tests.models import tiny_models


def classifier(start, outputs=3):
    return Classifier(
        start.backbone, width=start.width, outputs=outputs, mean=start.pixelwise.mean, std=start.pixelwise.std
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("starts")
    return {
        "vit": tiny_models.vit(root / "vit", dropout=0.1),
        "resnet": tiny_models.resnet(root / "resnet"),
    }


@pytest.fixture
def vit(folders):
    return classifier(load_start(str(folders["vit"])))


@pytest.fixture
def resnet(folders):
    return classifier(load_start(str(folders["resnet"])))


def test_blocks_of_a_vision_transformer_are_its_layers(vit):
    blocks = blocks_of(vit.backbone)
    assert [key.rpartition(".")[2] for key in blocks] == ["", "0", "1", "2"]
    assert "model.vit.embeddings.cls_token" in next(iter(blocks.values()))
    assert "model.vit.layernorm.weight" in list(blocks.values())[-1]  # what follows the last layer is with it


def test_blocks_of_a_resnet_are_its_stages(resnet):
    assert [key.rpartition(".")[2] for key in blocks_of(resnet.backbone)] == ["", "0", "1"]


def test_blocks_of_the_embedded_network_cover_it_once():
    backbone = EfficientNetLite()
    del backbone._fc
    blocks = blocks_of(backbone)
    assert list(blocks) == ["", *(f"_blocks.{i}" for i in range(16))]
    assert "_conv_head.weight" in blocks["_blocks.15"]
    names = [name for block in blocks.values() for name in block]
    assert names == [name for name, _ in backbone.named_parameters()]


def learning(network):
    return {name for name, p in network.named_parameters() if p.requires_grad}


def test_the_head_alone_learns_first_and_then_the_blocks_from_the_top(vit):
    every = blocks_of(vit.backbone)
    head = {"head.weight", "head.bias"}
    vit.unfreeze(0)
    assert learning(vit) == head
    vit.unfreeze(2)
    assert learning(vit) == head | {f"backbone.{n}" for block in list(every.values())[-2:] for n in block}
    vit.unfreeze(99)
    assert learning(vit) == {name for name, _ in vit.named_parameters()}
    vit.unfreeze(None)
    assert learning(vit) == {name for name, _ in vit.named_parameters()}


def test_dropout_is_on_where_it_learns_and_nowhere_else(vit):
    vit.unfreeze(1)
    dropouts = {name: m.training for name, m in vit.named_modules() if isinstance(m, torch.nn.Dropout)}
    assert any(dropouts.values())
    assert all(on == (".2." in name) for name, on in dropouts.items())
    vit.unfreeze(0)
    assert not any(m.training for m in vit.modules())


def test_batch_normalisation_keeps_its_statistics(resnet):
    resnet.unfreeze(None)
    before = {name: b.clone() for name, b in resnet.named_buffers()}
    resnet(torch.randint(0, 256, (4, 32, 32, 3), dtype=torch.uint8)).sum().backward()
    assert any("running_mean" in name for name in before)
    for name, buffer in resnet.named_buffers():
        assert torch.equal(buffer, before[name]), name


def test_lower_blocks_learn_more_slowly_and_only_matrices_decay(vit):
    vit.unfreeze(None)
    groups = list(vit.groups(rate=1e-3, decay=0.5, weight_decay=0.1))
    names = {id(p): name for name, p in vit.named_parameters()}
    rates = {names[id(p)]: group["lr"] for group in groups for p in group["params"]}
    assert len(rates) == len(names)
    assert rates["head.weight"] == 1e-3
    layer = "backbone.model.vit.layers.{}.mlp.fc1.weight"
    assert [rates[layer.format(i)] for i in (2, 1, 0)] == [1e-3, 5e-4, 2.5e-4]
    assert rates["backbone.model.vit.embeddings.cls_token"] == 1.25e-4
    for group in groups:
        for p in group["params"]:
            assert (group["weight_decay"] == 0.1) == (p.ndim > 1)


def test_features_are_centred_and_scaled_by_their_weights(vit):
    features = torch.randn(50, 32, generator=torch.Generator().manual_seed(0)) * 7 + 3
    weights = torch.rand(50, generator=torch.Generator().manual_seed(1))
    vit.fit_scale(features, weights)
    np.testing.assert_allclose(vit.center, np.average(features, axis=0, weights=weights), rtol=1e-5)
    scaled = (features - vit.center) / vit.scale
    assert np.average(scaled.square().mean(1), weights=weights) == pytest.approx(1, rel=1e-5)
    vit.fit_scale(torch.ones(4, 32), torch.ones(4))  # all alike: no division by zero
    assert torch.isfinite(vit.classify(torch.ones(2, 32))).all()


def test_a_new_head_says_nothing(vit):
    assert not vit(torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)).any()
