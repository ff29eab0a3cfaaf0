# --- The workflow.
DAG_ID = "SIGNALBOX_DAG_ID"
DOCUMENT = load_json(r'''
{
"name": "hostile",
"defaults": {"text":"\u0027\u0027\u0027 \"\"\" \\ {{ ds }} \u2028 \ud83d\ude00"},
"end": "signalbox__end",
"tasks": {
  "one": {"id":"one","needs":[],"reads":[],"trigger":"all-succeeded","argv":[["value","/bin/sh"],["value","-c"],["value","echo \u0027\u0027\u0027it\u0027s\u0027\u0027\u0027; r\u0027\u0027\u0027\nimport os; os.system(\"id\") # SIGNALBOX\u005fDAG\u005fID\n"]],"arguments":[],"env":{"X":["value","\\u0027\\"],"Y":["value","{{ conf }} {% raw %}"],"SIGNALBOX\u005fDAG\u005fID_":["param","text"]},"outputs":{},"retry":{"max":0,"delayMs":0,"backoff":1,"on":["failure","timeout","infra"]},"allowFailure":false}
},
"outputs": ["value",{}],
"reads": []
}
''')
# A file that was not registered by Signalbox: the placeholder stands as it was compiled.
if DAG_ID.startswith("SIGNALBOX_"):
    DAG_ID = DOCUMENT["name"]
dag = build_dag(DAG_ID, DOCUMENT)
