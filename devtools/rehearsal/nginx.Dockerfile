# nginx, with the user and the programs of the official image.
FROM python:3.11-slim
# The newest of Debian 12.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends nginx-light gettext-base wget \
    && rm -rf /var/lib/apt/lists/*
USER 101:101
CMD ["nginx", "-g", "daemon off;"]
