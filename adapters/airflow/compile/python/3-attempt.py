

# --- An attempt: one process with its folder, its log and its outputs, as the local engine gives them.
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time

HOST_VARIABLES = ("HOME", "LANG", "PATH", "TMPDIR", "TZ")
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
MARKER = "SIGNALBOX_ATTEMPT_ID"
# From TERM to KILL at a time-out. A stop of Airflow's is shorter: it kills whoever is slower than five seconds.
GRACE_SECONDS = 10.0
HURRIED_GRACE_SECONDS = 3.0
# What outlives KILL so long waits for a disk: nobody can end it.
UNKILLABLE_SECONDS = 10.0
DRAIN_SECONDS = 2.0
LINE_LIMIT_BYTES = 1024 * 1024
OUTPUT_LIMIT_BYTES = 32 * 1024
MAX_DEPTH = 64


class Failed(Exception):
    """What a task failed of; `cause` is what its retry policy is asked about."""

    def __init__(self, blame, code, message, cause):
        super().__init__(code + ": " + message)
        self.failure = {"class": blame, "code": code, "message": message}
        self.cause = cause
        # What the result of the task tells beside the failure.
        self.details = {}


def by_user(code, message):
    return Failed("user", code, message, "failure")


class TaskLines:
    """Writes lines of a command into Airflow's log so that they can be told from Airflow's own: numbered, since equal
    lines of one moment are dropped, and in JSON where a reader of the log would change or part them."""

    UNSAFE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|[ \t]$")

    def __init__(self):
        self.number = 0
        self.lock = threading.Lock()

    def write(self, line):
        text = line[:LINE_LIMIT_BYTES].decode("utf-8", "replace")
        if len(line) > LINE_LIMIT_BYTES:
            text += " [signalbox: line cut]"
        with self.lock:
            self.number += 1
            unsafe = self.UNSAFE.search(text) is not None
            body = "\\ " + json.dumps(text) if unsafe else "| " + text
            sys.stdout.write("signalbox %d%s\n" % (self.number, body.rstrip(" ") if not text else body))
            sys.stdout.flush()

    def drain(self, stream):
        """Whole lines until the end; of a line above the limit the rest is dropped."""
        held = b""
        while True:
            chunk = os.read(stream.fileno(), 65536)
            lines = (held + chunk).split(b"\n")
            held = lines.pop()[: LINE_LIMIT_BYTES + 1]
            for line in lines:
                self.write(line)
            if not chunk:
                break
        if held:
            self.write(held)


class Attempt:
    """The processes of one attempt: those of its group, and those that left it with the marker in their environment."""

    def __init__(self):
        self.process = None
        self.marker = b""
        self.stopped = False
        self.timed_out = False

    def run(self, argv, variables, timeout_seconds, work, lines):
        """Runs the command to its end and sees to it that nothing of it is left. The exit code, below 0 for a signal."""
        self.marker = (MARKER + "=" + variables[MARKER]).encode()
        env = {name.encode(): as_bytes(value) for name, value in variables.items()}
        command = [b"/bin/sh", b"-c", b'exec "$@"', b"sh"] + [as_bytes(argument) for argument in argv]
        try:
            self.process = subprocess.Popen(
                command,
                cwd=work,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except ValueError as error:
            raise by_user("command-refused", str(error)) from error
        except OSError as error:
            if error.errno == 7:
                raise by_user("command-refused", "the arguments and the environment are too long") from error
            raise Failed("platform", "not-started", "the system could not start a process", "infra") from error
        process = self.process
        readers = [
            threading.Thread(target=lines.drain, args=(stream,), daemon=True)
            for stream in (process.stdout, process.stderr)
        ]
        for reader in readers:
            reader.start()
        try:
            process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.timed_out = True
            self.end(GRACE_SECONDS)
            process.wait()
        # A task is over when its main process is; what it left behind is stopped, and only then is the attempt over.
        self.end(GRACE_SECONDS)
        for reader in readers:
            reader.join(DRAIN_SECONDS)
        return process.returncode

    def stop(self):
        self.stopped = True
        if self.process is not None:
            self.end(HURRIED_GRACE_SECONDS)

    def end(self, grace_seconds):
        deadline = time.monotonic() + grace_seconds
        self.send(signal.SIGTERM)
        while self.living() and time.monotonic() < deadline + UNKILLABLE_SECONDS:
            if time.monotonic() >= deadline:
                self.send(signal.SIGKILL)
            time.sleep(0.02)

    def send(self, number):
        for pid in self.living():
            try:
                os.kill(pid, number)
            except OSError:
                pass

    def living(self):
        group = self.process.pid
        if not os.path.isdir("/proc/self"):
            try:
                os.killpg(group, 0)
            except OSError:
                return []
            return [-group]
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and self.owns(name, group)]

    def owns(self, pid, group):
        try:
            with open("/proc/" + pid + "/stat", "rb") as file:
                # The name of the program stands in brackets and may hold anything.
                state, _, its_group = file.read().rpartition(b") ")[2].split()[:3]
            if state in (b"Z", b"X"):
                return False
            if int(its_group) == group:
                return True
            with open("/proc/" + pid + "/environ", "rb") as file:
                return self.marker in file.read().split(b"\0")
        except OSError:
            return False


def read_plain_file(path, limit):
    """The bytes of a plain file, one more than the limit of a larger one; None for anything else, as a pipe or a link."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        return file.read(limit + 1) if stat.S_ISREG(os.fstat(handle).st_mode) else None


def fault_of(value):
    waiting = [(value, 0)]
    while waiting:
        at, depth = waiting.pop()
        if isinstance(at, float) and not math.isfinite(at):
            return "holds a number that is beyond all numbers"
        if isinstance(at, (list, dict)):
            if depth == MAX_DEPTH:
                return "is nested deeper than %d levels" % MAX_DEPTH
            waiting.extend((inner, depth + 1) for inner in (at.values() if isinstance(at, dict) else at))
    return None


def read_output(name, content, declared):
    try:
        text = content.decode("utf-8")
        value = load_json(text[1:] if text.startswith("\ufeff") else text)
        fault = fault_of(value)
    except RecursionError:
        fault = "is nested deeper than %d levels" % MAX_DEPTH
    except ValueError as error:
        raise by_user(
            "output-invalid", 'Output "%s" is not JSON; a text stands in double quotes.' % name
        ) from error
    if fault is not None:
        raise by_user("output-invalid", 'Output "%s" %s.' % (name, fault))
    wanted = declared.get("type")
    if wanted is not None and not has_type(value, wanted):
        held = type_name(value)
        raise by_user("output-type", 'Output "%s" is declared as %s and holds %s.' % (name, wanted, held))
    return value


def read_outputs(folder, declared):
    found = {}
    if not os.path.islink(folder):
        for name in declared:
            content = read_plain_file(os.path.join(folder, name), OUTPUT_LIMIT_BYTES)
            if content is not None:
                found[name] = content
    total = sum(len(content) for content in found.values())
    if total > OUTPUT_LIMIT_BYTES:
        message = "The outputs hold more than the %d bytes that they may hold together." % OUTPUT_LIMIT_BYTES
        raise by_user("output-too-large", message)
    values = {}
    for name, declaration in declared.items():
        if name in found:
            values[name] = read_output(name, found[name], declaration)
        elif "default" in declaration:
            values[name] = declaration["default"]
        else:
            raise by_user("output-missing", "The task did not write $SIGNALBOX_DIR/outputs/%s." % name)
    return values


def run_task(attempt, task, scope, identity):
    """One attempt of a task: its result. Raises Failed. `identity` names the run, the attempt and its item."""
    folder = tempfile.mkdtemp(prefix="signalbox-")
    try:
        for part in ("inputs", "outputs", "artifacts", "work"):
            os.mkdir(os.path.join(folder, part))
        with open(os.path.join(folder, "manifest.json"), "wb") as file:
            file.write(as_bytes(json_text(manifest(task, scope, identity))))
        argv = [argument_text(resolve(template, scope)) for template in task["argv"]]
        variables = environment(task, scope, identity, folder)
        timeout_seconds = None if task.get("timeoutMs") is None else task["timeoutMs"] / 1000
        code = attempt.run(argv, variables, timeout_seconds, os.path.join(folder, "work"), TaskLines())
        return verdict(attempt, task, code, os.path.join(folder, "outputs"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def verdict(attempt, task, code, outputs):
    if attempt.stopped:
        raise Failed("platform", "terminated", "Airflow ended the attempt.", "infra")
    if attempt.timed_out:
        message = "The attempt took longer than %d ms." % task["timeoutMs"]
        raise Failed("timeout", "timed-out", message, "timeout")
    if task.get("skipExitCode") is not None and code == task["skipExitCode"]:
        return {"state": "SKIPPED", "reason": "skip-exit-code", "exitCode": code}
    if code == 0:
        try:
            return {"state": "COMPLETED", "outputs": read_outputs(outputs, task["outputs"]), "exitCode": code}
        except Failed as failed:
            failed.details["exitCode"] = code
            raise
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = "a signal"
        raise by_user("exit-signal", "The command was ended by %s." % name)
    failed = by_user("exit-code", "The command ended with exit code %d." % code)
    failed.details["exitCode"] = code
    raise failed


def environment(task, scope, identity, folder):
    """From scratch: nothing of Airflow's own environment, which holds its secrets."""
    variables = {"PATH": DEFAULT_PATH}
    variables.update({name: os.environ[name] for name in HOST_VARIABLES if name in os.environ})
    variables.update({name: argument_text(resolve(template, scope)) for name, template in task["env"].items()})
    variables["SIGNALBOX_DIR"] = folder
    variables["SIGNALBOX_RUN_ID"] = scope["run"]["id"]
    variables["SIGNALBOX_TASK"] = task["id"]
    variables["SIGNALBOX_ATTEMPT"] = str(identity["attempt"])
    if "item" in scope:
        variables["SIGNALBOX_ITEM"] = argument_text(scope["item"])
    if identity.get("traceparent"):
        variables["TRACEPARENT"] = identity["traceparent"]
    variables[MARKER] = identity["marker"]
    return variables


def manifest(task, scope, identity):
    about = {"id": task["id"], "attempt": identity["attempt"]}
    if "item" in scope:
        about.update({"mapIndex": identity["index"], "item": scope["item"]})
    return {
        "apiVersion": "signalbox/v1",
        "run": {"id": scope["run"]["id"]},
        "task": about,
        "arguments": [resolve(template, scope) for template in task["arguments"]],
        "inputs": {},
        "outputs": task["outputs"],
    }
