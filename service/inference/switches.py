"""Operations on faces that the owner of a server switches on, since their results are about persons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.analysers import folder
from models.analysers.folder import AnalyserFolder
from models.analysers.spec import Kind
from models.analysers.table import ANALYSERS
from service.errors import Forbidden
from service.settings import Settings


@dataclass(frozen=True)
class Switch:
    """A setting without which a kind of analyser is refused, and the reason that people read.

    Attributes
    ----------
    setting : name of the field of Settings; it is off where the field is false or empty.
    reason : one sentence.
    way : the setting as the owner writes it.
    """

    setting: str
    reason: str
    way: str


SWITCHES: Mapping[Kind, Switch] = {
    "face_vectors": Switch(
        "face_recognition",
        "Vectors of faces are biometric data: with them a person is recognised on other pictures.",
        "DAGUERRE_FACE_RECOGNITION=true",
    ),
    "face_attributes": Switch(
        "face_attributes",
        "Age, gender and expression of a face are guesses about persons, with errors that differ between groups.",
        "DAGUERRE_FACE_ATTRIBUTES=age,gender,expression",
    ),
}


def is_on(settings: Settings, kind: Kind) -> bool:
    """Whether the owner of the server permits analysers of `kind`."""
    return kind not in SWITCHES or bool(getattr(settings, SWITCHES[kind].setting))


def permitted(settings: Settings) -> list[AnalyserFolder]:
    """The folders of the analysers that the settings name, without those that are switched off. Raises ModelsError.

    A folder that was imported is opened to know its kind; a built-in one that is switched off is not looked for.
    """
    names = [name for name in settings.analysers if name not in ANALYSERS or is_on(settings, ANALYSERS[name].kind)]
    found = [folder.locate(name, settings.home) for name in names]
    return [each for each in found if is_on(settings, each.spec.kind)]


def permitted_attributes(settings: Settings, offered: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The attributes of faces that a request gets: those that it wants, or all that are offered and permitted.

    Parameters
    ----------
    offered : attributes of the analyser.
    wanted : attributes that the request names; none: all.

    Raises
    ------
    Forbidden : the owner of the server does not permit an attribute, by the code `switched_off`.
    """
    permitted = settings.face_attributes
    refused = [each for each in (wanted or offered) if each not in permitted]
    if refused and (wanted or len(refused) == len(offered)):
        setting = ",".join(dict.fromkeys([*permitted, *refused]))
        raise Forbidden(
            f"face_attributes: {refused[0]!r} is switched off on this server, which permits {', '.join(permitted)} "
            f"alone. {SWITCHES['face_attributes'].reason} The server's owner permits it with "
            f"DAGUERRE_FACE_ATTRIBUTES={setting}; docs/faces.md has what to consider first",
            code="switched_off",
            param="analysers.face_attributes.attributes",
        )
    return tuple(dict.fromkeys(each for each in (wanted or offered) if each in permitted))


def require(settings: Settings, kinds: Sequence[Kind], *, param: str | None = None) -> None:
    """Raise Forbidden, with the code `switched_off`, for the first of `kinds` that the owner does not permit."""
    for kind in kinds:
        if not is_on(settings, kind):
            switch = SWITCHES[kind]
            raise Forbidden(
                f"{kind} is switched off on this server. {switch.reason} The server's owner permits it with "
                f"{switch.way}; docs/faces.md has what to consider first",
                code="switched_off",
                param=param or f"analysers.{kind}",
            )
