"""Messages of items, models and the calls that run a model on items."""

from protos.generate.declarations import Enum, File, message

COMMON = File(
    "common",
    (
        message(
            "Item",
            "Item",
            "One thing to embed or to label. An image is the file's bytes, as they are on disk; URLs are not fetched.",
            without="sampling",
            oneof="content: text image video",
            id="// Id from the caller, returned with the item's result. At most 1,024 characters.",
            image="bytes // An image file: JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF.",
            video="Video // A video, whose frames are looked at. Not in EmbedStream.",
        ),
        message("Crop", "Crop"),
        Enum(
            "OnError",
            "The effect of one unusable item.",
            {
                "unspecified": "The same as FAIL.",
                "fail": "The request is refused, and its error names every unusable item.",
                "skip": "The other items are answered, and the unusable one carries its own error.",
            },
        ),
        Enum(
            "Decode",
            "Decoding of JPEGs to pixels.",
            {
                "unspecified": "The server's setting.",
                "exact": "Pixels as the reference implementation has them.",
                "scaled": "Large JPEGs are decoded at a fraction of their size: faster, with a fingerprint of its own.",
            },
        ),
        message(
            "ModelOptions",
            "ModelOptions",
            "Options of every request that runs a model.",
            decode="// Decoding of JPEGs.",
        ),
        message("Receipt", "Receipt"),
        message(
            "ItemError", "ItemError", "Why one item could not be used. Only with ON_ERROR_SKIP, in place of a result."
        ),
        message(
            "Error",
            "ErrorBody",
            "The error of a call, in the details of its status (google.rpc.Status, the trailer "
            "grpc-status-details-bin). The same as the body of an HTTP error.",
            request_id="// Also in the trailer x-request-id, and in the server's log.",
            items="// The unusable items, as many as a trailer takes.",
            items_omitted="uint32 // Number of further unusable items.",
            http_status="uint32 // The status of HTTP for this error: finer than gRPC's, for example 413 beside 422.",
        ),
        message("FailedItem", "ErrorItem"),
    ),
)

VIDEO = File(
    "video",
    (
        message("ShotDetector", "ShotDetector"),
        message("Sampling", "Sampling"),
        message(
            "Video",
            "",
            "A video: its bytes, where they fit into a message, or a file of UploadFile.",
            oneof="source: data file",
            data="bytes // MP4, MOV, WebM, MKV, AVI, MPEG, FLV, WMV, OGV.",
            file="string // The id of a file of UploadFile.",
            sampling="optional Sampling // Which of its frames are looked at. Absent: as the request says.",
        ),
        message("VideoFacts", "VideoFacts"),
        message("VideoReport", "VideoReport"),
        message(
            "Outcome",
            "",
            "The result of a frame, or of the frames of a shot: the fields of the call that was made.",
            vector="optional bytes // Of Embed: a unit vector, float32, little-endian; of a shot its frames' mean.",
            label="optional string // Of ZeroShot and Predict; absent where no label fits.",
            scores="repeated float // Of ZeroShot, one per label.",
            cosines="repeated float // Of ZeroShot, one per label.",
            none_score="optional float // Of ZeroShot: the score of none_of_these.text.",
            probabilities="repeated double // Of Predict, in the order of the labels.",
            value="optional double // Of Predict, for a continuous task.",
            low="optional double // Lower bound of the value's 95 % prediction interval; absent where it is not known, "
            "as for a shot.",
            high="optional double // Upper bound of the interval.",
        ),
        message(
            "Frame",
            "",
            "One sampled frame.",
            index="uint32 // Position among the frames that were looked at, from 0.",
            timestamp="double // Seconds from the start.",
            shot="optional uint32 // Its shot, where shots were looked for.",
            dropped="uint32 // Number of near-duplicates after it that were dropped.",
            times="uint32 // Number of sampling times at which it is on the screen: its weight in means.",
            thumbnail="optional bytes // A small JPEG, where asked for.",
            outcome="Outcome // The frame's result.",
        ),
        message(
            "Shot",
            "",
            "One shot.",
            index="uint32 // Position among the shots, from 0.",
            start="double // Seconds from the start of the video.",
            end="double // Seconds from the start of the video; not itself part of the shot.",
            frames="uint32 // Number of its frames that were looked at.",
            outcome="optional Outcome // Result pooled over these frames; absent where there are none.",
        ),
        message(
            "VideoResult",
            "VideoBlock",
            "Frames and shots of a video; the item's own result is pooled from them.",
            without="duration width height frame_rate variable_rate rotation interlaced codec container",
            facts="VideoFacts // Properties of the video.",
            frames="repeated Frame // The frames that were looked at, in order.",
            shots="repeated Shot // Empty where they were not looked for.",
        ),
    ),
)

EMBEDDINGS = File(
    "embeddings",
    (
        message(
            "EmbedOptions",
            "EmbeddingsOptions",
            "Options of a request for embeddings.",
            only="dimensions",
            model_options="ModelOptions // Options of every request that runs a model.",
        ),
        message(
            "EmbedRequest",
            "EmbeddingsRequest",
            "Texts, images and videos to embed, mixed as you like.",
            only="input",
            options="EmbedOptions // Options of the request.",
            items="=input // At least one.",
        ),
        message(
            "Embedding",
            "Embedding FailedEntry",
            "The result of one item.",
            without="embedding",
            oneof="result: vector error",
            index="// Position in the request, or in the whole stream, from 0.",
            vector="bytes // A unit vector: `dimension` float32, little-endian.",
        ),
        message(
            "EmbedResponse",
            "EmbeddingsAnswer Usage",
            "Vectors, one entry per item, in order.",
            without="usage total_tokens",
            dimension="uint32 // Length of each vector.",
            data="repeated Embedding",
            job="Job // With as_job, in place of the rest.",
        ),
        message(
            "EmbedStreamRequest",
            "EmbeddingsRequest",
            "A part of a stream of items.",
            only="input",
            options="EmbedOptions // In the first message only.",
            items="=input // One or more; some tens in each message give the best throughput.",
        ),
        message(
            "EmbedStreamResponse",
            "EmbeddingsAnswer Usage",
            "The answer to one EmbedStreamRequest, in the order in which they came.",
            without="usage total_tokens",
            model="// The model's name; in the first answer only.",
            receipt="// In the first answer only: it holds for all others too.",
            dimension="uint32 // Length of each vector.",
            data="repeated Embedding // One entry per item of the message; `index` counts from the beginning of the "
            "stream.",
            truncated="// Texts that were cut at the model's maximum, by index from the beginning of the stream.",
            unknown="// Texts of which the model knows no token, by index from the beginning of the stream.",
            first_of_many="// Images of which only the first picture was read, by index from the stream's beginning.",
            prompt_tokens="// Tokens of the message's texts.",
        ),
    ),
)

ZERO_SHOT = File(
    "zero_shot",
    (
        message(
            "Texts",
            "",
            "A list that may be left out, which is not the same as empty.",
            values="repeated string // Its texts.",
        ),
        message("NoneOfThese", "NoneOfThese", oneof="rule: text min_cosine"),
        message(
            "ZeroShotRequest",
            "ZeroShotRequest",
            without="model on_error decode sampling mode",
            model_options="ModelOptions // Options of every request that runs a model.",
            items="=input // Items, unless `vectors` are sent.",
            templates="Texts",
            negatives="Texts",
        ),
        message(
            "Scored",
            "Scored FailedEntry",
            "The scores of one item. Not calibrated: validate them against human codes before use.",
            scores="// One per label, in order.",
        ),
        message(
            "ZeroShotResponse",
            "ZeroShotAnswer",
            "Scores, one entry per item, in order.",
            data="repeated Scored",
            negatives="Texts",
            prompts="Texts",
            calibrated="// Always false: nobody has checked these scores on your data yet.",
            job="Job // With as_job, in place of the rest.",
        ),
    ),
)

MODELS = File(
    "models",
    (
        message("ListModelsRequest", "", "All models; there are no options."),
        message(
            "ListModelsResponse",
            "ModelList",
            only="data",
            models="=data // The default first.",
        ),
        message("GetModelRequest", "", "One model.", name="string // A name of ListModels."),
        message(
            "Model",
            "ModelCard",
            decode="string // How JPEGs are decoded where a request does not say: exact, scaled, gpu.",
        ),
    ),
)
