"""Messages of the evaluation of findings."""

from protos.generate.declarations import File, message

EVALUATIONS = File(
    "evaluations",
    (
        message("BoxRows", "BoxRows"),
        message("FoundBoxRows", "FoundBoxRows"),
        message("BoxEvaluation", "BoxEvaluation"),
        message("TextEvaluation", "TextEvaluation"),
        message("EvaluationRequest", "EvaluationRequest"),
        message("EvaluationResponse", "", "The figures of findings.", answer_json="string // HTTP's answer, as JSON."),
    ),
)
