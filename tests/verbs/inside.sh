# Run by verbs_test.py inside scripts/soft-roce, by busybox' shell. Each step prints what it has to say between
# `@begin NAME` and `@end NAME STATUS`; whether that is right is decided outside.
weft=$1 conformance_fabric=$2 test_fabric=$3 test_nodes=$4 grains_suite=$5 fabric_target=$6 fabric_initiator=$7 spinning=$8
shift
model=$8

step() {  # NAME COMMAND…
  local name=$1
  shift
  echo "@begin $name"
  timeout 240 "$@" < /dev/null 2>&1
  echo "@end $name $?"
}
# A handshake may take longer than it may, on a machine this slow beside others: a session lost by that is made again.
weft_step() {  # NAME ARGUMENT…
  local name=$1 status=4 tries=0
  shift
  echo "@begin $name"
  while [ $status = 4 ] && [ $tries -lt 3 ]; do
    timeout 120 "$weft" "$@" < /dev/null 2>&1
    status=$?
    tries=$((tries + 1))
  done
  echo "@end $name $status"
}
as_user() {  # KIB COMMAND…: an ordinary user who may lock so much
  su user -c "ulimit -l $1; exec $2" < /dev/null
}
appears() {  # FILE, within ten seconds
  local tenths=0
  while [ ! -s "$1" ] && [ $tenths -lt 100 ]; do sleep 0.1; tenths=$((tenths + 1)); done
}
digest() {  # NAME BYTES FILE: of its last bytes, which are its tensors'
  echo "@begin $1"
  tail -c "$2" "$3" | sha256sum | cut -d ' ' -f 1
  echo "@end $1 $?"
}
total=$9 large=${10} strace=${11} ring=${12} grains=${13} spun=${14}

step conformance "$conformance_fabric" '*verbs*'
step classes "$test_fabric" '~*raw probe*' '~bytes go on*' '~no byte lands*' '~[reorder]'
echo "@begin memlock"
as_user unlimited "$test_fabric 'verbs: memory past*'"
echo "@end memlock $?"
step nodes "$test_nodes" 'into: a*,pages: a thousand*,serve: the tensors*,loan: its end*,push: a receipt*,grains:*'

step grains-in-c "$grains_suite" verbs

# The set-up programs of docs/fabric.md, a process each.
address=192.168.77.1
"$fabric_target" verbs $address > /tmp/example.target 2>&1 &
example=$!
appears /tmp/example.target
step example-initiator "$fabric_initiator" "$(head -n 1 /tmp/example.target)" $address
wait $example
step example-target tail -n +2 /tmp/example.target

weft_step info info --json
"$weft" serve "$model" --ticket-file /tmp/served > /tmp/serve.log 2>&1 &
appears /tmp/served
weft_step explain explain @/tmp/served large --json
weft_step get get @/tmp/served -o /tmp/got.safetensors --lane verbs --json
digest got "$total" /tmp/got.safetensors
weft_step get-auto get @/tmp/served -o /tmp/auto.safetensors --json
digest got-auto "$total" /tmp/auto.safetensors
"$weft" recv --lane verbs -o /tmp/inbox --ticket-file /tmp/receiving > /tmp/recv.log 2>&1 &
appears /tmp/receiving
weft_step push push "$model" @/tmp/receiving --lane verbs --json
appears /tmp/inbox/large.safetensors
digest pushed "$large" /tmp/inbox/large.safetensors
weft_step demo demo --size 8MiB --lanes verbs --json

# A ring of grains, and what both processes send over TCP meanwhile. Only those calls are stopped at.
tcp_sends() { # FILE COMMAND…
  if [ -z "$strace" ]; then shift; "$@"; else "$strace" -f --seccomp-bpf -yy -e trace=sendto,sendmsg -o "$@"; fi
}
tcp_sends /tmp/recv.sends "$weft" grains recv --lane verbs --grains $ring --size 4KiB -n $grains --json \
  --info-file /tmp/ring > /tmp/grains.log 2>&1 &
receiver=$!
appears /tmp/ring
echo "@begin grains-send"
tcp_sends /tmp/send.sends timeout 120 "$weft" grains send @/tmp/ring --lane verbs -n $grains --json < /dev/null 2>&1
echo "@end grains-send $?"
wait $receiver
step grains-received cat /tmp/grains.log
[ -z "$strace" ] || step grains-sends sh -c 'cat /tmp/recv.sends /tmp/send.sends | grep -c "<TCP.*= [1-9]"'

# Every system call of two processes whose loops spin, between their marks.
if [ -n "$strace" ]; then
  export WEFT_SPIN_US=1000000 WEFT_ASK_KERNEL_US=1000000
  "$strace" -f -ttt -y -o /tmp/spun.recv timeout 120 "$spinning" recv /tmp/spun.ring "$spun" > /tmp/spun.log 2>&1 &
  receiver=$!
  appears /tmp/spun.ring
  step spun-send "$strace" -f -ttt -y -o /tmp/spun.send "$spinning" send /tmp/spun.ring "$spun"
  unset WEFT_SPIN_US WEFT_ASK_KERNEL_US
  wait $receiver
  step spun-recv cat /tmp/spun.log
  # The loop's thread is the one that rings the device's doorbell, a call of Soft-RoCE's own: uverbs command 28.
  cat > /tmp/calls.awk << 'AWK'
/"@from"/ {measured = 1; from = $2; next}
/"@to"/ {measured = 0; to = $2}
!measured || /resumed>/ {next}
/write\(.*uverbs.*"\\34/ {loop[$1]; ++bells; next}
{call = $3; sub(/\(.*/, "", call); ++calls[$1 " " call]}
END {
  for (one in calls) {split(one, of); if (of[1] in loop) print "call", of[2], calls[one]}
  print "bells", bells
  print "seconds", to - from
}
AWK
  step spun-send-calls awk -f /tmp/calls.awk /tmp/spun.send
  step spun-recv-calls awk -f /tmp/calls.awk /tmp/spun.recv
fi

# Small pulls and pushes, over the stream and over a rail.
"$spinning" serve /tmp/exchanged 100 > /tmp/exchange.log 2>&1 &
server=$!
appears /tmp/exchanged
step exchange "$spinning" exchange /tmp/exchanged 100
wait $server
step exchange-served cat /tmp/exchange.log

# Limits of locked memory: of who pulls, and of who serves.
chmod a+r /tmp/served
echo "@begin poor-get"
as_user 256 "$weft get @/tmp/served -o /tmp/poor.safetensors --json"
echo "@end poor-get $?"
digest poor-got "$total" /tmp/poor.safetensors
echo "@begin poor-verbs"
as_user 256 "$weft get @/tmp/served -o /tmp/poor2.safetensors --lane verbs --json"
echo "@end poor-verbs $?"
as_user 128 "$weft serve $model --ticket-file /tmp/poor-served" > /tmp/poor.log 2>&1 &
appears /tmp/poor-served
weft_step poor-served get @/tmp/poor-served -o /tmp/from-poor.safetensors --json
digest from-poor "$total" /tmp/from-poor.safetensors
weft_step poor-served-verbs get @/tmp/poor-served -o /tmp/from-poor2.safetensors --lane verbs --json
step logs cat /tmp/serve.log /tmp/recv.log /tmp/poor.log
