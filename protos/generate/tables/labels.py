"""Messages of codebook labels."""

from protos.generate.declarations import File, message

LABELS = File(
    "labels",
    (
        message(
            "LabelRequest",
            "LabelsRequest",
            codebook_json="=codebook string // Codebook, as JSON.",
            examples_json="=examples optional string // Contents of examples of the codebook, as a JSON list.",
        ),
        message(
            "LabelResponse",
            "",
            "Labels of items; or, with as_job, the job that makes them.",
            oneof="outcome: job labels",
            job="Job // With as_job.",
            labels="CodebookLabels // The labels.",
        ),
        message("CodebookLabels", "", "Labels of items.", answer_json="string // HTTP's answer, as JSON."),
        message(
            "PlanLabelsRequest",
            "LabelPlanRequest",
            codebook_json="=codebook string // Codebook, as JSON.",
            examples_json="=examples optional string // Contents of examples of the codebook, as a JSON list.",
        ),
        message(
            "PlanLabelsResponse", "", "Prompt and cost of labels.", answer_json="string // HTTP's answer, as JSON."
        ),
        message(
            "PositionBiasRequest",
            "PositionBiasRequest",
            variables_json="=variables string // The variables, and the questions about each, as a JSON list.",
        ),
        message(
            "PositionBiasResponse",
            "",
            "Position bias of each variable.",
            answer_json="string // HTTP's answer, as JSON.",
        ),
        message("GetLabelsRequest", "", "Labels, by the id of their job.", id="string // Id of their job."),
        message("ListLabellersRequest", "", "Nothing to choose."),
        message(
            "ListLabellersResponse", "", "The labellers of the server.", answer_json="string // HTTP's answer, as JSON."
        ),
        message("DeleteLabelRunRequest", "", "A run of labels.", run="string // Key of the run."),
        message("DeleteLabelRunResponse", "LabelRunDeleted"),
    ),
)
