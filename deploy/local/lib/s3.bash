# Sourced by `up`: the private S3 server (tests/kit/src/bin/local-s3.rs).
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by common.bash

# $1 is the built program. A copy of it runs, because a running file cannot be replaced by a build. A running server
# is left alone when the program has changed: tests may be using it.
start_s3() {
    ! running s3 || return 0
    choose_port s3_port
    # A bucket is a folder.
    mkdir -p -- "$state/s3/user-import"
    cp -- "$1" "$state/bin/local-s3.new"
    mv -- "$state/bin/local-s3.new" "$state/bin/local-s3"
    say "starting the S3 server on port ${settings[s3_port]}"
    launch s3 env -i PATH="$PATH" \
        LOCAL_S3_ACCESS_KEY="${settings[s3_access_key]}" LOCAL_S3_SECRET_KEY="${settings[s3_secret_key]}" \
        "$state/bin/local-s3" --root "$state/s3" --listen "127.0.0.1:${settings[s3_port]}"
}

# Whether the port answers in HTTP; what it answers does not matter here (without a signature, a refusal).
s3_is_ready() {
    (
        exec 3<>"/dev/tcp/127.0.0.1/${settings[s3_port]}"
        printf 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&3
        IFS= read -r -t 2 -N 5 protocol <&3
        [[ $protocol == HTTP/ ]]
    ) 2>/dev/null
}
