

# --- The DAG. A task of the definition is one task of Airflow; one with `foreach` is three: NAME__items decides and
# counts, NAME is mapped over the items, NAME__collect stands for the whole. signalbox__end decides how the run ends.
import uuid
from datetime import datetime, timedelta, timezone

try:  # Airflow 3
    from airflow.sdk import DAG, BaseOperator
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.models.baseoperator import BaseOperator
try:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
except ImportError:
    from airflow.exceptions import AirflowException, AirflowFailException, AirflowSkipException

RESULT = "signalbox.result"
COLLECTED_LIMIT_BYTES = 1024 * 1024
MAX_ITEMS = 10000
MAX_DELAY_MS = 2147483647
STATES_AT_ONCE = 50
OWN_RETRIES = 2
OWN_RETRY_DELAY = timedelta(seconds=5)

STATES = {
    "success": "COMPLETED",
    "failed": "FAILED",
    "skipped": "SKIPPED",
    "upstream_failed": "SKIPPED",
    "removed": "SKIPPED",
}


class Run:
    """The run that a task belongs to: what it was started with, and what its other tasks came to."""

    def __init__(self, context, document):
        self.instance = context["ti"]
        self.dag_run = context["dag_run"]
        self.document = document
        conf = dict(self.dag_run.conf or {})
        ours = conf.pop("__signalbox", None)
        ours = ours if isinstance(ours, dict) else {}
        if isinstance(ours.get("parameters"), str):
            # As a text: the database of Airflow neither keeps the order of keys nor every number.
            self.params = load_json(ours["parameters"])
        else:
            # Started by hand in Airflow.
            self.params = dict(document["defaults"])
            self.params.update(load_json(json.dumps(conf)))
        self.id = str(ours.get("workflow_run_id") or self.instance.run_id)
        self.traceparent = ours.get("traceparent")

    def scope(self, task):
        needs = task["needs"]
        # Nobody starts with `all-succeeded` unless all have.
        known = task["trigger"] == "all-succeeded"
        states = {need: "COMPLETED" for need in needs} if known else self.states(needs)
        return self.scope_of(states, task["reads"])

    def scope_of(self, states, reads):
        tasks = {}
        for name, state in states.items():
            result = self.result(place_of(self.document, name)) if name in reads else {}
            # A result of an earlier attempt may be left of a task that was stopped before it began again.
            outputs = result.get("outputs") or {}
            tasks[name] = {"state": state, "outputs": outputs if result.get("state") == state else {}}
        return {"params": self.params, "tasks": tasks, "run": {"id": self.id}}

    def states(self, names):
        """Of tasks of the definition, in our words."""
        by_place = {place_of(self.document, name): name for name in names}
        found = self.words(list(by_place))
        return {name: STATES.get(found.get((place, -1)), "PENDING") for place, name in by_place.items()}

    def words(self, task_ids):
        """Airflow's word for each instance, by its id and index."""
        found = {}
        if hasattr(self.instance, "get_task_states"):
            for at in range(0, len(task_ids), STATES_AT_ONCE):
                part = task_ids[at : at + STATES_AT_ONCE]
                told = self.instance.get_task_states(
                    dag_id=self.instance.dag_id, run_ids=[self.instance.run_id], task_ids=part
                )
                for name, word in told.get(self.instance.run_id, {}).items():
                    # `id` or `id_index`; no id of ours that is mapped ends so.
                    base, _, index = name.rpartition("_")
                    exact = name in part
                    key = (name, -1) if exact else (base, int(index))
                    found[key] = str(getattr(word, "value", word))
        else:
            for one in self.dag_run.get_task_instances():
                if one.task_id in task_ids:
                    found[(one.task_id, one.map_index)] = str(getattr(one.state, "value", one.state))
        return found

    def result(self, task_id, index=-1):
        text = self.instance.xcom_pull(task_ids=task_id, key=RESULT, map_indexes=index)
        return load_json(text) if isinstance(text, str) else {}

    def item_results(self, task_id, states):
        """Of all items, by index; read at once where Airflow can."""
        told = self.instance.xcom_pull(task_ids=task_id, key=RESULT)
        texts = [told] if isinstance(told, str) else list(told or [])
        results = [load_json(text) for text in texts if isinstance(text, str)]
        found = {int(result["index"]): result for result in results}
        for index, state in states.items():
            if state == "COMPLETED" and index not in found:
                found[index] = self.result(task_id, index)
        return found

    def push(self, result):
        self.instance.xcom_push(key=RESULT, value=json.dumps(result))


def place_of(document, name):
    """The task of Airflow that stands for a whole task of ours."""
    return document["tasks"][name].get("collect") or name


def trigger_reason(trigger, states):
    """Why a task does not start, once all its needs are final; None = it starts."""
    completed = sum(state == "COMPLETED" for state in states)
    failed = any(state in ("FAILED", "CANCELLED") for state in states)
    not_completed = "upstream-failed" if failed else "upstream-skipped"
    if trigger == "all-succeeded":
        return None if completed == len(states) else not_completed
    if trigger == "any-succeeded":
        return None if completed > 0 else not_completed
    if trigger == "any-failed":
        return None if failed else "no-upstream-failed"
    return None


def skip_reason(task, scope):
    """What the trigger and then the condition say: a reason to skip the task, or None. Raises Failed."""
    reason = trigger_reason(task["trigger"], [one["state"] for one in scope["tasks"].values()])
    if reason is None and task.get("when") is not None:
        try:
            reason = None if holds_true(task["when"], scope) else "condition-false"
        except NoAnswer as error:
            raise by_user("when-failed", str(error)) from error
    return reason


def delay_ms(policy, attempts):
    grown = policy["delayMs"] * policy["backoff"] ** max(0, attempts - 1) if policy["delayMs"] else 0
    return min(grown, policy.get("maxDelayMs", MAX_DELAY_MS), MAX_DELAY_MS)


def may_retry(policy, failed):
    if failed.cause not in policy["on"]:
        return False
    codes = policy.get("exitCodes")
    return failed.cause != "failure" or codes is None or failed.details.get("exitCode") in codes


class SignalboxOperator(BaseOperator):
    # Nothing is rendered: what looks like a template arrives as it is.
    template_fields = ()

    def __init__(self, index=None, **kwargs):
        super().__init__(**kwargs)
        self.index = index

    def execute(self, context):
        run = Run(context, DOCUMENT)
        try:
            result = self.work(run)
        except Failed as failed:
            self.fail(run, failed)
        run.push(result)
        if result["state"] == "SKIPPED":
            raise AirflowSkipException(result["reason"])
        return result.get("indexes")

    def fail(self, run, failed):
        result = dict(failed.details, state="FAILED", failure=failed.failure)
        if run.instance.map_index >= 0:
            result["index"] = run.instance.map_index
        run.push(result)
        raise AirflowFailException(str(failed)) from None


class SignalboxTask(SignalboxOperator):
    """A task of the definition, or one item of it."""

    def work(self, run):
        task = run.document["tasks"][self.task_id]
        scope = run.scope(task)
        index = run.instance.map_index
        place = {}
        if task.get("foreach") is None:
            reason = skip_reason(task, scope)
            if reason is not None:
                return {"state": "SKIPPED", "reason": reason}
        else:
            place = {"index": index}
            scope["item"] = load_json(self.items(run, task))[index]
        self.wait_longer(task["retry"], run.instance)
        identity = {
            "attempt": run.instance.try_number,
            "index": index,
            "traceparent": run.traceparent,
            "marker": str(uuid.uuid4()),
        }
        self.attempt = Attempt()
        return dict(run_task(self.attempt, task, scope, identity), **place)

    def items(self, run, task):
        return run.instance.xcom_pull(task_ids=task["items"], key="signalbox.items", map_indexes=-1)

    def wait_longer(self, policy, instance):
        """Airflow has waited as long as after a first attempt; what a later one waits beyond that is waited here."""
        attempts = self.attempts_of(instance) - 1
        if attempts > 1:
            time.sleep((delay_ms(policy, attempts) - delay_ms(policy, 1)) / 1000)

    def attempts_of(self, instance):
        """In this budget: a retry of the run begins another one."""
        earlier = max(0, (instance.max_tries or 0) - (self.retries or 0))
        return max(1, instance.try_number - earlier)

    def fail(self, run, failed):
        policy = run.document["tasks"][self.task_id]["retry"]
        again = may_retry(policy, failed) and self.attempts_of(run.instance) <= policy["max"]
        try:
            super().fail(run, failed)
        except AirflowFailException:
            if not again:
                raise
            raise AirflowException(str(failed)) from None

    def on_kill(self):
        attempt = getattr(self, "attempt", None)
        if attempt is not None:
            attempt.stop()


class SignalboxItems(SignalboxOperator):
    """Decides whether a fan-out starts, and what its items are."""

    def work(self, run):
        task = next(task for task in run.document["tasks"].values() if task.get("items") == self.task_id)
        scope = run.scope(task)
        reason = skip_reason(task, scope)
        if reason is not None:
            return {"state": "SKIPPED", "reason": reason}
        items = resolve(task["foreach"]["items"], scope)
        if not isinstance(items, list):
            raise by_user("foreach-not-a-list", "The items of foreach are not a list.")
        limit = min(MAX_ITEMS, self.map_limit())
        if len(items) > limit:
            message = "foreach has %d items; there may be %d." % (len(items), limit)
            raise by_user("foreach-too-large", message)
        run.instance.xcom_push(key="signalbox.items", value=json.dumps(items))
        return {"state": "COMPLETED", "count": len(items), "indexes": list(range(len(items)))}

    @staticmethod
    def map_limit():
        from airflow.configuration import conf

        return conf.getint("core", "max_map_length", fallback=1024)


class SignalboxCollect(SignalboxOperator):
    """Stands for a fan-out as a whole: its state, and its outputs as lists in the order of the items."""

    def work(self, run):
        task = next(task for task in run.document["tasks"].values() if task.get("collect") == self.task_id)
        word = run.words([task["items"]]).get((task["items"], -1))
        begun = run.result(task["items"])
        if word != "success":
            if STATES.get(word) == "SKIPPED":
                return {"state": "SKIPPED", "reason": begun.get("reason", "upstream-skipped")}
            failure = begun.get("failure") or lost(task["id"])
            raise Failed(failure["class"], failure["code"], failure["message"], "failure")
        count = int(begun["count"])
        words = run.words([task["id"]]) if count else {}
        states = {index: STATES.get(words.get((task["id"], index)), "FAILED") for index in range(count)}
        return self.conclude(task, states, run.item_results(task["id"], states) if count else {})

    def conclude(self, task, states, found):
        items = [dict(found.get(index, {}), state=state) for index, state in states.items()]
        completed = [item.get("outputs") or {} if item["state"] == "COMPLETED" else {} for item in items]
        outputs = {name: [values.get(name) for values in completed] for name in task["outputs"]}
        told = [{key: item[key] for key in ("state", "reason", "failure", "exitCode") if key in item} for item in items]
        failed = [index for index, item in enumerate(items) if item["state"] == "FAILED"]
        if failed:
            first = items[failed[0]].get("failure") or lost(task["id"])
            message = "%d of %d items failed, the first of them item %d: %s" % (
                len(failed), len(items), failed[0], first["message"]
            )
            error = Failed(first["class"], first["code"], message, "failure")
            error.details = {"outputs": outputs, "items": told}
            raise error
        if items and all(item["state"] == "SKIPPED" for item in items):
            return {"state": "SKIPPED", "reason": "items-skipped", "items": told}
        if len(as_bytes(json_text(outputs))) > COLLECTED_LIMIT_BYTES:
            message = "The outputs of all items together are above %d bytes." % COLLECTED_LIMIT_BYTES
            raise by_user("output-too-large", message)
        return {"state": "COMPLETED", "outputs": outputs, "items": told}


class SignalboxEnd(SignalboxOperator):
    """Ends the run as failed when a task failed that may not, else gives it its outputs."""

    def work(self, run):
        tasks = run.document["tasks"]
        states = run.states(list(tasks))
        failed = sorted(name for name, state in states.items() if state == "FAILED" and not tasks[name]["allowFailure"])
        reasons = {}
        for name, task in tasks.items():
            reason = trigger_reason(task["trigger"], [states[need] for need in task["needs"]])
            if states[name] == "SKIPPED" and reason is not None:
                reasons[name] = reason
        if failed:
            place = place_of(run.document, failed[0])
            failure = run.result(place).get("failure") or lost(failed[0])
            error = Failed(failure["class"], failure["code"], failure["message"], "failure")
            error.failure["task_title"] = failed[0]
            error.details = {"reasons": reasons}
            raise error
        outputs = resolve(run.document["outputs"], run.scope_of(states, run.document["reads"]))
        return {"state": "COMPLETED", "outputs": outputs, "reasons": reasons}


def lost(task_id):
    message = "Airflow ended the task %s without a word of its own." % task_id
    return {"class": "engine", "code": "task-lost", "message": message}


def build_dag(dag_id, document):
    options = {}
    if document.get("maxParallel") is not None:
        options["max_active_tasks"] = int(document["maxParallel"])
    if document.get("timeoutMs") is not None:
        options["dagrun_timeout"] = timedelta(milliseconds=document["timeoutMs"])
    start = datetime(2024, 1, 1, tzinfo=timezone.utc)
    own = {"retries": OWN_RETRIES, "retry_delay": OWN_RETRY_DELAY}
    with DAG(dag_id=dag_id, schedule=None, start_date=start, catchup=False, tags=["signalbox"], **options) as dag:
        end = SignalboxEnd(task_id=document["end"], trigger_rule="all_done", **own)
        heads, tails = {}, {}
        for name, task in document["tasks"].items():
            policy = task["retry"]
            settings = {
                "retries": int(policy["max"]),
                "retry_delay": timedelta(milliseconds=delay_ms(policy, 1)),
            }
            rule = {"trigger_rule": "all_success" if task["trigger"] == "all-succeeded" else "all_done"}
            if task.get("foreach") is None:
                heads[name] = tails[name] = SignalboxTask(task_id=name, **settings, **rule)
            else:
                if task["foreach"].get("maxParallel") is not None:
                    settings["max_active_tis_per_dagrun"] = int(task["foreach"]["maxParallel"])
                heads[name] = SignalboxItems(task_id=task["items"], **own, **rule)
                mapped = SignalboxTask.partial(task_id=name, **settings).expand(index=heads[name].output)
                tails[name] = SignalboxCollect(task_id=task["collect"], trigger_rule="all_done", **own)
                heads[name] >> tails[name]
                mapped >> tails[name]
            for need in task["needs"]:
                tails[need] >> heads[name]
            tails[name] >> end
    return dag
