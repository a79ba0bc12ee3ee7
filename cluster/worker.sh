#!/usr/bin/env bash
# Join this machine to a Ray cluster and stay: when the head is gone, wait until it is back and join again. Ctrl-C, or `kill` with the
# number it prints, ends it and all that runs on it.
#
#     cluster/worker.sh HEAD_IP:PORT IP [OPTION OF ray start]...
#
# IP is the address by which the other machines reach this one. The token of the head must lie in ~/.ray/auth_token, or where
# RAY_AUTH_TOKEN_PATH says.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
. "$here/settings.sh"
usage="cluster/worker.sh HEAD_IP:PORT IP [OPTION OF ray start]..."
[ $# -ge 2 ] && [[ $2 != -* ]] || fail "give the address of the head and the one of this machine: $usage"
[[ $1 =~ ^.+:[0-9]+$ ]] || fail "$1 is no address of a head: $usage"
head=$1 ip=$2
shift 2
check_token
echo "worker at $ip, process $$ (kill $$ stops it)"

child= stopping=
stop() {
    stopping=1
    [ -z "$child" ] || kill "$child" 2>/dev/null || true
}
trap stop INT TERM

pause() {
    sleep 2 &
    wait $! || true
}

# Ray itself would try for minutes, and say nothing.
head_answers() {
    timeout 5 bash -c ': <"/dev/tcp/$0/$1"' "${head%:*}" "${head##*:}" 2>/dev/null
}

said=
while [ -z "$stopping" ]; do
    if ! head_answers; then
        [ -n "$said" ] || echo "no head answers at $head; waiting for it"
        said=1
        pause
        continue
    fi
    said=
    ray start --address "$head" "${node_options[@]}" --node-ip-address "$ip" --block --log-color false "$@" &
    child=$!
    # A signal ends the first wait before Ray has stopped.
    wait "$child" || wait "$child" || true
    child=
    [ -n "$stopping" ] || echo "left the cluster at $head; joining again"
    [ -n "$stopping" ] || pause
done
