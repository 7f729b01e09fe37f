"""Messages of comparisons of faces."""

from protos.generate.declarations import File, message

ANSWER = "string // HTTP's answer, as JSON."
FACE_COMPARISON = File(
    "face_comparison",
    (
        message("FaceMatchesRequest", "FaceMatchesRequest", targets="optional Vectors // Vectors of the target faces."),
        message("FaceMatchesResponse", "", "The faces nearest to each target.", answer_json=ANSWER),
        message("FaceIds", "", "Ids of faces.", values="repeated string // Ids, each once."),
        message("PersonsRequest", "PersonsRequest", same="repeated FaceIds", different="repeated FaceIds"),
        message("PersonsResponse", "", "Groups of faces.", answer_json=ANSWER),
        message("CodedFacePair", "CodedFacePair", same="optional bool"),
        message("VerificationRequest", "VerificationRequest"),
        message("VerificationResponse", "", "Errors of the comparison of faces.", answer_json=ANSWER),
    ),
)
