"""Messages of comparisons of representations."""

from protos.generate.declarations import File, message

REPRESENTATIONS = File(
    "representations",
    (
        message("ClusterOptions", "ClusterOptions"),
        message(
            "Representation",
            "Representation",
            data="bytes // Little-endian float32, row by row; a row of NaN for an item without a vector.",
        ),
        message(
            "CompareRepresentationsRequest",
            "RepresentationsRequest",
            same="repeated bool",
        ),
        message(
            "CompareRepresentationsResponse",
            "",
            "A comparison; or, with as_job, the job that makes it.",
            oneof="outcome: job comparison",
            job="Job // With as_job.",
            comparison="RepresentationComparison // The comparison.",
        ),
        message(
            "RepresentationComparison",
            "",
            "A comparison of representations.",
            id="string // Id of its job.",
            answer_json="string // HTTP's answer, as JSON.",
        ),
        message("GetRepresentationsRequest", "", "A comparison, by the id of its job.", id="string // Id of its job."),
        message(
            "RepresentationsPageRequest",
            "",
            "The report of a comparison as one HTML page.",
            id="string // Id of its job.",
        ),
        message(
            "ClusterGridRequest",
            "ClusterGridRequest",
            "Items to group, or their vectors, with each of several combinations of parameters.",
            known="optional KnownLabels // Labels that are known, for the adjusted Rand index.",
        ),
        message(
            "ClusterGridResponse",
            "",
            "A grid of clusterings; or, with as_job, the job that computes it.",
            oneof="outcome: job grid",
            job="Job // With as_job.",
            grid="ClusterGridTable // The grid.",
        ),
        message(
            "ClusterGridTable",
            "",
            "A grid of clusterings, a row for each.",
            id="string // Id of its job.",
            answer_json="string // HTTP's answer, as JSON.",
        ),
        message("GetClusterGridRequest", "", "A grid, by the id of its job.", id="string // Id of its job."),
        message("ClusterGridPageRequest", "", "The report of a grid as one HTML page.", id="string // Id of its job."),
    ),
)
