# --- The workflow.
DAG_ID = "SIGNALBOX_DAG_ID"
DOCUMENT = load_json(r'''
{
"name": "constructs",
"defaults": {"words":["a","b"]},
"timeoutMs": 3600000,
"maxParallel": 3,
"end": "signalbox__end",
"tasks": {
  "first": {"id":"first","needs":[],"reads":[],"trigger":"all-succeeded","argv":[["value","sh"],["value","-c"],["value","echo \"$1\""],["value","sh"],["param","words"],["text",[["value","in text: "],["param","limit"]]]],"arguments":[["param","words"],["text",[["value","in text: "],["param","limit"]]]],"env":{"ALL":["value","of them"]},"outputs":{"n":{"type":"integer","default":3}},"retry":{"max":2,"delayMs":1000,"backoff":3,"maxDelayMs":10000,"on":["failure","timeout"],"exitCodes":[2,4]},"allowFailure":false,"timeoutMs":90000},
  "each.word": {"id":"each.word","needs":["first"],"reads":[],"trigger":"all-succeeded","foreach":{"items":["param","words"],"maxParallel":2},"items":"each.word__items","collect":"each.word__collect","argv":[["value","/bin/sh"],["value","-c"],["value","echo \"$SIGNALBOX_ITEM\""]],"arguments":[],"env":{"ALL":["value","of them"]},"outputs":{"word":{"type":"string"}},"retry":{"max":0,"delayMs":0,"backoff":1,"on":["failure","timeout","infra"]},"allowFailure":false,"skipExitCode":10},
  "after": {"id":"after","needs":["each.word","first"],"reads":["each.word","first"],"trigger":"any-failed","when":["&&",["&&",[">",[".",[".",[".",["id","tasks"],"first"],"outputs"],"n"],[".",["id","params"],"limit"]],["==",[".",["[]",["id","tasks"],["value","each.word"]],"state"],["value","FAILED"]]],["call","matches",[["value","a1"],["pattern",{"source":"^[a-c]\\d","start":1,"steps":[["stop"],["look",["begin-text"],2],["read",[[97,99]],3],["read",[[48,57]],4],["match"]]}]]]],"argv":[["value","/bin/sh"],["value","-c"],["value","echo \"$SEEN\""]],"arguments":[],"env":{"ALL":["value","of them"],"SEEN":["output","each.word","word"]},"outputs":{},"retry":{"max":0,"delayMs":0,"backoff":1,"on":["failure","timeout","infra"]},"allowFailure":true}
},
"outputs": ["object",[["n",["output","first","n"]]]],
"reads": ["first"]
}
''')
# A file that was not registered by Signalbox: the placeholder stands as it was compiled.
if DAG_ID.startswith("SIGNALBOX_"):
    DAG_ID = DOCUMENT["name"]
dag = build_dag(DAG_ID, DOCUMENT)
