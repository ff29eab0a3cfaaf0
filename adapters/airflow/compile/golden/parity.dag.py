# --- The workflow.
DAG_ID = "SIGNALBOX_DAG_ID"
DOCUMENT = load_json(r'''
{
"name": "parity",
"defaults": {"count":3,"greeting":"it\u0027s \"$(id)\" {{ ds }} ${HOME} \u00e9","limit":100},
"timeoutMs": 600000,
"end": "signalbox__end",
"tasks": {
  "plan": {"id":"plan","needs":[],"reads":[],"trigger":"all-succeeded","argv":[["value","/bin/sh"],["value","-c"],["value","numbers=\"\"\nn=1\nwhile [ \"$n\" -le \"$COUNT\" ]; do\n  numbers=\"$numbers${numbers:+,}$n\"\n  n=$((n + 1))\ndone\nprintf \u0027[%s]\u0027 \"$numbers\" > \"$SIGNALBOX_DIR/outputs/numbers\"\necho \"$COUNT numbers\"\n"]],"arguments":[],"env":{"COUNT":["param","count"]},"outputs":{"numbers":{"type":"array","items":{"type":"integer"}}},"retry":{"max":0,"delayMs":0,"backoff":1,"on":["failure","timeout","infra"]},"allowFailure":false,"timeoutMs":120000},
  "square": {"id":"square","needs":["plan"],"reads":["plan"],"trigger":"all-succeeded","foreach":{"items":["output","plan","numbers"],"maxParallel":2},"items":"square__items","collect":"square__collect","argv":[["value","/bin/sh"],["value","-c"],["value","printf \u0027%s\u0027 $((N * N)) > \"$SIGNALBOX_DIR/outputs/squared\"\necho \"the square of $N\"\n"]],"arguments":[],"env":{"N":["item"]},"outputs":{"squared":{"type":"integer"}},"retry":{"max":0,"delayMs":0,"backoff":1,"on":["failure","timeout","infra"]},"allowFailure":false,"timeoutMs":120000},
  "weigh": {"id":"weigh","needs":["plan"],"reads":[],"trigger":"all-succeeded","argv":[["value","/bin/sh"],["value","-c"],["value","echo \"attempt $SIGNALBOX_ATTEMPT of $SIGNALBOX_TASK\"\n[ \"$SIGNALBOX_ATTEMPT\" -ge 2 ] || exit 3\nprintf \u0027%s\u0027 \"$GREETING\" | wc -c > \"$SIGNALBOX_DIR/outputs/bytes\"\nprintf \u0027\"%s\"\u0027 \"$(printf \u0027%s\u0027 \"$GREETING\" | od -An -v -tx1 | tr -d \u0027 \\n\u0027)\" > \"$SIGNALBOX_DIR/outputs/hex\"\n"]],"arguments":[],"env":{"GREETING":["param","greeting"]},"outputs":{"bytes":{"type":"integer"},"hex":{"type":"string"}},"retry":{"max":2,"delayMs":1000,"backoff":1,"on":["failure","timeout","infra"],"exitCodes":[3]},"allowFailure":false,"timeoutMs":120000},
  "total": {"id":"total","needs":["square","weigh"],"reads":["square","weigh"],"trigger":"all-succeeded","argv":[["value","/bin/sh"],["value","-c"],["value","total=0\nfor n in $(printf \u0027%s\u0027 \"$SQUARES\" | tr \u0027[],\u0027 \u0027   \u0027); do total=$((total + n)); done\nprintf \u0027%s\u0027 \"$total\" > \"$SIGNALBOX_DIR/outputs/total\"\nprintf \u0027\"%s squares, a greeting of %s bytes\"\u0027 \"$total\" \"$BYTES\" > \"$SIGNALBOX_DIR/outputs/words\"\n"]],"arguments":[],"env":{"SQUARES":["output","square","squared"],"BYTES":["output","weigh","bytes"]},"outputs":{"total":{"type":"integer"},"words":{"type":"string"}},"retry":{"max":0,"delayMs":0,"backoff":1,"on":["failure","timeout","infra"]},"allowFailure":false,"timeoutMs":120000},
  "alarm": {"id":"alarm","needs":["total"],"reads":["total"],"trigger":"all-succeeded","when":[">=",[".",[".",[".",["id","tasks"],"total"],"outputs"],"total"],[".",["id","params"],"limit"]],"argv":[["value","/bin/sh"],["value","-c"],["value","echo \"the sum is above the limit\""]],"arguments":[],"env":{},"outputs":{},"retry":{"max":0,"delayMs":0,"backoff":1,"on":["failure","timeout","infra"]},"allowFailure":false,"timeoutMs":120000},
  "report": {"id":"report","needs":["alarm","total"],"reads":["total"],"trigger":"all-done","argv":[["value","echo"],["output","total","words"],["param","greeting"],["text",[["value","alarm "],["state","alarm"]]]],"arguments":[["output","total","words"],["param","greeting"],["text",[["value","alarm "],["state","alarm"]]]],"env":{},"outputs":{},"retry":{"max":0,"delayMs":0,"backoff":1,"on":["failure","timeout","infra"]},"allowFailure":false,"timeoutMs":120000}
},
"outputs": ["object",[["total",["output","total","total"]],["squares",["output","square","squared"]],["greeting",["outputs","weigh"]],["alarm",["state","alarm"]]]],
"reads": ["square","total","weigh"]
}
''')
# A file that was not registered by Signalbox: the placeholder stands as it was compiled.
if DAG_ID.startswith("SIGNALBOX_"):
    DAG_ID = DOCUMENT["name"]
dag = build_dag(DAG_ID, DOCUMENT)
