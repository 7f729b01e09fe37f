from daguerre_proto.v1 import analyses_pb2 as _analyses_pb2
from daguerre_proto.v1 import captions_pb2 as _captions_pb2
from daguerre_proto.v1 import classifiers_pb2 as _classifiers_pb2
from daguerre_proto.v1 import clusters_pb2 as _clusters_pb2
from daguerre_proto.v1 import collections_pb2 as _collections_pb2
from daguerre_proto.v1 import corpus_pb2 as _corpus_pb2
from daguerre_proto.v1 import embeddings_pb2 as _embeddings_pb2
from daguerre_proto.v1 import estimates_pb2 as _estimates_pb2
from daguerre_proto.v1 import evaluations_pb2 as _evaluations_pb2
from daguerre_proto.v1 import face_comparison_pb2 as _face_comparison_pb2
from daguerre_proto.v1 import job_answers_pb2 as _job_answers_pb2
from daguerre_proto.v1 import jobs_pb2 as _jobs_pb2
from daguerre_proto.v1 import labels_pb2 as _labels_pb2
from daguerre_proto.v1 import models_pb2 as _models_pb2
from daguerre_proto.v1 import pages_pb2 as _pages_pb2
from daguerre_proto.v1 import representations_pb2 as _representations_pb2
from daguerre_proto.v1 import validations_pb2 as _validations_pb2
from daguerre_proto.v1 import zero_shot_pb2 as _zero_shot_pb2
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor
