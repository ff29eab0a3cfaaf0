/**
 * What a pod executes: one attempt of a task, by the contract of docs/definition.md. A constant text of POSIX shell: nothing of
 * a definition or a run is in it, all of that comes as arguments, in base64. It writes nothing to the log of the task; why an
 * attempt failed other than by its exit code stands in the last words of the container, which Argo shows as its message.
 */
import { ENDING, INDEX } from './argo-names.js';
import { TIMED_OUT } from './retry-strategy.js';

/** An empty volume of the pod. */
export const FOLDER = '/signalbox';
/** Where Argo takes output parameters from: base64 of what the task wrote. */
export const HANDED_OVER = 'handed-over';
/** What is written there becomes the message of the container. */
const LAST_WORDS = '/dev/termination-log';

/** Between TERM and KILL, when an attempt took too long or the pod is stopped: Argo 3.7.4 itself may never send KILL after a stop. */
const GRACE_SECONDS = 10;
const OUTPUT_LIMIT_BYTES = 32_768;
const MAX_DEPTH = 64;

/**
 * Says what type of JSON its input holds; ends with 1 when it is none, with 2 when a number in it is beyond all numbers, with 3
 * when it is nested too deep. It goes by lines: no token of JSON goes over one.
 */
const JSON_TYPE = String.raw`
function bad(code) { failed = code; exit code }
function value(kind) {
  if (want != "value" && want != "value or ]") bad(1)
  if (depth == 0) type = kind
  want = depth == 0 ? "end" : "more"
}
BEGIN { want = "value"; depth = 0; failed = 0 }
{
  s = $0
  while (length(s) > 0) {
    if (match(s, /^[ \t\r]+/)) { s = substr(s, RLENGTH + 1); continue }
    c = substr(s, 1, 1)
    if (c == "\"") {
      if (!match(s, /^"([^"\\\001-\037]|\\["\\\/bfnrt]|\\u[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F])*"/)) bad(1)
      if (want == "key" || want == "key or }") want = "colon"
      else value("string")
    } else if (match(s, /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/)) {
      n = substr(s, 1, RLENGTH) + 0
      if (n > 1.7976931348623157e308 || n < -1.7976931348623157e308) bad(2)
      value(n % 1 == 0 ? "integer" : "number")
    } else if (match(s, /^(true|false)/)) value("boolean")
    else if (match(s, /^null/)) value("null")
    else {
      RLENGTH = 1
      if (c == "[" || c == "{") {
        value(c == "[" ? "array" : "object")
        if (depth == ${MAX_DEPTH}) bad(3)
        open[++depth] = c
        want = c == "[" ? "value or ]" : "key or }"
      } else if (c == "]" && open[depth] == "[" && depth > 0 && (want == "more" || want == "value or ]")) {
        depth--; want = depth == 0 ? "end" : "more"
      } else if (c == "}" && open[depth] == "{" && depth > 0 && (want == "more" || want == "key or }")) {
        depth--; want = depth == 0 ? "end" : "more"
      } else if (c == "," && want == "more") want = open[depth] == "[" ? "value" : "key"
      else if (c == ":" && want == "colon") want = "value"
      else bad(1)
    }
    s = substr(s, RLENGTH + 1)
  }
}
END { if (failed) exit failed; if (want != "end") exit 1; print type }
`;

/**
 * A `wait` during which the pod was stopped is done again: it may have been interrupted, and what it gave is then not the exit
 * code of the command. When it was not, the next one finds nothing to wait for, gives 127, and the code before it holds.
 *
 * Arguments: 1 retries of this round, 2 attempts of earlier rounds, 3 position of the item, 4 and 5 the manifest before and after
 * the number of the attempt, 6 seconds an attempt may take, 7 exit code that skips, 8 number of outputs, 9 number of variables;
 * then NAME TYPE DEFAULT of each output, NAME VALUE of each variable, and the words of the command. The manifest, defaults,
 * values and words are base64; what there is none of is empty.
 */
export function runnerScript(folder = FOLDER, lastWords = LAST_WORDS): string {
  return `set -f
umask 022
unset ARGO_CONTAINER_NAME ARGO_TEMPLATE ARGO_NODE_ID ARGO_INCLUDE_SCRIPT_OUTPUT ARGO_DEADLINE
unset ARGO_PROGRESS_FILE ARGO_PROGRESS_PATCH_TICK_DURATION ARGO_PROGRESS_FILE_TICK_DURATION
end() {
  { printf 'signalbox %s: %s' "$2" "$3" >${lastWords}; } 2>/dev/null
  exit "$1"
}
one_line() { base64 | tr -d '\\n'; }
decode() {
  { decoded=$(printf %s "$1" | base64 -d && printf x); } 2>/dev/null || end 125 not-started 'A value did not arrive in base64.'
  decoded=\${decoded%x}
  test "$(printf %s "$decoded" | one_line)" = "$1" || end 125 command-refused 'A value holds the character NUL.'
}
for tool in base64 tr env wc mkdir; do
  command -v "$tool" >/dev/null || end 125 command-refused "The image has no $tool."
done
test "$8" -eq 0 || command -v awk >/dev/null || end 125 command-refused 'The image has no awk.'
attempt=$(($1 + $2 + 1)) position=$3 timeout=$6 skip=$7 outputs=$8 variables=$9
mkdir -p ${folder}/task/inputs ${folder}/task/outputs ${folder}/task/artifacts ${folder}/${HANDED_OVER} ||
  end 125 not-started 'The folder of the attempt could not be made.'
decode "$4"; manifest=$decoded
decode "$5"
printf '%s%s%s' "$manifest" "$attempt" "$decoded" >${folder}/task/manifest.json
test -z "$position" || printf %s "$position" >${folder}/${HANDED_OVER}/${INDEX}
shift 9
declared=
while test "$outputs" -gt 0; do
  declared="$declared $1 $2 $3"
  shift 3
  outputs=$((outputs - 1))
done
words=$(($# - 2 * variables))
while test "$variables" -gt 0; do
  decode "$2"
  set -- "$@" "$1=$decoded"
  shift 2
  variables=$((variables - 1))
done
set -- "$@" SIGNALBOX_DIR=${folder}/task "SIGNALBOX_ATTEMPT=$attempt" /bin/sh -c 'exec "$@"' signalbox
while test "$words" -gt 0; do
  decode "$1"
  set -- "$@" "$decoded"
  shift
  words=$((words - 1))
done
pid= killer=
stop() {
  stopped=yes
  kill -TERM "$pid" 2>/dev/null
  (
    trap - TERM
    sleep ${GRACE_SECONDS}
    kill -KILL "$pid"
  ) </dev/null >/dev/null 2>&1 &
  killer=$!
}
trap 'test -z "$pid" || stop' TERM
env "$@" </dev/null &
pid=$!
if test -n "$timeout"; then
  (
    trap - TERM
    sleep "$timeout"
    : >${folder}/timed-out
    kill -TERM "$pid"
    sleep ${GRACE_SECONDS}
    kill -KILL "$pid"
  ) </dev/null >/dev/null 2>&1 &
  clock=$!
fi
code=
while :; do
  stopped=
  wait "$pid" 2>/dev/null
  ended=$?
  test "$ended" -eq 127 && test -n "$code" || code=$ended
  test -n "$stopped" || break
done
test -z "$timeout" || kill "$clock" 2>/dev/null
test -z "$killer" || kill "$killer" 2>/dev/null
test ! -e ${folder}/timed-out || end 124 ${TIMED_OUT} "The attempt took longer than $timeout s."
if test -n "$skip" && test "$code" -eq "$skip"; then
  printf 'SKIPPED %s' "$code" >${folder}/${HANDED_OVER}/${ENDING}
  exit 0
fi
test "$code" -eq 0 || exit "$code"
cd ${folder}/task/outputs || end 125 output-missing 'The folder of the outputs is gone.'
json_type='${JSON_TYPE.replaceAll("'", "'\\''")}'
total=0
set -- $declared
while test $# -gt 0; do
  if test -f "$1" && test ! -L "$1"; then
    total=$((total + $(wc -c <"$1")))
  fi
  shift 3
done
test "$total" -le ${OUTPUT_LIMIT_BYTES} ||
  end 125 output-too-large "The outputs hold $total bytes; together they may hold ${OUTPUT_LIMIT_BYTES}."
set -- $declared
while test $# -gt 0; do
  if test ! -f "$1" || test -L "$1"; then
    test "$3" != - || end 125 output-missing "The task did not write \\$SIGNALBOX_DIR/outputs/$1."
    printf %s "$3" >"${folder}/${HANDED_OVER}/$1"
  else
    found=$(tr '\\000' '\\001' <"$1" | LC_ALL=C awk "$json_type")
    case $? in
      0) ;;
      2) end 125 output-invalid "Output \\"$1\\" holds a number that is beyond all numbers." ;;
      3) end 125 output-invalid "Output \\"$1\\" is nested deeper than ${MAX_DEPTH} levels." ;;
      *) end 125 output-invalid "Output \\"$1\\" is not JSON; a text stands in double quotes." ;;
    esac
    case "$2 $found" in
      'any '* | 'number integer') ;;
      *) test "$2" = "$found" || end 125 output-type "Output \\"$1\\" is declared as $2 and holds $found." ;;
    esac
    one_line <"$1" >"${folder}/${HANDED_OVER}/$1"
  fi
  shift 3
done
printf COMPLETED >${folder}/${HANDED_OVER}/${ENDING}
exit 0
`;
}
