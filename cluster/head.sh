#!/usr/bin/env bash
# Start the head of a Ray cluster on this machine and stay: Ctrl-C, or `kill` with the number it prints, ends it and all that runs on it.
#
#     cluster/head.sh IP [OPTION OF ray start]...
#
# IP is the address by which the other machines reach this one. The token is made if there is none, in ~/.ray/auth_token or where
# RAY_AUTH_TOKEN_PATH says.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
. "$here/settings.sh"
[ $# -ge 1 ] && [[ $1 != -* ]] || fail "give the address by which the other machines reach this one: cluster/head.sh IP [OPTION OF ray start]..."
ip=$1
shift
make_token
cat <<END
head at $ip:$HEAD_PORT, process $$ (kill $$ stops it)
token: $RAY_AUTH_TOKEN_PATH; every worker and whoever submits needs this file
workers: cluster/worker.sh $ip:$HEAD_PORT THEIR_IP
dashboard, here only: http://127.0.0.1:$DASHBOARD_PORT; from elsewhere after ssh -N -L $DASHBOARD_PORT:127.0.0.1:$DASHBOARD_PORT $ip
END
exec ray start "${head_options[@]}" "${node_options[@]}" --node-ip-address "$ip" --block --log-color false "$@"
