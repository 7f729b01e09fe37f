"""Messages of estimates for a corpus, and of multiverses."""

from protos.generate.declarations import File, message

ESTIMATES = File(
    "estimates",
    (
        message("CorpusColumn", "CorpusColumn"),
        message("CorpusRows", "CorpusRows"),
        message("EstimateCorpusRequest", "EstimateCorpusRequest"),
        message(
            "EstimateCorpusResponse", "", "The estimates of a corpus.", answer_json="string // HTTP's answer, as JSON."
        ),
        message("Choice", "Choice"),
        message(
            "MultiverseConfiguration",
            "MultiverseConfiguration",
            values="repeated double // Prediction for each item of the corpus, in its order: 1 for the label, 0 for "
            "another, or a score between; a number, where the codes are numbers; NaN: no prediction.",
        ),
        message("PartsDifference", "PartsDifference"),
        message("MultiverseRequest", "MultiverseRequest"),
        message(
            "MultiverseResponse",
            "",
            "The estimates of all configurations.",
            answer_json="string // HTTP's answer, as JSON.",
        ),
    ),
)
