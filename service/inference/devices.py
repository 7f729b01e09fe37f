"""Devices, their runners, and the assignment of models and memory to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.backends import open_jpegs
from models.catalog.folder import ModelFolder
from models.catalog.spec import Modality
from models.errors import ModelUnavailable
from models.images.gpu_jpeg import JpegDecoder
from models.sessions.devices import resolve
from service.settings import Settings

MODALITIES: tuple[Modality, ...] = ("image", "text")


@dataclass(frozen=True)
class RunnerSpec:
    """One runner process."""

    name: str  # of its BentoML service
    device: str
    modalities: tuple[Modality, ...]


def devices(settings: Settings) -> tuple[str, ...]:
    """The devices of the setting: ("cpu",), or GPUs.

    Raises
    ------
    ModelUnavailable : a missing device; several devices with placement inline; a setting that needs a GPU.
    """
    named = resolve(settings.device, settings.backend)
    if named == ("cpu",):
        for name, value in (("place", settings.place), ("gpu_memory", settings.gpu_memory)):
            if value:
                raise ModelUnavailable(
                    f"{name}: there is no GPU among the devices (DAGUERRE_DEVICE={settings.device}); add one, or "
                    f"leave DAGUERRE_{name.upper()} unset"
                )
    if len({device.partition(":")[0] for device in named}) > 1:
        raise ModelUnavailable(f"device: {', '.join(named)} are of several kinds; name devices of one kind")
    if len(named) > 1 and settings.placement == "inline":
        raise ModelUnavailable(
            f"device: {', '.join(named)} with placement inline, which uses one; set DAGUERRE_PLACEMENT=process, or "
            f"DAGUERRE_DEVICE={named[0]}"
        )
    return named


def gpu_jpegs(settings: Settings) -> JpegDecoder | None:
    """The decoder of JPEGs on the first device, tried once, where the setting `decode` is gpu.

    Raises
    ------
    ModelUnavailable : another backend than torch, no GPU, no torchvision, or none with nvJPEG.
    """
    if settings.decode != "gpu":
        return None
    if settings.backend != "torch":
        raise ModelUnavailable(
            f"decode: gpu goes with the torch backend, not with {settings.backend}; set DAGUERRE_BACKEND=torch, or "
            "DAGUERRE_DECODE=exact"
        )
    first = devices(settings)[0]
    if first == "cpu":
        raise ModelUnavailable(
            f"decode: gpu, and there is no GPU among the devices (DAGUERRE_DEVICE={settings.device}); set it to "
            "cuda:0, or set DAGUERRE_DECODE=exact"
        )
    return open_jpegs(first)


def sites(settings: Settings) -> tuple[RunnerSpec, ...]:
    """The runners of the `process` placement: one for images and one for texts, or one for each GPU."""
    named = devices(settings)
    if named == ("cpu",):
        return tuple(RunnerSpec(f"daguerre-{modality}s", "cpu", (modality,)) for modality in MODALITIES)
    return tuple(RunnerSpec(f"daguerre-{device.replace(':', '-')}", device, MODALITIES) for device in named)


def holders(
    settings: Settings, available: Sequence[str], folders: Sequence[ModelFolder]
) -> Mapping[str, tuple[str, ...]]:
    """The devices of each model, by its name, among `available`.

    Raises
    ------
    ModelUnavailable : the setting `place` names a model or a device that is not served, or leaves a device empty.
    """
    names = {entry: folder.spec.name for entry, folder in zip(settings.models, folders, strict=True)}
    names |= {name: name for name in names.values()}
    placed: dict[str, tuple[str, ...]] = {}
    for model, device in settings.place:
        if model not in names:
            raise ModelUnavailable(
                f"place: {model!r} is not among the models {', '.join(dict.fromkeys(names))}; name one of them"
            )
        if device not in available:
            raise ModelUnavailable(
                f"place: {model}={device} is not among the devices {', '.join(available)}; name one of them"
            )
        placed[names[model]] = (*placed.get(names[model], ()), device)
    held = {folder.spec.name: placed.get(folder.spec.name, tuple(available)) for folder in folders}
    if empty := set(available) - {device for of_model in held.values() for device in of_model}:
        raise ModelUnavailable(
            f"place: leaves {', '.join(sorted(empty))} without a model; remove it from DAGUERRE_DEVICE"
        )
    return held


def held_by(settings: Settings, device: str, folders: Sequence[ModelFolder]) -> list[ModelFolder]:
    """The models that are assigned to `device`."""
    held = holders(settings, devices(settings), folders)
    return [folder for folder in folders if device in held[folder.spec.name]]


def memory_limits(settings: Settings, folders: Sequence[ModelFolder]) -> Mapping[tuple[str, Modality], int | None]:
    """Memory limit of each graph on one GPU: the size of its weights plus an equal share of the rest.

    Raises
    ------
    ModelUnavailable : the weights alone do not fit.
    """
    weights = {
        (folder.spec.name, modality): sum(file.stat().st_size for file in folder.path.glob(f"{modality}.onnx*"))
        for folder in folders
        for modality in folder.spec.modalities
    }
    if settings.gpu_memory is None:
        return dict.fromkeys(weights)
    left = settings.gpu_memory - sum(weights.values())
    if left <= 0:
        raise ModelUnavailable(
            f"gpu_memory: {settings.gpu_memory:,} bytes are too few for the weights of "
            f"{', '.join(folder.spec.name for folder in folders)}, {sum(weights.values()):,}; raise it, or "
            "distribute the models with DAGUERRE_PLACE"
        )
    return {key: size + left // len(weights) for key, size in weights.items()}
