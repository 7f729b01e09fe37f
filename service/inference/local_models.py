"""The models of labellers of kind `local`: analysers of this server that can chat."""

from collections.abc import Mapping, Sequence

from models.analysers.spec import AnalyserSpec
from models.analysers.vision_language import DECODER
from models.errors import listed
from service.inference.labellers import Labeller, LocalLabeller

IMPORT = "python -m models import FOLDER --name {name}"


def is_chat(spec: AnalyserSpec) -> bool:
    """Whether an analyser answers questions about pictures and texts."""
    return spec.settings.get("decoder") == DECODER and bool(spec.settings.get("chat"))


def require_models(labellers: Mapping[str, Labeller], analysers: Sequence[AnalyserSpec]) -> None:
    """Check that the model of each local labeller is one of the `analysers` that the server starts with.

    Raises
    ------
    ValueError : it is not there, or cannot answer questions; with the way to import one.
    """
    able = [spec.name for spec in analysers if is_chat(spec)]
    there = f"those here that can: {listed(able, 20)}" if able else "none of this server can"
    for labeller in labellers.values():
        if not isinstance(labeller, LocalLabeller) or labeller.model in able:
            continue
        at, name = f"labellers.{labeller.name}.model", labeller.model
        if name not in [spec.name for spec in analysers]:
            raise ValueError(
                f"{at}: got {name!r:.60}, and the server starts with no analyser of this name; import it by "
                f"{IMPORT.format(name=name[:60])}, and add it to DAGUERRE_ANALYSERS. A labeller needs a "
                f"vision-language model with a chat template; {there}"
            )
        raise ValueError(
            f"{at}: the analyser {name!r:.60} answers no questions; a labeller needs a vision-language model with a "
            f"chat template, which is imported by {IMPORT.format(name='NAME')}; {there}"
        )
