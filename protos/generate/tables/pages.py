"""Messages of pages of answers."""

from protos.generate.declarations import File, message

PAGES = File(
    "pages",
    (
        message(
            "AnswerPageRequest",
            "AnswerPageRequest",
            answer_json="=answer string // Answer of the operation as JSON, in the form that it has over HTTP.",
            kind="string // Operation whose answer is shown, as in the path of HTTP: duplicates, for example.",
        ),
        message("AnswerPageResponse", "AnswerPage"),
    ),
)
