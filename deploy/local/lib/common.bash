# Sourced by the commands of deploy/local: where the state is, what is remembered in it, and the processes
# that were started. It starts nothing and prints nothing by itself.
# shellcheck shell=bash
# shellcheck disable=SC2034 # used where it is sourced

set -euo pipefail

local_dir=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
checkout=$(cd -- "$local_dir/../.." && pwd -P)
# Another folder holds another set of servers: chaos has its own, because it restarts them.
state=${LOCAL_STATE:-$local_dir/state}
command_name=${0##*/}

# Everything in the state is private: it holds passwords and whatever people import.
callers_umask=$(umask)
umask 077

say() { printf '%s\n' "$*" >&2; }

die() {
    say "$command_name: $*"
    exit 1
}

# Shows the end of a server's log instead of advising the user to look at it.
die_with_log() {
    local log=$state/log/$1.log
    shift
    say "$command_name: $*"
    if [[ -s $log ]]; then
        say "the end of $log:"
        tail -n 20 -- "$log" >&2
    fi
    exit 1
}

refuse_option() {
    say "$command_name: unknown option '$1' (see --help)"
    exit 2
}

help_if_asked() {
    if [[ " $* " == *" -h "* || " $* " == *" --help "* ]]; then
        usage
        exit
    fi
}

take_no_options() {
    help_if_asked "$@"
    (($# == 0)) || refuse_option "$1"
}

# Makes this shell like that of a user who has loaded what `up` recorded, in the folder of the checkout.
enter() {
    eval "$("$local_dir/env")"
    umask "$callers_umask"
    cd -- "$checkout"
}

# --- the state folder

# Takes the lock that makes `up`, `down` and `python` of one checkout wait for each other, until the command
# ends. It is on a folder that is never deleted: if it were on a file in the state, `down --wipe` would delete it
# while `up` waits for it.
lock_state() {
    exec 9<"$local_dir"
    if ! flock --nonblock 9; then
        say "waiting for another command of deploy/local"
        flock 9
    fi
}

open_state() {
    [[ ! -e $state || -O $state ]] ||
        die "$state belongs to $(stat -c %U -- "$state"): be that user, or use a checkout of your own"
    mkdir -p -- "$state"/{bin,log,run}
}

# --- what is remembered between runs: ports, passwords, names

declare -A settings=()

load_settings() {
    local line
    settings=()
    [[ -r $state/settings ]] || return 0
    while IFS= read -r line; do
        settings[${line%%=*}]=${line#*=}
    done <"$state/settings"
}

# A rename is atomic, so a crash leaves the old file or the new one.
remember() {
    local name
    settings[$1]=$2
    for name in "${!settings[@]}"; do
        printf '%s=%s\n' "$name" "${settings[$name]}"
    done >"$state/settings.new"
    mv -- "$state/settings.new" "$state/settings"
}

random_hex() { od -An -v -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }

# --- ports

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Gives `settings[$1]` a port on which nobody answers, the recorded one if it is still free. To be called
# only while the server is not running. The range lies below Linux's ephemeral ports (32768 and up), of which
# any outgoing connection may take one, and below RabbitMQ's 25672.
choose_port() {
    local port=${settings[$1]:-}
    while [[ -z $port ]] || answers "$port"; do
        port=$((20000 + RANDOM % 5000))
        [[ " ${settings[*]} " != *" $port "* ]] || port=
    done
    remember "$1" "$port"
}

# --- processes

# When process $1 started, in ticks since boot; fails if there is no such process, or if it is a zombie.
start_time() {
    local line fields
    { IFS= read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    # The command's name is in brackets and may contain blanks and brackets: count from the last bracket.
    read -r -a fields <<<"${line##*) }"
    [[ ${fields[0]} != Z ]] && printf '%s\n' "${fields[19]}"
}

# A process ID may have been reused: the start time tells. The folder's inode identifies a copy of this checkout,
# which must not take the original's servers for its own.
identity() { printf '%s %s %s\n' "$1" "$(start_time "$1")" "$(stat -c %i -- "$state")"; }

# Whether server $1 is running; its process ID is then in `pid`.
running() {
    local record
    { IFS= read -r record <"$state/run/$1"; } 2>/dev/null || return 1
    pid=${record%% *}
    start_time "$pid" >/dev/null && [[ $record == "$(identity "$pid")" ]]
}

# Starts server $1 in the background, detached from our session, input, output and lock. It records itself before it
# becomes the server, so that there is never a server without a record.
launch() {
    local name=$1
    shift
    rm -f -- "$state/run/$name"
    (
        identity "$BASHPID" >"$state/run/$name"
        exec </dev/null >>"$state/log/$name.log" 2>&1
        for fd in "/proc/$BASHPID/fd"/*; do
            fd=${fd##*/}
            ((fd <= 2)) || eval "exec $fd>&-"
        done
        cd /
        exec setsid "$@"
    ) &
    # Before that, `running` would say that it has ended.
    while [[ ! -s $state/run/$name ]] && kill -0 "$!" 2>/dev/null; do
        sleep 0.01
    done
}

# Waits until the command $3… succeeds for server $1; fails if the server ends, or after $2 seconds.
await() {
    local name=$1 deadline=$((SECONDS + $2))
    shift 2
    until "$@"; do
        running "$name" || die_with_log "$name" "$name ended while it started"
        ((SECONDS < deadline)) || die_with_log "$name" "$name did not answer in time"
        sleep 0.1
    done
}

# Ends server $1 with signal $2; kills it if it is still running after $3 seconds.
stop() {
    local name=$1 pid
    if running "$name"; then
        say "stopping $name"
        kill -s "$2" "$pid" || true
        if ! ends_within "$3" "$name"; then
            say "$name did not stop in $3 s: killing it"
            kill -s KILL "$pid" || true
            ends_within 5 "$name" || die "$name (process $pid) cannot be stopped"
        fi
    fi
    rm -f -- "$state/run/$name"
}

ends_within() {
    local deadline=$((SECONDS + $1))
    while running "$2"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}

# --- building

# What `test` adds to each build of a run: cargo unites the features of everything that one command builds, and
# recompiles every dependency for another union.
read -ra build_options <<<"${BUILD_OPTIONS:-}"

# --- what is not installed

may_install() { command -v apt-get >/dev/null && { ((EUID == 0)) || sudo -n true 2>/dev/null; }; }

# Installs the missing Debian packages $*, or says that they are needed.
install_packages() {
    local as_root=()
    may_install || die "please install what is missing: $* (on Debian or Ubuntu: sudo apt-get install $*)"
    ((EUID == 0)) || as_root=(sudo -n)
    say "installing what is missing: $*"
    "${as_root[@]}" "$local_dir/lib/install-debian" "$@" </dev/null >>"$state/log/install.log" 2>&1 9>&- ||
        die_with_log install "installing $* failed"
    hash -r
}
