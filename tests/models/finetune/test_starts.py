"""Starting points and their preprocessing. Oracles: transformers' processors and its own pooled features."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from models.catalog.rows import EMBEDDED
from models.encoders.preprocessor import read_preprocessor
from models.errors import ModelUnavailable
from models.finetune.starts import load_start
from models.images.decoding import ImageLimits, load_pixels
from models.images.preprocess import Preprocess
from tests.models import tiny_models
from tests.models.image_samples import encode, photo


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    return tiny_models.vit(tmp_path_factory.mktemp("starts") / "vit")


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    return tiny_models.resnet(tmp_path_factory.mktemp("starts") / "resnet")


def configured(tmp_path, config, name="preprocessor_config.json"):
    (tmp_path / name).write_text(json.dumps(config))
    return tmp_path


PROCESSORS = {
    "vit": ("ViTImageProcessorPil", "vit", tiny_models.VIT_PREPROCESSOR),
    "resnet": ("ConvNextImageProcessorPil", "convnext", tiny_models.RESNET_PREPROCESSOR),
    "convnext-384": (
        "ConvNextImageProcessorPil",
        "convnext",
        {**tiny_models.RESNET_PREPROCESSOR, "size": {"shortest_edge": 384}},
    ),
    "clip": (
        "CLIPImageProcessorPil",
        "clip",
        {
            "image_processor_type": "CLIPImageProcessor",
            "size": {"shortest_edge": 40},
            "crop_size": {"height": 32, "width": 32},
            "do_center_crop": True,
            "resample": 3,
            "image_mean": [0.48, 0.46, 0.41],
            "image_std": [0.27, 0.26, 0.28],
        },
    ),
}


@pytest.mark.parametrize("kind", PROCESSORS)
@pytest.mark.parametrize("name", ["chelsea", "rocket"])
def test_pixels_are_those_of_the_transformers_processor(kind, name, tmp_path):
    processor, module, config = PROCESSORS[kind]
    library = pytest.importorskip(f"transformers.models.{module}.image_processing_pil_{module}")
    given = {key: value for key, value in config.items() if key != "image_processor_type"}
    image = Image.fromarray(photo(name))
    wanted = np.asarray(getattr(library, processor)(**given)(image)["pixel_values"][0])
    found = read_preprocessor(configured(tmp_path, config))
    pixels = load_pixels(encode(image, "PNG"), found.preprocess, limits=ImageLimits())
    got = (pixels - np.array(found.mean)) / np.array(found.std)
    np.testing.assert_allclose(got.transpose(2, 0, 1), wanted, atol=2e-6)


def test_the_newer_file_name_and_older_forms_are_read(tmp_path):
    config = {**tiny_models.VIT_PREPROCESSOR, "size": 32}
    found = read_preprocessor(configured(tmp_path, {"image_processor": config}, "processor_config.json"))
    assert found.preprocess == Preprocess(size=32, resize="squash", resample="bilinear")
    plain = {**config, "do_normalize": False, "do_rescale": False}
    assert read_preprocessor(configured(tmp_path, plain)).std == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"do_pad": True}, "needs do_pad, which is not supported"),
        ({"do_resize": False}, "does not resize"),
        ({"resample": 4}, "has resample 4; supported are 1, 2 and 3 of Pillow"),
        ({"size": {"height": 32, "width": 64}}, "with a crop that is not supported"),
        ({"size": {"shortest_edge": 32}}, "with a crop that is not supported"),
        ({"size": {"longest_edge": 32}}, "with a crop that is not supported"),
        ({"size": None}, "cannot be read"),
        ({"image_mean": [0.5]}, "cannot be read"),
    ],
)
def test_preprocessing_that_cannot_be_kept_is_refused(tmp_path, change, message):
    with pytest.raises(ModelUnavailable, match=message):
        read_preprocessor(configured(tmp_path, {**tiny_models.VIT_PREPROCESSOR, **change}))


def test_a_folder_that_does_not_say_how_pixels_are_prepared_is_refused(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"has no preprocessor_config\.json"):
        read_preprocessor(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("{")
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        read_preprocessor(tmp_path)


def test_features_of_a_vit_are_those_that_its_classifier_was_given(vit):
    from transformers import ViTForImageClassification

    start = load_start(str(vit))
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    reference = ViTForImageClassification.from_pretrained(vit, local_files_only=True).eval()
    with torch.inference_mode():
        got = start.backbone.eval()(x)
        wanted = reference.vit(pixel_values=x).last_hidden_state[:, 0]
    assert start.width == 32
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=0)


def test_features_of_a_resnet_are_pooled_and_flat(resnet):
    from transformers import ResNetModel

    start = load_start(str(resnet))
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    reference = ResNetModel.from_pretrained(resnet, local_files_only=True).eval()
    with torch.inference_mode():
        torch.testing.assert_close(start.backbone.eval()(x), reference(x).pooler_output[:, :, 0, 0])
    assert start.width == 16


def test_the_embedded_start_gives_the_embedded_models_features(embedded_folder):
    """Against the exported graph: its unit vectors are the features, centred."""
    from importlib import resources

    from models.sessions.onnx import OnnxSession

    start = load_start("embedded")
    assert (start.width, start.fingerprint) == (1280, EMBEDDED.fingerprint())
    data = encode(photo("chelsea"), "PNG")
    pixels = load_pixels(data, start.pixelwise.preprocess, limits=ImageLimits())
    x = (torch.from_numpy(pixels).float() - torch.tensor(start.pixelwise.mean)) / torch.tensor(start.pixelwise.std)
    with torch.inference_mode():
        features = start.backbone.eval()(x.permute(2, 0, 1)[None]).numpy()[0]
    centred = features - np.load(str(resources.files("models.embedded") / "mean_feature_lite0.npy"))
    wanted = OnnxSession(embedded_folder.path / "image.onnx").run(pixels[None])[0]
    np.testing.assert_allclose(centred / np.linalg.norm(centred), wanted, atol=1e-5)


def test_the_fingerprint_follows_weights_and_preprocessing(tmp_path):
    first = load_start(str(tiny_models.vit(tmp_path / "a"))).fingerprint
    assert load_start(str(tiny_models.vit(tmp_path / "b"))).fingerprint == first
    configured(tmp_path / "b", {**tiny_models.VIT_PREPROCESSOR, "resample": 3})
    assert load_start(str(tmp_path / "b")).fingerprint != first


@pytest.mark.parametrize("start", ["google/vit-base-patch16-224", "/nowhere", ""])
def test_what_is_neither_embedded_nor_a_folder_is_refused(start, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelUnavailable, match=r"is neither 'embedded' nor a folder with a config\.json"):
        load_start(start)


def test_pickled_weights_are_never_opened(tmp_path):
    tiny_models.vit(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelUnavailable, match="not an image model that transformers can load"):
        load_start(str(tmp_path))


def test_a_model_of_text_is_refused(tmp_path):
    configured(tmp_path, tiny_models.VIT_PREPROCESSOR)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelUnavailable, match="not an image model that transformers can load"):
        load_start(str(tmp_path))
