"""Messages of analyses of pictures."""

from protos.generate.declarations import File, message

ANALYSES = File(
    "analyses",
    (
        message("TextOptions", "TextOptions"),
        message("ObjectOptions", "ObjectOptions"),
        message("ClassOptions", "ClassOptions"),
        message("VisualOptions", "VisualOptions"),
        message("SensitiveOptions", "SensitiveOptions"),
        message("CaptionOptions", "CaptionOptions", prompt="string"),
        message("FaceOptions", "FaceOptions"),
        message(
            "FaceVectorOptions",
            "FaceVectorOptions",
            encoding_format="optional string // Form of the vectors in answer_json, as over HTTP: numbers (float, the "
            "default), or a text of a third of the size.",
        ),
        message("FaceAttributeOptions", "FaceAttributeOptions"),
        message("Analysers", "Analysers"),
        message("AnalyseRequest", "AnalysesRequest", input="repeated Item // Images and videos."),
        message(
            "AnalyseResponse",
            "",
            "Results of analyses; or, with as_job, the job that computes them.",
            oneof="outcome: job analyses",
            job="Job // With as_job.",
            analyses="Analyses // The results.",
        ),
        message("Analyses", "", "Results of analyses.", answer_json="string // HTTP's answer, as JSON."),
        message("ListAnalysersRequest", "", "Nothing to choose."),
        message(
            "ListAnalysersResponse", "", "The analysers of the server.", answer_json="string // HTTP's answer, as JSON."
        ),
    ),
)
