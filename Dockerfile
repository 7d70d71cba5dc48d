# One image for the three processes: the command tells which one it is.
FROM python:3.11-slim AS build
RUN python -m venv /opt/venv
COPY requirements.txt requirements-traces.txt /tmp/
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes --requirement /tmp/requirements.txt
# With `--build-arg TRACES=1`: what TRACES_URL needs.
ARG TRACES=""
RUN if [ -n "$TRACES" ]; then \
    /opt/venv/bin/pip install --no-cache-dir --require-hashes --requirement /tmp/requirements-traces.txt; fi
# The command quittance is a path to the folder that the next stage fills.
WORKDIR /srv/quittance
COPY pyproject.toml README.md LICENSE ./
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation --editable .

FROM python:3.11-slim
RUN useradd --system --uid 10001 quittance \
    && install --directory --owner quittance --mode 0700 /var/lib/quittance
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/quittance
COPY core core
COPY api api
COPY web web
COPY worker worker
COPY products products
COPY proof proof
COPY devtools devtools
COPY mock_api mock_api
COPY ops ops
COPY Procfile pyproject.toml LICENSE ./
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    VAR_DIR=/var/lib/quittance \
    API_HOST=0.0.0.0 \
    MOCK_HOST=0.0.0.0
USER 10001
EXPOSE 8080 8090
CMD ["gunicorn", "--config", "api/server.py", "--no-control-socket", "web.app:create_app()"]
