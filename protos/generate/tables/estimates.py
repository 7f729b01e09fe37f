"""Messages of estimates for a corpus."""

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
    ),
)
