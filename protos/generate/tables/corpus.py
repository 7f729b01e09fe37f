"""Messages of clusterings, duplicates, annotation, search and files."""

from protos.generate.declarations import File, message

CLUSTERS = File(
    "clusters",
    (
        message(
            "KnownLabels",
            "",
            "Known labels.",
            values="repeated Code // One per item; nothing set: not known.",
        ),
        message(
            "ClusterRequest",
            "ClusterRequest",
            "Items to group, or their vectors. An empty list counts as left out.",
            known="optional KnownLabels // Labels that are known, for ARI, NMI and purity.",
        ),
        message(
            "ClusterResponse",
            "",
            "A clustering; or, with as_job, the job that makes it.",
            oneof="outcome: job clustering",
            job="Job // With as_job.",
            clustering="Clustering // The clustering.",
        ),
        message(
            "Clustering",
            "ClusterAnswer",
            only="id labels silhouettes silhouettes_final ids coordinates",
            silhouettes="// Silhouette at extraction, among the items that remained then; NaN for -1.",
            silhouettes_final="// Silhouette in the final clustering; NaN for -1.",
            coordinates="repeated float // Coordinates on the 2-D map: x and y of the first item, then the second.",
            answer_json="string // The rest of HTTP's answer, as JSON: clusters, trace, params, remarks, receipt.",
        ),
        message("GetClusteringRequest", "", "A clustering, by the id of its job.", id="string // Id of its job."),
        message(
            "ClusterPageRequest",
            "ClusterPageRequest",
            "The report of a clustering as one HTML page. Its images are not stored.",
            id="string // Id of its job.",
        ),
    ),
)

CORPUS = File(
    "corpus",
    (
        message(
            "UploadFileRequest",
            "",
            "A piece of a .npy file, or of a video. The first message has the name.",
            name="optional string // Name that the caller gives.",
            data="bytes // The next bytes of the file.",
        ),
        message(
            "File",
            "FileCard",
            shape="repeated uint64 // Items, and numbers of each vector; empty for a video.",
            dtype="string // Type of the numbers; empty for a video.",
        ),
        message(
            "ListFilesRequest",
            "",
            "Your files, the newest first.",
            limit="uint32 // Maximum number of entries; 0: 100.",
            cursor="optional string // next_cursor of the previous answer.",
        ),
        message("ListFilesResponse", "FileList"),
        message("GetFileRequest", "", "One file.", id="string // Id of the file."),
        message("DeleteFileRequest", "", "A file to delete.", id="string // Id of the file."),
        message("DescribeImagesRequest", "ImagesRequest", input="// Images."),
        message(
            "ImageDescription",
            "ImageDatum FailedEntry",
            without="video",
            thumbnail="optional bytes // Thumbnail, a JPEG, if requested.",
            miniature="// Miniature as text, if requested, for DuplicatesRequest.",
        ),
        message("DescribeImagesResponse", "ImagesAnswer", data="repeated ImageDescription"),
        message("DuplicatesRequest", "DuplicatesRequest"),
        message("DuplicateGroup", "DuplicateGroup"),
        message("RelatedGroup", "RelatedGroup"),
        message("Duplicates", "DuplicatesAnswer"),
        message("UnusableItem", "Unusable"),
        message(
            "DuplicatesResponse",
            "",
            "Groups of duplicates; or, with as_job, the job that searches for them.",
            oneof="outcome: job duplicates",
            job="Job // With as_job.",
            duplicates="Duplicates // The groups.",
        ),
        message("GetDuplicatesRequest", "", "Duplicates, by the id of their job.", id="string // Id of their job."),
        message("SampleRequest", "SampleRequest"),
        message("Stratum", "Stratum"),
        message("Sample", "SampleAnswer"),
        message(
            "Labels",
            "",
            "The clusters of items.",
            values="repeated sint32 // The cluster of each item, -1 for none.",
        ),
        message("PairsRequest", "PairsRequest", clusterings="map<string, Labels>"),
        message("Pair", "Pair"),
        message("PairsResponse", "PairsAnswer"),
        message("AgreementRequest", "AgreementRequest", code="// The code that was given; nothing set: no code."),
        message("Coefficient", "Coefficient"),
        message("AgreementResponse", "AgreementAnswer"),
        message("ComparisonRequest", "ComparisonRequest", same="repeated bool", clusterings="map<string, Labels>"),
        message(
            "ComparisonResponse", "", "The figures of each clustering.", answer_json="string // HTTP's answer, as JSON."
        ),
        message(
            "SearchRequest",
            "SearchRequest",
            "Items whose nearest neighbours are searched in a corpus of vectors.",
            without="model",
            input="// Items to search for; or send `queries`.",
            corpus="=vectors Vectors // The corpus.",
            ids="// Id of each item of the corpus.",
        ),
        message("Neighbour", "Neighbour", index="// The item's position in the corpus, from 0."),
        message("Found", "SearchDatum FailedEntry", without="video"),
        message("SearchResponse", "SearchAnswer", data="repeated Found"),
    ),
)
