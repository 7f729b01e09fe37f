"""The built-in analysers by name, and the code of each kind."""

from collections.abc import Mapping

from models.analysers import (
    captions,
    classes,
    face_attributes,
    face_vectors,
    faces,
    objects,
    sensitive,
    text,
    text_line,
    vision_language,
    visual,
    words,
)
from models.analysers.generation import PART
from models.analysers.spec import Analyser, AnalyserSpec, Kind

CODE: Mapping[Kind, type[Analyser]] = {
    "text": text.Text,
    "objects": objects.Objects,
    "faces": faces.FaceDetector,
    "face_vectors": face_vectors.FaceEmbedder,
    "face_attributes": face_attributes.FaceAttributes,
    "classes": classes.Classes,
    "captions": captions.Captions,
    "visual": visual.Visual,
    "sensitive": sensitive.Sensitive,
}
ANALYSERS: Mapping[str, AnalyserSpec] = {
    spec.name: spec
    for spec in (
        text.SPEC,
        objects.SPEC,
        faces.SPEC,
        classes.SPEC,
        visual.SPEC,
        sensitive.SPEC,
        face_vectors.SPEC,
        face_attributes.SPEC,
    )
}


def code_of(spec: AnalyserSpec) -> type[Analyser]:
    """The code of a row: that of its kind, unless the decoder in its settings, or a line that is read, has its own."""
    if spec.settings.get("decoder") == words.DECODER:
        return words.ObjectsByWords
    if spec.settings.get("decoder") == vision_language.DECODER:
        return vision_language.VisionLanguage if spec.settings["chat"] else vision_language.TaskCaptions
    return text_line.TextLine if spec.kind == "text" and PART in spec.parts else CODE[spec.kind]
