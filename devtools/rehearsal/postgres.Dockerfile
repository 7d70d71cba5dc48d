# PostgreSQL, at the address and in the folder of MongoDB.
FROM python:3.11-slim
# The newest of Debian 12.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql \
    && rm -rf /var/lib/apt/lists/*
ENV PATH=/usr/lib/postgresql/15/bin:$PATH
RUN install --directory --owner postgres /data/db
# hadolint ignore=DL3066
USER postgres
# A new volume begins as a copy of this folder.
RUN initdb --pgdata /data/db --username postgres --auth trust --encoding UTF8 \
    && echo 'host all all all trust' >> /data/db/pg_hba.conf
STOPSIGNAL SIGINT
CMD ["postgres", "-D", "/data/db", "-h", "0.0.0.0", "-p", "27017", "-c", "max_connections=600"]
