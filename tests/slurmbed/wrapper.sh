#!/bin/sh
# Stands in for one of Slurm's commands: notes the call, does the fault that is ordered, if any, and runs the
# real program. Orders lie in faults/NAME/: mode, seconds, code, stderr; with a directory "times" in it the
# order counts only while a file is left there, and removing one is how a call takes its turn (atomic).
name=${0##*/}
home=${0%/*}
real=$(cat "$home/real/$name")
printf '%s\0' "$(date +%s.%N)" "$name" "$#" "$@" >>"$home/calls"

order=$home/faults/$name
mode=none
if [ -e "$order/mode" ]; then
    mode=$(cat "$order/mode")
    if [ -d "$order/times" ]; then
        turn=
        for token in "$order"/times/*; do
            if rm "$token" 2>/dev/null; then turn=1; break; fi
        done
        [ -n "$turn" ] || mode=none
    fi
    [ -e "$order/mode" ] || mode=none  # it was taken back while it was read
fi

fail() {
    cat "$order/stderr" >&2
    exit "$(cat "$order/code")"
}

# Nobody may be left to kill this command, as a caller that has crashed cannot: it ends with its bed.
hang() {
    while [ -e "$home/calls" ]; do sleep 0.5; done
    exit 1
}

case $mode in
    fail) fail ;;
    slow) sleep "$(cat "$order/seconds")" ;;
    hang) hang ;;
    fail_after) "$real" "$@" >>"$home/swallowed" 2>&1; fail ;;
    hang_after) "$real" "$@" >>"$home/swallowed" 2>&1; hang ;;
esac
exec "$real" "$@"
