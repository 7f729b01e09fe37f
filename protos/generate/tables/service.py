"""The methods of the service."""

from protos.generate.declarations import File, Method

DAGUERRE = File(
    "daguerre",
    methods=(
        Method(
            "Embed",
            "EmbedRequest",
            "EmbedResponse",
            "Unit vectors of texts, images and videos, in one space where the model has one.",
        ),
        Method(
            "EmbedStream",
            "stream EmbedStreamRequest",
            "stream EmbedStreamResponse",
            "The same for a corpus of any length. The server reads on only as fast as it computes, so a writer that "
            "waits for its stream needs no memory for the corpus. An unusable item ends the stream unless on_error is "
            "ON_ERROR_SKIP; the answers before it stay good.",
        ),
        Method("ZeroShot", "ZeroShotRequest", "ZeroShotResponse", "Scores of items for labels that you make up."),
        Method(
            "ListModels",
            "ListModelsRequest",
            "ListModelsResponse",
            "The available models, the default first.",
        ),
        Method("GetModel", "GetModelRequest", "Model", "One model."),
        Method(
            "Analyse",
            "AnalyseRequest",
            "AnalyseResponse",
            "Text, objects, classes and features of pictures and frames.",
        ),
        Method("Caption", "CaptionRequest", "CaptionResponse", "A text about each picture and frame."),
        Method("ListAnalysers", "ListAnalysersRequest", "ListAnalysersResponse", "The analysers of the server."),
        Method("Label", "LabelRequest", "LabelResponse", "Label items by a codebook, with a labeller of the server."),
        Method("PlanLabels", "PlanLabelsRequest", "PlanLabelsResponse", "The prompt and the cost of labels."),
        Method(
            "MeasurePositionBias",
            "PositionBiasRequest",
            "PositionBiasResponse",
            "Whether categories are chosen more often where they stand in the question.",
        ),
        Method("GetLabels", "GetLabelsRequest", "CodebookLabels", "Labels that a job has made."),
        Method("ListLabellers", "ListLabellersRequest", "ListLabellersResponse", "The labellers of the server."),
        Method("DeleteLabelRun", "DeleteLabelRunRequest", "DeleteLabelRunResponse", "Delete the answers of a run."),
        Method("TrainClassifier", "TrainRequest", "TrainResponse", "Learn from coded items, or from their vectors."),
        Method(
            "ListClassifiers",
            "ListClassifiersRequest",
            "ListClassifiersResponse",
            "The newest version of each classifier, by name.",
        ),
        Method("GetClassifier", "GetClassifierRequest", "Classifier", "One classifier, with its report."),
        Method(
            "DeleteClassifier",
            "DeleteClassifierRequest",
            "DeleteClassifierResponse",
            "Delete a version, or all of a name.",
        ),
        Method(
            "Predict", "PredictRequest", "PredictResponse", "Calibrated probabilities, or a value with its interval."
        ),
        Method(
            "Estimate",
            "EstimateRequest",
            "EstimateResponse",
            "A corpus's prevalence, or mean, corrected for the classifier's errors.",
        ),
        Method(
            "ExportClassifier", "ExportClassifierRequest", "ExportClassifierResponse", "A classifier for use elsewhere."
        ),
        Method("ReportPage", "ReportPageRequest", "ReportPageResponse", "The report of a classifier as a page."),
        Method("FineTune", "FineTuneRequest", "Job", "Fine-tune an image network on images that lie on the server."),
        Method("Cluster", "ClusterRequest", "ClusterResponse", "Cluster items, or their vectors."),
        Method("GetClustering", "GetClusteringRequest", "Clustering", "A clustering that was made before."),
        Method("ClusterPage", "ClusterPageRequest", "ReportPageResponse", "The report of a clustering as a page."),
        Method(
            "ClusterGrid",
            "ClusterGridRequest",
            "ClusterGridResponse",
            "Cluster items with many combinations of parameters.",
        ),
        Method("GetClusterGrid", "GetClusterGridRequest", "ClusterGridTable", "A grid that was computed before."),
        Method("ClusterGridPage", "ClusterGridPageRequest", "ReportPageResponse", "The report of a grid as a page."),
        Method("FindDuplicates", "DuplicatesRequest", "DuplicatesResponse", "Groups of duplicates."),
        Method("GetDuplicates", "GetDuplicatesRequest", "Duplicates", "Duplicates that were found before."),
        Method(
            "DescribeImages",
            "DescribeImagesRequest",
            "DescribeImagesResponse",
            "Hashes, size and thumbnails of images, without a model.",
        ),
        Method("DrawSample", "SampleRequest", "Sample", "Draw items for coding."),
        Method(
            "DrawPairs",
            "PairsRequest",
            "PairsResponse",
            "Draw pairs of items to be coded: do these two belong together?",
        ),
        Method("MeasureAgreement", "AgreementRequest", "AgreementResponse", "The agreement of coders."),
        Method("CompareClusterings", "ComparisonRequest", "ComparisonResponse", "Judge clusterings by coded pairs."),
        Method("CompareCoderGroups", "CoderGroupsRequest", "CoderGroupsResponse", "Compare groups of coders."),
        Method("ReconcileCrowd", "CrowdRequest", "CrowdResponse", "Reconcile the codes of a crowd."),
        Method(
            "DrawComparisonPairs",
            "ComparisonPairsRequest",
            "ComparisonPairsResponse",
            "Draw pairs of items to be compared: which of the two has more of something?",
        ),
        Method("Scale", "ScaleRequest", "ScaleResponse", "A continuous scale of items from pairwise comparisons."),
        Method(
            "CompareRepresentations",
            "CompareRepresentationsRequest",
            "CompareRepresentationsResponse",
            "Rank encoders, and clusterings of their vectors, by coded pairs.",
        ),
        Method(
            "GetRepresentations",
            "GetRepresentationsRequest",
            "RepresentationComparison",
            "A comparison of representations that was made before.",
        ),
        Method(
            "RepresentationsPage",
            "RepresentationsPageRequest",
            "ReportPageResponse",
            "The report of a comparison of representations as a page.",
        ),
        Method("VideoTimeline", "VideoTimelineRequest", "ReportPageResponse", "The timeline of a video as a page."),
        Method(
            "ValidatePredictions",
            "ValidationRequest",
            "ValidationResponse",
            "Measure predictions against human codes.",
        ),
        Method(
            "EstimateCorpus",
            "EstimateCorpusRequest",
            "EstimateCorpusResponse",
            "Estimate shares, means and regressions in a corpus, from any predictions and codes.",
        ),
        Method(
            "EstimateMultiverse",
            "MultiverseRequest",
            "MultiverseResponse",
            "Estimate one quantity by many configurations of the predictions, and their spread.",
        ),
        Method(
            "EvaluateFindings",
            "EvaluationRequest",
            "EvaluationResponse",
            "Measure found boxes and read texts against those that people coded.",
        ),
        Method(
            "MatchFaces",
            "FaceMatchesRequest",
            "FaceMatchesResponse",
            "The faces nearest to target faces, by their vectors.",
        ),
        Method("GroupPersons", "PersonsRequest", "PersonsResponse", "Group faces of one person, by their vectors."),
        Method(
            "VerifyFaces",
            "VerificationRequest",
            "VerificationResponse",
            "Measure errors of the comparison of faces by coded pairs.",
        ),
        Method("AnswerPage", "AnswerPageRequest", "AnswerPageResponse", "An answer of an operation as a page."),
        Method("Search", "SearchRequest", "SearchResponse", "The nearest items of a corpus."),
        Method("PutCollection", "PutCollectionRequest", "Collection", "Create a collection, or find the same one."),
        Method("ListCollections", "ListCollectionsRequest", "ListCollectionsResponse", "Your collections, by name."),
        Method("GetCollection", "GetCollectionRequest", "Collection", "One collection."),
        Method(
            "DeleteCollection",
            "DeleteCollectionRequest",
            "DeleteCollectionResponse",
            "Delete a collection with everything in it.",
        ),
        Method(
            "PutCollectionItems",
            "PutCollectionItemsRequest",
            "PutCollectionItemsResponse",
            "Store items in a collection.",
        ),
        Method(
            "ListCollectionItems",
            "ListCollectionItemsRequest",
            "ListCollectionItemsResponse",
            "Items of a collection, by id.",
        ),
        Method("ListCollectionIds", "ListCollectionIdsRequest", "CollectionIds", "Ids of a collection, in one answer."),
        Method("GetCollectionItem", "GetCollectionItemRequest", "CollectionItem", "One item of a collection."),
        Method(
            "DeleteCollectionItems",
            "DeleteCollectionItemsRequest",
            "DeleteCollectionItemsResponse",
            "Delete items of a collection.",
        ),
        Method(
            "SearchCollection",
            "SearchCollectionRequest",
            "SearchCollectionResponse",
            "The nearest items of a collection.",
        ),
        Method(
            "FindCollectionDuplicates",
            "CollectionDuplicatesRequest",
            "CollectionDuplicatesResponse",
            "Items of a collection that are duplicates of those that are sent.",
        ),
        Method(
            "UploadFile",
            "stream UploadFileRequest",
            "File",
            "Send an array of vectors ahead, as a .npy file in pieces, or a video.",
        ),
        Method("ListFiles", "ListFilesRequest", "ListFilesResponse", "Your files, the newest first."),
        Method("GetFile", "GetFileRequest", "File", "One file."),
        Method("DeleteFile", "DeleteFileRequest", "File", "Delete a file."),
        Method("ListJobs", "ListJobsRequest", "ListJobsResponse", "Your jobs, the newest first."),
        Method("GetJob", "GetJobRequest", "Job", "The state of a job."),
        Method("GetJobAnswer", "GetJobAnswerRequest", "JobAnswer", "The answer of a job of videos."),
        Method("CancelJob", "CancelJobRequest", "Job", "Stop a job."),
        Method("DeleteJob", "DeleteJobRequest", "Job", "Delete a job that has ended, with its result."),
    ),
    doc="""
    Images as data, served: the API that HTTP has under /v1, with the same results and the same errors.

    Metadata of a call: `authorization: Bearer <key>` where the server has keys, `x-request-id` if you have one.
    Trailing metadata of an answer: `x-request-id` and `daguerre-version`.
    A failed call carries google.rpc.Status with an Error, and RetryInfo where trying again helps.
    """,
)
