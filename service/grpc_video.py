"""Videos over gRPC: items off the wire."""

from collections.abc import Sequence

from daguerre_proto.v1 import classifiers_pb2, common_pb2, video_pb2
from service import grpc_wire
from service.errors import Unprocessable
from service.grpc_given import fields_of
from service.grpc_given import posts_of as plain_posts_of
from service.pipelines.frames import Clip
from service.pipelines.items import Post
from service.schemas import common, embeddings
from service.schemas.validation import validated
from service.schemas.video import Sampling
from service.stores.files import FileStore


def sampling(given: video_pb2.Sampling, *, of: int | None = None) -> Sampling:
    """The request's, or that of item `of`. Raises Unprocessable, in the words of HTTP."""
    fields = fields_of(given)
    if of is None:
        return validated(common.ModelOptions, {"sampling": fields}).sampling or Sampling()
    items = [*[""] * of, {"video": "", "sampling": fields}]
    return validated(embeddings.EmbeddingsRequest, {"input": items}).input[of].sampling or Sampling()


def clip(given: video_pb2.Video, general: Sampling, store: FileStore, owner: str | None, place: int) -> Clip:
    """Raises Unprocessable, NotFound."""
    param = f"input[{place}]"
    chosen = sampling(given.sampling, of=place) if given.HasField("sampling") else general
    kind = given.WhichOneof("source")
    if kind is None:
        raise Unprocessable(f"{param}: a video has either data or a file", param=param)
    return Clip(given.data if kind == "data" else store.video(given.file, owner).path, chosen)


def items_of(
    given: Sequence[common_pb2.Item], options: common_pb2.ModelOptions, store: FileStore, owner: str | None
) -> list[Post]:
    """The items of a request, videos among them. Raises Unprocessable, NotFound."""
    items = grpc_wire.inputs(given)
    general = sampling(options.sampling) if options.HasField("sampling") else Sampling()
    for i, item in enumerate(given):
        if item.WhichOneof("content") == "video":
            items[i] = Post(video=clip(item.video, general, store, owner, i), id=items[i].id)
    return items


def posts_of(
    given: Sequence[classifiers_pb2.Post], general: Sampling, store: FileStore, owner: str | None
) -> list[Post] | None:
    """The same of posts."""
    posts = plain_posts_of(given, videos=True)
    for i, post in enumerate(given):
        if posts and post.HasField("video"):
            posts[i] = Post(video=clip(post.video, general, store, owner, i), id=posts[i].id)
    return posts
