# What all nodes of a cluster have in common: token, ports, how soon a lost node is noticed. Sourced by bash, run by nobody.

# Every process of Ray asks for the token in this file, and is started with it.
export RAY_AUTH_MODE=token
export RAY_AUTH_TOKEN_PATH=${RAY_AUTH_TOKEN_PATH:-$HOME/.ray/auth_token}
# A token in a variable would be found in the environment of every trial, beside the file: one place is enough.
unset RAY_AUTH_TOKEN
export RAY_USAGE_STATS_ENABLED=0

# A node that does not answer five times in a second each is lost, after about 10 s instead of 65 s. The price: so does a node whose network
# was away for as long; its trials go on elsewhere from their checkpoints.
export RAY_health_check_initial_delay_ms=0
export RAY_health_check_period_ms=1000
export RAY_health_check_timeout_ms=1000
export RAY_health_check_failure_threshold=5
# A head that is gone is gone: drivers and workers end after 10 s instead of 60 s, to start anew.
export RAY_gcs_rpc_server_reconnect_timeout_s=10
# `ray job stop` kills what has not ended after 3 s otherwise.
export RAY_JOB_STOP_WAIT_TIME_S=30

# A node has more files open than a login may by default; where 65536 are not allowed, as many as are.
ulimit -Sn 65536 2> /dev/null || ulimit -Sn "$(ulimit -Hn)"

# Fixed ports, so that one rule of a firewall names them all: HEAD_PORT on the head, NODE_PORTS to NODE_PORTS + 999 on every node.
# The dashboard has no rule: it listens on loopback alone.
HEAD_PORT=${HEAD_PORT:-6379}
DASHBOARD_PORT=${DASHBOARD_PORT:-8265}
NODE_PORTS=${NODE_PORTS:-7000}
export DASHBOARD_METRIC_PORT=$((NODE_PORTS + 6))
export AUTOSCALER_METRIC_PORT=$((NODE_PORTS + 7))
node_options=(
    --node-manager-port "$NODE_PORTS"
    --object-manager-port "$((NODE_PORTS + 1))"
    --runtime-env-agent-port "$((NODE_PORTS + 2))"
    --dashboard-agent-grpc-port "$((NODE_PORTS + 3))"
    --dashboard-agent-listen-port "$((NODE_PORTS + 4))"
    --metrics-export-port "$((NODE_PORTS + 5))"
    --ray-client-server-port "$((NODE_PORTS + 8))" # opened by a head alone, but no node may use the port that it would have
    --min-worker-port "$((NODE_PORTS + 100))"
    --max-worker-port "$((NODE_PORTS + 999))"
)
head_options=(
    --head
    --port "$HEAD_PORT"
    --dashboard-host 127.0.0.1
    --dashboard-port "$DASHBOARD_PORT"
    --include-dashboard true
    --disable-usage-stats
)

# The Ray of this checkout, where it has one.
_checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ -x "$_checkout/.venv/bin/ray" ]; then PATH=$_checkout/.venv/bin:$PATH; fi

fail() {
    echo "error: $1" >&2
    exit 2
}

# The token, made where there is none: readable by its owner alone from its first byte on, and on no command line.
make_token() {
    if [ ! -s "$RAY_AUTH_TOKEN_PATH" ]; then
        (
            umask 077
            mkdir -p "$(dirname "$RAY_AUTH_TOKEN_PATH")"
            od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$RAY_AUTH_TOKEN_PATH"
        )
    fi
    check_token
}

check_token() {
    [ -s "$RAY_AUTH_TOKEN_PATH" ] || fail "there is no token in $RAY_AUTH_TOKEN_PATH: copy the file from the head (scp -p), or name another in RAY_AUTH_TOKEN_PATH."
    local mode
    mode=$(stat -Lc %a "$RAY_AUTH_TOKEN_PATH")
    [[ $mode == *00 ]] || fail "others may read the token in $RAY_AUTH_TOKEN_PATH (mode $mode): chmod 600 it, or remove it for a new one."
}
