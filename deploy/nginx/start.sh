#!/bin/sh
# Writes the configuration with the settings of this proxy, and is then nginx. The defaults are those of Compose.
set -eu
export PROXY_FILES="${PROXY_FILES:-$(dirname "$0")}"
export PROXY_RUN="${PROXY_RUN:-/tmp}"
export PROXY_ACCESS_LOG="${PROXY_ACCESS_LOG:-/dev/stdout}"
export PROXY_UPSTREAM="${PROXY_UPSTREAM:-api:8080}"
export PROXY_HTTP_PORT="${PROXY_HTTP_PORT:-8080}"
export PROXY_HTTPS_PORT="${PROXY_HTTPS_PORT:-8443}"
export PROXY_REQUESTS_PER_S="${PROXY_REQUESTS_PER_S:-20}"
export PROXY_BURST="${PROXY_BURST:-40}"
export PROXY_CONNECTIONS="${PROXY_CONNECTIONS:-64}"
export PROXY_ADDRESS_REQUESTS_PER_S="${PROXY_ADDRESS_REQUESTS_PER_S:-160}"
export PROXY_ADDRESS_BURST="${PROXY_ADDRESS_BURST:-320}"
export PROXY_ADDRESS_CONNECTIONS="${PROXY_ADDRESS_CONNECTIONS:-128}"
export PROXY_USSD_ADDRESSES="${PROXY_USSD_ADDRESSES:-$PROXY_FILES/ussd_addresses.conf}"
export TLS_CERTIFICATE="${TLS_CERTIFICATE:-/run/secrets/tls_certificate}"
export TLS_KEY="${TLS_KEY:-/run/secrets/tls_key}"
# shellcheck disable=SC2016 # these names are for envsubst: nginx has variables of its own
envsubst '${PROXY_FILES} ${PROXY_RUN} ${PROXY_ACCESS_LOG} ${PROXY_UPSTREAM} ${PROXY_HTTP_PORT} ${PROXY_HTTPS_PORT} ${PROXY_REQUESTS_PER_S}
    ${PROXY_BURST} ${PROXY_CONNECTIONS} ${PROXY_ADDRESS_REQUESTS_PER_S} ${PROXY_ADDRESS_BURST} ${PROXY_ADDRESS_CONNECTIONS}
    ${PROXY_USSD_ADDRESSES} ${TLS_CERTIFICATE} ${TLS_KEY}' \
    <"$PROXY_FILES/nginx.conf.template" >"$PROXY_RUN/nginx.conf"
exec nginx -c "$PROXY_RUN/nginx.conf" -e stderr -g 'daemon off;'
