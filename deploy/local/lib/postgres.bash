# Sourced by `up`: the private PostgreSQL. It listens only on TCP on loopback, because the path of a Unix socket
# may have no more than 107 bytes, and checkouts can have long paths.
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by common.bash

# Sets `postgres_bin` to the folder of an installed PostgreSQL server: Debian's newest, else the one on PATH.
find_postgres() {
    local initdb bin
    initdb=$(command -v initdb) || initdb=
    postgres_bin=
    for bin in "${initdb%/*}" "$(pg_config --bindir 2>/dev/null)" \
        $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V); do
        [[ ! -x $bin/initdb || ! -x $bin/postgres || ! -x $bin/psql ]] || postgres_bin=$bin
    done
    [[ -n $postgres_bin ]]
}

# PostgreSQL refuses to run as root, so root runs it as the user `postgres`: with the command `as_postgres`.
choose_postgres_user() {
    as_postgres=()
    ((EUID == 0)) || return 0
    id postgres >/dev/null 2>&1 || die "PostgreSQL does not run as root; please create a user named postgres"
    as_postgres=(setpriv --reuid postgres --regid "$(id -g postgres)" --clear-groups)
    # Of the state, that user may enter only its own folder.
    chgrp "$(id -g postgres)" "$state"
    chmod 0710 "$state"
    mkdir -p -- "$state/postgres"
    chown postgres: "$state/postgres"
    if ! postgres_reaches_state; then
        # The checkout is under a folder that only root may pass (/root, say): this capability lets the user pass.
        as_postgres+=(--inh-caps +dac_override --ambient-caps +dac_override)
        postgres_reaches_state || die "the user postgres cannot be made to reach $state/postgres"
    fi
}

# `test -x` would not work: access(2) ignores the capability.
postgres_reaches_state() { "${as_postgres[@]}" env --chdir="$state/postgres" true 2>/dev/null; }

create_cluster() {
    local fresh=$state/postgres/data.new password_file=$state/postgres/password
    say "creating the PostgreSQL cluster"
    # Renamed when it is complete: an interrupted run leaves nothing that looks like a cluster.
    rm -rf -- "$fresh"
    printf '%s\n' "${settings[postgres_password]}" >"$password_file"
    ((EUID != 0)) || chown postgres: "$password_file"
    (
        cd /
        exec </dev/null >>"$state/log/postgres.log" 2>&1
        "${as_postgres[@]}" "$postgres_bin/initdb" --pgdata "$fresh" --no-locale --encoding UTF8 \
            --username postgres --auth scram-sha-256 --pwfile "$password_file"
    ) || die_with_log postgres "initdb failed"
    rm -f -- "$password_file"
    mv -- "$fresh" "$state/postgres/data"
}

# After a reboot the process ID in a leftover postmaster.pid may belong to another process, and PostgreSQL would not
# start. The file is kept only if that process may be the PostgreSQL of this cluster, whose working directory is its
# data folder.
drop_stale_lock() {
    local data=$state/postgres/data pid name
    [[ -e $data/postmaster.pid ]] || return 0
    pid=$(head -n 1 -- "$data/postmaster.pid")
    name=$(cat -- "/proc/$pid/comm" 2>/dev/null) || name=
    # The working directory may be hidden even from root (in a container): then the name must suffice.
    if [[ $name != postgres ]] || [[ -e /proc/$pid/cwd && ! /proc/$pid/cwd -ef $data ]]; then
        rm -f -- "$data/postmaster.pid"
    fi
}

start_postgres() {
    ! running postgres || return 0
    mkdir -p -- "$state/postgres"
    choose_postgres_user
    choose_port postgres_port
    [[ -e $state/postgres/data ]] || create_cluster
    say "starting PostgreSQL on port ${settings[postgres_port]}"
    launch_postgres
}

launch_postgres() {
    drop_stale_lock
    # Many tests run at once, each with its own pools: hence so many connections. Everything that makes a commit durable
    # stays on, because that is what the tests are about.
    launch postgres "${as_postgres[@]}" env -i PATH="$PATH" LC_ALL=C \
        "$postgres_bin/postgres" -D "$state/postgres/data" \
        -c listen_addresses=127.0.0.1 -c port="${settings[postgres_port]}" -c unix_socket_directories= \
        -c max_connections=300 -c shared_buffers=128MB
}

# An environment of our own: the caller's PGHOST, PGSERVICE or PGOPTIONS would lead elsewhere.
as_superuser() {
    env -i PATH="$PATH" PGPASSWORD="${settings[postgres_password]}" PGCONNECT_TIMEOUT=5 \
        OWNER_PASSWORD="${OWNER_PASSWORD:-}" WORKER_PASSWORD="${WORKER_PASSWORD:-}" OPERATOR_PASSWORD="${OPERATOR_PASSWORD:-}" \
        CONSOLE_PASSWORD="${CONSOLE_PASSWORD:-}" \
        "$postgres_bin/psql" --no-psqlrc --quiet --set ON_ERROR_STOP=1 \
        --host 127.0.0.1 --port "${settings[postgres_port]}" --username postgres --dbname postgres "$@"
}

postgres_is_ready() { as_superuser --command 'SELECT 1' </dev/null >/dev/null 2>&1; }

# The processes of a server that was killed hold its memory for a moment, and a new server then ends at once: hence
# the attempts.
await_postgres() {
    local attempts=5 deadline=$((SECONDS + 60))
    until postgres_is_ready; do
        ((SECONDS < deadline)) || die_with_log postgres "PostgreSQL did not answer in time"
        sleep 0.1
        running postgres && continue
        ((attempts-- > 0)) || die_with_log postgres "PostgreSQL does not start"
        sleep 1
        launch_postgres
    done
}

# The roles as in production, from the same file, except that the owner also creates databases and roles for tests, and
# may make them workers (from PostgreSQL 16 on that takes a right of its own).
create_roles() {
    OWNER_PASSWORD=${settings[owner_password]} WORKER_PASSWORD=${settings[app_password]} \
        OPERATOR_PASSWORD=${settings[ops_password]} CONSOLE_PASSWORD=${settings[web_password]} \
        as_superuser --set VERBOSITY=terse --file "$checkout/deploy/postgres/roles.sql" \
        --command 'ALTER ROLE user_import_owner CREATEROLE CREATEDB' \
        --command 'GRANT user_import_worker TO user_import_owner WITH ADMIN OPTION' >>"$state/log/postgres.log" 2>&1 ||
        die_with_log postgres "cannot create the roles"
    # In the template too, from which the tests' databases are made.
    local database
    for database in template1 user_import; do
        as_superuser --dbname "$database" --file "$checkout/deploy/lock-down.sql" >>"$state/log/postgres.log" 2>&1 ||
            die_with_log postgres "cannot revoke what the roles should not have"
    done
}
