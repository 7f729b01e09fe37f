"""Messages of clusterings, duplicates, annotation, search and files."""

from protos.generate.declarations import File, message

CLUSTERS = File(
    "clusters",
    (
        message(
            "KnownLabels",
            "",
            "Labels that are known before.",
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
            "A clustering.",
            only="id labels silhouettes silhouettes_final ids coordinates",
            silhouettes="// At extraction, against what was left then; NaN for -1.",
            silhouettes_final="// Within the whole answer; NaN for -1.",
            coordinates="repeated float // Of the 2-D map: x and y of the first item, of the second, and so on.",
            answer_json="string // All else of HTTP's answer, as JSON: clusters, trace, params, remarks, receipt.",
        ),
        message("GetClusteringRequest", "", "A clustering, by the id of its job.", id="string // Of its job."),
        message(
            "ClusterPageRequest",
            "ClusterPageRequest",
            "The report of a clustering as one HTML page. Its pictures are not kept.",
            id="string // Of its job.",
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
            name="optional string // Yours.",
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
        message("ListFilesResponse", "FileList", "One page of the list of files."),
        message("GetFileRequest", "", "One file.", id="string // Of the file."),
        message("DeleteFileRequest", "", "A file to delete.", id="string // Of the file."),
        message("DescribeImagesRequest", "ImagesRequest", input="// Images."),
        message(
            "ImageDescription",
            "ImageDatum FailedEntry",
            "Hashes and size of one image.",
            without="video",
            thumbnail="optional bytes // A JPEG, where asked for.",
        ),
        message("DescribeImagesResponse", "ImagesAnswer", "An entry for each image.", data="repeated ImageDescription"),
        message("DuplicatesRequest", "DuplicatesRequest"),
        message("DuplicateGroup", "DuplicateGroup", "Items that are duplicates of each other."),
        message("Duplicates", "DuplicatesAnswer", "Groups of duplicates."),
        message("UnusableItem", "Unusable"),
        message(
            "DuplicatesResponse",
            "",
            "Groups of duplicates; or, with as_job, the job that looks for them.",
            oneof="outcome: job duplicates",
            job="Job // With as_job.",
            duplicates="Duplicates // The groups.",
        ),
        message("GetDuplicatesRequest", "", "Duplicates, by the id of their job.", id="string // Of their job."),
        message("SampleRequest", "SampleRequest"),
        message("Stratum", "Stratum", "One stratum of a draw."),
        message("Sample", "SampleAnswer", "The items that were drawn."),
        message(
            "Labels",
            "",
            "The clusters of items.",
            values="repeated sint32 // The cluster of each item, -1 for none.",
        ),
        message("PairsRequest", "PairsRequest", clusterings="map<string, Labels>"),
        message("Pair", "Pair", "Two items."),
        message("PairsResponse", "PairsAnswer", "Pairs to code."),
        message("AgreementRequest", "AgreementRequest", code="// The code that was given; nothing set: no code."),
        message(
            "Coefficient",
            "Coefficient",
            "A coefficient with its 95 % interval; absent where it is not defined.",
        ),
        message("AgreementResponse", "AgreementAnswer", "The agreement of coders."),
        message("ComparisonRequest", "ComparisonRequest", same="repeated bool", clusterings="map<string, Labels>"),
        message(
            "ComparisonResponse", "", "The figures of each clustering.", answer_json="string // HTTP's answer, as JSON."
        ),
        message(
            "SearchRequest",
            "SearchRequest",
            "Items to look for in a corpus of vectors.",
            without="model",
            input="// Items to look for; or send `queries`.",
            corpus="=vectors Vectors // The corpus.",
            ids="// A name for each item of the corpus.",
        ),
        message(
            "Neighbour", "Neighbour", "One item of the corpus.", index="// The item's position in the corpus, from 0."
        ),
        message("Found", "SearchDatum FailedEntry", "The neighbours of one item.", without="video"),
        message("SearchResponse", "SearchAnswer", "An entry for each item that was looked for.", data="repeated Found"),
    ),
)
