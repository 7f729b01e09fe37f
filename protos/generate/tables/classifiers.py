"""Messages of classifiers and jobs."""

from protos.generate.declarations import File, message

_NAME = "string // Name, or name and version: protest, protest@3."

CLASSIFIERS = File(
    "classifiers",
    (
        message(
            "Post",
            "Post",
            without="sampling",
            image="optional bytes // An image file's bytes.",
            video="optional Video // A video, whose frames are analysed.",
        ),
        message(
            "Vectors",
            "Vectors",
            data="bytes // Little-endian float32, row by row; a row of NaN for an item without a vector.",
        ),
        message(
            "Code",
            "",
            "A code given by a person; nothing set: no code.",
            oneof="value: label number flag",
            label="string // A label.",
            number="double // A number.",
            flag="bool // Yes or no.",
        ),
        message("Targets", "", "A code for each item.", values="repeated Code // In the order of the items."),
        message("Codes", "Codes", code="// The code that was given; nothing set: no code."),
        message(
            "Bounds",
            "",
            "The bounds of a number.",
            low="double // Lower bound.",
            high="double // Upper bound.",
        ),
        message("FeatureColumn", "FeatureColumn", values="// Number of each item; nothing set: unknown."),
        message("ZeroShotPrompts", "ZeroShotPrompts"),
        message(
            "TrainRequest",
            "TrainRequest",
            "Coded items for training a linear probe on their embeddings, with a report by nested cross-validation. "
            "An empty list counts as left out.",
            task="string // Kind of task: binary, categorical or continuous. Empty: binary or categorical, by the "
            "number of labels; required if the codes are numbers.",
            targets="optional Targets // A code for each item; or send `codes`. Items without a code are left out.",
        ),
        message(
            "TrainResponse",
            "",
            "The classifier; or, with as_job, the job that makes it.",
            oneof="result: classifier job",
            classifier="Classifier // The classifier.",
            job="Job // With as_job.",
        ),
        message("Encoder", "Encoder"),
        message(
            "Classifier",
            "ClassifierAnswer",
            "A trained classifier.",
            made_with_json="=made_with string // JSON: receipts of the encoders by modality, library versions.",
            report_json="=report optional string // JSON: the report of the evaluation, as over HTTP. Absent in lists.",
            worst_json="=worst optional string // JSON: the most confidently wrong predictions. Absent in lists.",
        ),
        message(
            "ListClassifiersRequest",
            "",
            "Which classifiers to list: the newest version of each name.",
            limit="uint32 // Maximum number of entries; 0: 100.",
            cursor="optional string // next_cursor of the previous answer.",
        ),
        message("DamagedClassifier", "DamagedClassifier"),
        message(
            "ListClassifiersResponse",
            "ClassifierList",
            classifiers="=data repeated Classifier",
        ),
        message("GetClassifierRequest", "", "A classifier; without a version its newest one.", name=_NAME),
        message("DeleteClassifierRequest", "", "A version, or all versions of a name.", name=_NAME),
        message("DeleteClassifierResponse", "Deleted"),
        message("PredictRequest", "PredictRequest", classifier=_NAME),
        message(
            "Predicted",
            "Predicted FailedEntry",
            "The prediction for one item.",
            without="interval",
            probabilities="repeated double // Calibrated, in the order of the labels.",
            low="optional double // Lower bound of the value's prediction interval, with the coverage of the request, "
            "else 95 %; absent where it is not known, from fewer than 19 coded items.",
            high="optional double // Upper bound of the interval.",
            crossed="// If requested: one per label, or one value.",
            set="// Prediction set with the coverage of the request: the labels that the item may have; may be empty.",
            video="// Frames and shots of a video; the prediction is pooled from them.",
        ),
        message(
            "PredictResponse",
            "PredictAnswer",
            "Predictions, one entry per item, in order.",
            data="repeated Predicted",
            job="Job // With as_job, in place of the rest.",
        ),
        message(
            "EstimateRequest",
            "EstimateRequest Moments",
            "A corpus whose prevalence, or mean, is estimated, given by its crossed predictions, or by its vectors.",
            without="corpus",
            classifier=_NAME,
        ),
        message(
            "Estimated",
            "Estimated",
            "A label's share of the corpus, or the mean of the values.",
            label="string // The label; empty for a continuous task.",
        ),
        message(
            "EstimateResponse",
            "EstimateAnswer",
            estimates="repeated Estimated // By label.",
        ),
        message("ExportClassifierRequest", "", "A classifier as an ONNX graph.", name=_NAME),
        message(
            "ExportClassifierResponse",
            "",
            "An ONNX graph from unit vectors (for a network, from pixels) to probabilities or a value.",
            classifier="string // Name and version.",
            onnx="bytes // The graph.",
        ),
        message(
            "ReportPageRequest",
            "PageRequest",
            "The report as one HTML page.",
            name=_NAME,
            input="// Images with the ids of items, to be shown among the worst predictions; none of them is stored.",
        ),
        message(
            "ReportPageResponse",
            "",
            "One HTML file with plots, which needs no network.",
            html="string // The page.",
        ),
        message(
            "FineTuneRequest",
            "FineTuneRequest",
            "Fine-tuning of an image network on images in a folder of the server. Fields that are left out have the "
            "defaults of HTTP.",
            folder="// Relative to DAGUERRE_DATA, a setting of the server: a folder that contains train/CLASS/…, and "
            "optionally validation/ and test/; or a .csv with the columns path and target, and optionally split, "
            "weight and group.",
        ),
    ),
)

JOBS = File(
    "jobs",
    (
        message("JobError", "JobError"),
        message(
            "Job",
            "Job",
            classifier="optional string // Name and version of the classifier that was trained; absent before that.",
            result_json="=result optional string // The result as JSON; absent before the job has succeeded.",
        ),
        message(
            "ListJobsRequest",
            "",
            "Which jobs to list: yours.",
            limit="uint32 // Maximum number of entries; 0: 100.",
            cursor="optional string // next_cursor of the previous answer.",
        ),
        message("ListJobsResponse", "JobList", "Jobs, the newest first.", jobs="=data"),
        message("GetJobRequest", "", "A job, by its id.", id="string // Id of the job."),
        message(
            "CancelJobRequest",
            "",
            "A job to stop; one that has ended stays as it is.",
            id="string // Id of the job.",
        ),
        message("DeleteJobRequest", "", "A job to delete, which has ended.", id="string // Id of the job."),
    ),
)

JOB_ANSWERS = File(
    "job_answers",
    (
        message("GetJobAnswerRequest", "", "The answer of a job of videos.", id="string // Id of the job."),
        message(
            "JobAnswer",
            "",
            "The answer that the request would have had without as_job.",
            oneof="answer: embeddings zero_shot predictions analyses captions",
            embeddings="EmbedResponse // Answer of Embed.",
            zero_shot="ZeroShotResponse // Answer of ZeroShot.",
            predictions="PredictResponse // Answer of Predict.",
            analyses="AnalyseResponse // Answer of Analyse.",
            captions="CaptionResponse // Answer of Caption.",
        ),
        message(
            "VideoTimelineRequest",
            "",
            "An answer about a video, to be drawn along time.",
            answer="JobAnswer // The answer of Embed, ZeroShot, Predict or GetJobAnswer.",
            index="optional uint32 // Position of the video in the answer, where the answer has several.",
            title="optional string // Name of the video on the page. Absent: its id.",
            pictures="string // Form of the thumbnails: blurred, blurred_whole, thumbnails or none. Empty: blurred.",
        ),
    ),
)
