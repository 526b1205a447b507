# Sourced by `up`: the private RabbitMQ, with its own epmd (the port mapper of Erlang's nodes), so that it does not
# meet any other RabbitMQ or Erlang program on the machine.
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by common.bash

# Sets `rabbitmq_server` to the script of the newest RabbitMQ that is installed.
find_rabbitmq() {
    local script
    rabbitmq_server=
    # Not the packages' /usr/sbin/rabbitmq-server: that one changes to the system's user and folders.
    for script in $(printf '%s\n' /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server | sort -V); do
        [[ ! -x $script ]] || rabbitmq_server=$script
    done
    [[ -n $rabbitmq_server ]] && command -v erl >/dev/null && command -v epmd >/dev/null
}

start_rabbitmq() {
    if ! running epmd; then
        choose_port epmd_port
        launch epmd env -i PATH="$PATH" epmd -address 127.0.0.1 -port "${settings[epmd_port]}"
    fi
    ! running rabbitmq || return 0
    choose_port amqp_port
    choose_port amqp_api_port
    choose_port erlang_port
    write_rabbitmq_config
    say "starting RabbitMQ on port ${settings[amqp_port]}"
    launch_rabbitmq
}

# Users, permissions and policies, read at each start: `rabbitmqctl` would take seconds for each of them. The broker
# grants the same as in production, from the same file, except that tests put `t<hex>.` before all names.
write_rabbitmq_config() {
    local folder=$state/rabbitmq
    mkdir -p -- "$folder"/{conf.d,data,definitions,home}
    cat >"$folder/definitions/1-users.json" <<JSON
{
  "users": [
    {"name": "owner", "password": "${settings[amqp_owner_password]}", "tags": ["administrator"]},
    {"name": "user-import", "password": "${settings[amqp_worker_password]}", "tags": []},
    {"name": "dialer", "password": "${settings[amqp_dialer_password]}", "tags": []},
    {"name": "monitor", "password": "${settings[amqp_monitor_password]}", "tags": ["monitoring"]}
  ]
}
JSON
    sed -E 's/"\^([^$])/"^(t[0-9a-f]+\\\\.)?\1/' "$checkout/deploy/rabbitmq/definitions.json" \
        >"$folder/definitions/2-definitions.json"
    cat >"$folder/definitions/3-owner.json" <<'JSON'
{
  "permissions": [
    {"user": "owner", "vhost": "user-import", "configure": ".*", "write": ".*", "read": ".*"},
    {"user": "monitor", "vhost": "user-import", "configure": "^$", "write": "^$", "read": "^$"}
  ]
}
JSON
    # For a developer's machine: the write-ahead log of the quorum queues takes up to three times its size (by
    # default 512 MB) in memory and on disk; a thousand queues need a quarter of a gigabyte (the limit is by default 40 %
    # of the memory); and the broker stops taking messages only when the disk is all but full.
    cat >"$folder/rabbitmq.conf" <<CONF
loopback_users = none
load_definitions = $folder/definitions
raft.wal_max_size_bytes = 67108864
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.absolute = 3GB
log.connection.level = warning
management.tcp.ip = 127.0.0.1
management.tcp.port = ${settings[amqp_api_port]}
management.rates_mode = none
CONF
    # `doctor` asks it for what AMQP does not report.
    printf '[rabbitmq_management].\n' >"$folder/enabled_plugins"
    printf '[].\n' >"$folder/advanced.config"
    : >"$folder/env.conf"
    if [[ ! -e $folder/home/.erlang.cookie ]]; then
        random_hex 20 >"$folder/home/.erlang.cookie"
        chmod 0400 "$folder/home/.erlang.cookie"
    fi
}

# Every path is set, so that nothing from /etc/rabbitmq or the caller's environment gets in. The node's name must not
# change as long as its data exist, and `localhost` needs no name service. RUNNING_UNDER_SYSTEMD makes the script
# become the broker instead of waiting for it: the process ID that we record is then the broker's.
launch_rabbitmq() {
    local folder=$state/rabbitmq
    raise_open_files
    launch rabbitmq env -i PATH="$PATH" HOME="$folder/home" LANG=C.UTF-8 RUNNING_UNDER_SYSTEMD=true \
        ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="${settings[epmd_port]}" \
        RABBITMQ_NODENAME="user-import-${settings[instance]}@localhost" \
        RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="${settings[amqp_port]}" \
        RABBITMQ_DIST_PORT="${settings[erlang_port]}" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}' \
        RABBITMQ_CONF_ENV_FILE="$folder/env.conf" \
        RABBITMQ_CONFIG_FILE="$folder/rabbitmq.conf" RABBITMQ_CONFIG_FILES="$folder/conf.d" \
        RABBITMQ_ADVANCED_CONFIG_FILE="$folder/advanced.config" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$folder/enabled_plugins" \
        RABBITMQ_MNESIA_BASE="$folder/data" RABBITMQ_PID_FILE="$folder/pid" \
        ERL_CRASH_DUMP="$state/log/rabbitmq.dump" RABBITMQ_LOG_BASE="$state/log" \
        RABBITMQ_LOGS="$state/log/rabbitmq.log" \
        "$rabbitmq_server"
}

# A connection is an open file, and a busy quorum queue needs some too: the usual 1024 are soon used up. Not more than
# 65536, because Erlang sets memory aside for each.
raise_open_files() {
    local most
    most=$(ulimit -Hn)
    [[ $most != unlimited ]] && ((most < 65536)) || most=65536
    ulimit -Sn "$most"
}

# Whether the port answers like a broker: to the header of AMQP 0-9-1 with a method frame (its first byte is 1).
rabbitmq_is_ready() {
    (
        exec 3<>"/dev/tcp/127.0.0.1/${settings[amqp_port]}"
        printf 'AMQP\0\0\x09\x01' >&3
        IFS= read -r -t 2 -N 1 frame_type <&3
        [[ $frame_type == $'\x01' ]]
    ) 2>/dev/null
}
