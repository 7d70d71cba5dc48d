#!/usr/bin/env bash
# Proves the store on a real replica set of MongoDB. README.md says what it needs and what must be seen.
#   proof/mongo-replica-set/run.sh [seconds of chaos]
set -euo pipefail
cd "$(dirname "$0")/../.."

SECONDS_OF_CHAOS=${1:-120}
PAUSE_S=20 # longer than an election, which takes about 12 s by default
PORTS=(27117 27118 27119)
URL="mongodb://127.0.0.1:27117,127.0.0.1:27118,127.0.0.1:27119/?replicaSet=rs0"

compose() { docker compose --file proof/mongo-replica-set/compose.yml "$@"; }

# Prints what the first member that answers says to an expression.
ask() {
  local port
  for port in "${PORTS[@]}"; do
    compose exec -T "mongo-$port" mongosh --quiet --port "$port" --eval "$1" 2>/dev/null && return
  done
  return 1
}

# Prints the port of the primary, once there is one.
primary() {
  local address
  for _ in $(seq 60); do
    address=$(ask 'print(db.hello().primary ?? "")' || true)
    if [[ $address == *:* ]]; then
      echo "${address##*:}"
      return
    fi
    sleep 1
  done
  echo "no primary within a minute" >&2
  return 1
}

term() { ask 'print(rs.status().term)'; }

# Kills the primary again and again, until it is ended. A member that was killed comes back before the next one goes.
kill_primaries() {
  local port
  while sleep "$PAUSE_S"; do
    port=$(primary)
    echo "$(date +%T) primary on port $port killed"
    compose kill --signal SIGKILL "mongo-$port" >/dev/null 2>&1
    echo "$port" >>"$killed"
    sleep "$PAUSE_S"
    compose up --detach --wait "mongo-$port" >/dev/null 2>&1
  done
}

killed=$(mktemp)
killer=""
clean_up() {
  if [[ -n $killer ]]; then kill "$killer" 2>/dev/null || true; fi
  compose down --volumes --timeout 5
  rm -f "$killed"
}
trap clean_up EXIT

compose up --detach --wait
ask 'rs.initiate({ _id: "rs0", members: [27117, 27118, 27119].map((port, n) => ({ _id: n, host: "127.0.0.1:" + port })) })'
echo "primary on port $(primary)"

echo "== 1. the contract of the store, and the migration"
STORE_TEST_URL=$URL .venv/bin/python -m pytest -q tests/store -k mongodb

echo "== 2. whole payments by real processes"
STORE_TEST_URL=$URL .venv/bin/python -m pytest -q tests/e2e -k "production and not production_sql"

echo "== 3. chaos for $SECONDS_OF_CHAOS s, while the primary is killed"
before=$(term)
kill_primaries &
killer=$!
.venv/bin/quittance chaos --store "$URL" --broker rabbitmq --seconds "$SECONDS_OF_CHAOS"
kill "$killer"
killer=""

elections=$(($(term) - before))
kills=$(wc -l <"$killed")
echo "== $kills primaries killed, $elections elections"
if ((kills == 0 || elections < kills)); then
  echo "not proven: each kill of a primary must have led to an election" >&2
  exit 1
fi
echo "== proven: every accepted payment was settled once, through $elections elections"
