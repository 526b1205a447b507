# Sourced by `chaos` and `upgrade` instead of common.bash: servers of their own, which are deleted at the end. Those that tests
# or a demo use are left alone.
# shellcheck shell=bash

LOCAL_STATE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)/state-${0##*/}
export LOCAL_STATE
# shellcheck source=deploy/local/lib/common.bash
source "$(dirname -- "${BASH_SOURCE[0]}")/common.bash"

# To be called before `up`.
dispose_at_end() {
    # These would make `up` take the servers that this shell has loaded.
    unset DATABASE_URL MIGRATE_DATABASE_URL SEAL_KEYS AMQP_URL AMQP_ADMIN_URL DIALER_AMQP_URL S3_ENDPOINT
    # What is left of an interrupted run.
    "$local_dir/down" --wipe
    log=$(mktemp --tmpdir "user-import-$command_name.XXXXXX.log")
    trap dispose EXIT
    trap 'exit 130' INT TERM
}

dispose() {
    local status=$?
    if ((status == 0)); then
        rm -f -- "$log"
    else
        say "the workers' log: $log"
    fi
    "$local_dir/down" --wipe
    exit "$status"
}

# Builds the programs $* and prints their paths, one per line: cargo says where, whatever target folder is set.
build_programs() {
    local messages program
    cd -- "$checkout"
    messages=$(
        umask "$callers_umask"
        # --workspace: a single package needs other features of its dependencies, and all of them would be built again.
        SQLX_OFFLINE=true cargo build --quiet --locked --workspace "${@/#/--bin=}" "${build_options[@]}" --message-format json-render-diagnostics
    ) || die "the build failed"
    for program in "$@"; do
        sed -n 's|.*"executable":"\([^"]*/'"$program"'\)".*|\1|p' <<<"$messages"
    done
}

# Runs the program chaos at $1 with workers of the program $2.
run_chaos() {
    local chaos=$1 user_import=$2
    shift 2
    umask "$callers_umask"
    CHAOS_RESTART=$local_dir/lib/restart CHAOS_RABBITMQCTL=$local_dir/lib/rabbitmqctl CHAOS_USER_IMPORT=$user_import \
        CHAOS_LOG=$log "$chaos" "$@"
}
