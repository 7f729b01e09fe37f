"""Messages of the validation of predictions."""

from protos.generate.declarations import File, message

VALIDATIONS = File(
    "validations",
    (
        message("LabelScores", "LabelScores"),
        message(
            "PredictionSet",
            "PredictionSet",
            value="repeated Code // Prediction for each item: a label, a number, "
            "or, for codes of two classes, the score of the positive class. Nothing set: no prediction.",
        ),
        message("CodeRows", "CodeRows"),
        message("ValidationRequest", "ValidationRequest"),
        message(
            "ValidationResponse", "", "The figures of predictions.", answer_json="string // HTTP's answer, as JSON."
        ),
    ),
)
