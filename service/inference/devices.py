"""Where models lie: the devices there are, a runner for each, which models it holds, and their share of its memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.catalog.folder import ModelFolder
from models.catalog.spec import Modality
from models.errors import ModelUnavailable
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
    """What the setting names, device by device: ("cpu",), or GPUs.

    Raises
    ------
    ModelUnavailable : a device that is not there; several with placement inline; settings that need a GPU without one.
    """
    found = resolve(settings.device)
    if found == ("cpu",):
        for name, given in (("place", settings.place), ("gpu_memory", settings.gpu_memory)):
            if given:
                raise ModelUnavailable(
                    f"{name}: there is no GPU among the devices (DAGUERRE_DEVICE={settings.device}); name one, or "
                    f"leave DAGUERRE_{name.upper()} unset"
                )
    if len({device.partition(":")[0] for device in found}) > 1:
        raise ModelUnavailable(f"device: {', '.join(found)} are of several kinds; name devices of one kind")
    if len(found) > 1 and settings.placement == "inline":
        raise ModelUnavailable(
            f"device: {', '.join(found)} with placement inline, which uses one; set DAGUERRE_PLACEMENT=process, or "
            f"DAGUERRE_DEVICE={found[0]}"
        )
    return found


def sites(settings: Settings) -> tuple[RunnerSpec, ...]:
    """The runners of the `process` placement: one for images and one for texts, or one for each GPU."""
    found = devices(settings)
    if found == ("cpu",):
        return tuple(RunnerSpec(f"daguerre-{modality}s", "cpu", (modality,)) for modality in MODALITIES)
    return tuple(RunnerSpec(f"daguerre-{device.replace(':', '-')}", device, MODALITIES) for device in found)


def holders(settings: Settings, there: Sequence[str], folders: Sequence[ModelFolder]) -> Mapping[str, tuple[str, ...]]:
    """By a model's name the devices that hold it, of those that are `there`.

    Raises
    ------
    ModelUnavailable : the setting `place` names a model or a device that is not served, or leaves a device empty.
    """
    names = {entry: folder.spec.name for entry, folder in zip(settings.models, folders, strict=True)}
    names |= {name: name for name in names.values()}
    placed: dict[str, tuple[str, ...]] = {}
    for model, device in settings.place:
        if model not in names:
            raise ModelUnavailable(f"place: {model!r} is not among the models: {', '.join(dict.fromkeys(names))}")
        if device not in there:
            raise ModelUnavailable(f"place: {model}={device}, and the devices are {', '.join(there)}")
        placed[names[model]] = (*placed.get(names[model], ()), device)
    held = {folder.spec.name: placed.get(folder.spec.name, tuple(there)) for folder in folders}
    if empty := set(there) - {device for each in held.values() for device in each}:
        raise ModelUnavailable(
            f"place: leaves {', '.join(sorted(empty))} without a model; drop it from DAGUERRE_DEVICE"
        )
    return held


def held_by(settings: Settings, device: str, folders: Sequence[ModelFolder]) -> list[ModelFolder]:
    """The models that lie on `device`."""
    held = holders(settings, devices(settings), folders)
    return [folder for folder in folders if device in held[folder.spec.name]]


def memory_limits(settings: Settings, folders: Sequence[ModelFolder]) -> Mapping[tuple[str, Modality], int | None]:
    """Bytes for each graph of one GPU: its weights, and an equal part of what is left for computing.

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
            f"gpu_memory: {settings.gpu_memory:,} bytes do not hold the weights of "
            f"{', '.join(folder.spec.name for folder in folders)}, {sum(weights.values()):,}; give more, or spread the "
            "models by DAGUERRE_PLACE"
        )
    return {key: size + left // len(weights) for key, size in weights.items()}
