"""Messages of captions of pictures."""

from protos.generate.declarations import File, message

CAPTIONS = File(
    "captions",
    (
        message("CaptionRequest", "CaptionsRequest", input="repeated Item // Images and videos."),
        message(
            "CaptionResponse",
            "",
            "Captions; or, with as_job, the job that computes them.",
            oneof="outcome: job captions",
            job="Job // With as_job.",
            captions="Captions // The captions.",
        ),
        message("Captions", "", "Captions.", answer_json="string // HTTP's answer, as JSON."),
    ),
)
