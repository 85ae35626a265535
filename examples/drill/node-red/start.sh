#!/bin/sh
# Starts two processes of Node-RED from npm, on the ports 8381 and 8382 and with
# one folder of settings, until it is interrupted.
#   ./start.sh [FOLDER]
set -eu
settings=$(cd "$(dirname "$0")" && pwd)/settings.js
folder=${1:-$(mktemp -d)}
cd "$folder"
[ -d node_modules/node-red ] || npm install --no-audit --no-fund --silent node-red@4.0.9
mkdir -p data
started=
trap 'kill $started 2>/dev/null || true' EXIT INT TERM
for port in 8381 8382; do
	node node_modules/node-red/red.js --userDir "$PWD/data" --settings "$settings" --port $port >"$port.log" 2>&1 &
	started="$started $!"
done
echo "see $folder"
wait
