# RabbitMQ, with the user, the folders and the plug-in of the official image.
FROM python:3.11-slim
# The newest of Debian 12.
# hadolint ignore=DL3008
RUN groupadd --gid 999 --system rabbitmq \
    && useradd --uid 999 --gid 999 --system --home-dir /var/lib/rabbitmq rabbitmq \
    && apt-get update \
    && apt-get install --yes --no-install-recommends rabbitmq-server \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner rabbitmq --group rabbitmq /etc/rabbitmq/conf.d /var/lib/rabbitmq /var/log/rabbitmq \
    && echo '[rabbitmq_management].' > /etc/rabbitmq/enabled_plugins
USER 999:999
# Without a shell in between, which would not pass SIGTERM on.
ENV RUNNING_UNDER_SYSTEMD=true
CMD ["/usr/lib/rabbitmq/bin/rabbitmq-server"]
