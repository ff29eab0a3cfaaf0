

# --- Conditions: the tree of a `when`, as the compiler made it, and its value. The rules are those of the language:
# definition/evaluate-condition.ts, held to this file by a table of vectors.


class NoAnswer(Exception):
    """A condition that has no answer; the text is for people."""


def units(text):
    """One character per unit of UTF-16: texts are searched and ordered by them."""
    if all(character <= "\uffff" for character in text):
        return text
    code = text.encode("utf-16-be", "surrogatepass")
    return "".join([chr(code[at] * 256 + code[at + 1]) for at in range(0, len(code), 2)])


def shown(value):
    return whole_text(units(json_text(value))[:80])


def number_shown(number):
    return "Infinity" if number == math.inf else "-Infinity" if number == -math.inf else number_text(number)


def truth(value, operator):
    if isinstance(value, bool):
        return value
    raise NoAnswer('"%s" needs true or false, not %s.' % (operator, shown(value)))


def numeric(value, operator):
    if type_name(value) == "number":
        return float(value)
    raise NoAnswer('"%s" needs a number, not %s.' % (operator, shown(value)))


def equal(left, right):
    kind = type_name(left)
    if kind != type_name(right):
        return False
    if kind == "array":
        return len(left) == len(right) and all(equal(one, other) for one, other in zip(left, right))
    if kind == "object":
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    return left == right


def ordered(operator, left, right):
    kinds = (type_name(left), type_name(right))
    if kinds == ("string", "string"):
        left, right = units(left), units(right)
    elif kinds != ("number", "number"):
        raise NoAnswer(
            '"%s" compares two numbers or two texts, not %s and %s.' % (operator, shown(left), shown(right))
        )
    if operator == "<":
        return left < right
    if operator == "<=":
        return left <= right
    return left > right if operator == ">" else left >= right


def within(value, container):
    if isinstance(container, list):
        return any(equal(entry, value) for entry in container)
    if isinstance(container, dict):
        return isinstance(value, str) and value in container
    raise NoAnswer('"in" needs a list or an object on its right, not %s.' % shown(container))


def arithmetic(operator, left, right):
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        return whole_text(left + right)
    if operator == "+" and isinstance(left, list) and isinstance(right, list):
        return left + right
    a, b = numeric(left, operator), numeric(right, operator)
    if operator == "%":
        result = math.fmod(a, b) if b != 0 else math.nan
    else:
        result = a + b if operator == "+" else a - b if operator == "-" else a * b
    if not math.isfinite(result):
        raise NoAnswer("%s %s %s has no value." % (number_shown(a), operator, number_shown(b)))
    return result


def member(value, key):
    if value is None:
        return None
    if isinstance(value, list) and type_name(key) == "number":
        at = float(key)
        return value[int(at)] if at.is_integer() and 0 <= at < len(value) else None
    if isinstance(value, dict) and isinstance(key, str):
        return value.get(key)
    raise NoAnswer("%s has no member %s." % (shown(value), shown(key)))


def access(target, key, scope):
    if target != ["id", "tasks"]:
        return member(evaluate(target, scope), key)
    task = scope["tasks"].get(key) if isinstance(key, str) else None
    return None if task is None else {"state": task["state"], "outputs": dict(task["outputs"])}


def root(name, scope):
    if name == "params":
        return dict(scope["params"])
    if name == "run":
        return {"id": scope["run"]["id"], "state": scope["run"].get("state")}
    raise NoAnswer('"%s" is not known in a condition.' % name)


def size_of(value):
    if isinstance(value, (str, list, dict)):
        return float(len(value))
    raise NoAnswer("size() needs a text, a list or an object, not %s." % shown(value))


def matches(text, program):
    """Whether the pattern occurs: its program is run over all places of the text at once, so time is linear."""
    points = [None] + [ord(character) for character in text] + [None]
    threads = []
    for at in range(1, len(points)):
        before, point = points[at - 1], points[at]
        seen = set()
        waiting = threads + [program["start"]]
        threads = []
        while waiting:
            state = int(waiting.pop())
            if state in seen:
                continue
            seen.add(state)
            step = program["steps"][state]
            if step[0] == "match":
                return True
            if step[0] == "go":
                waiting.extend(step[1])
            elif step[0] == "look":
                if all(holds(place, before, point) for place in step[1]):
                    waiting.append(step[2])
            elif point is not None and any(low <= point <= high for low, high in step[1]):
                threads.append(step[2])
    return False


def is_word(point):
    return point is not None and (chr(point).isalnum() and point < 128 or point == 95)


def holds(place, before, after):
    if place == "begin-line":
        return before is None or before == 10
    if place == "end-line":
        return after is None or after == 10
    if place == "begin-text":
        return before is None
    if place == "end-text":
        return after is None
    return (is_word(before) != is_word(after)) == (place == "word-border")


def call(name, arguments):
    if name == "has":
        return arguments[0] is not None
    if name == "size":
        return size_of(arguments[0])
    if name == "matches":
        text, program = arguments
        if isinstance(text, str):
            return matches(text, program)
        raise NoAnswer("matches() needs texts, not %s and %s." % (shown(text), shown(program["source"])))
    text, part = arguments
    if not (isinstance(text, str) and isinstance(part, str)):
        raise NoAnswer("%s() needs texts, not %s and %s." % (name, shown(text), shown(part)))
    text, part = units(text), units(part)
    if name == "contains":
        return part in text
    return text.startswith(part) if name == "startsWith" else text.endswith(part)


def logical(tree, scope, decides):
    """One side that decides is enough, even when the other has no answer."""
    name = "||" if decides else "&&"
    try:
        left = truth(evaluate(tree[1], scope), name)
    except NoAnswer:
        if truth(evaluate(tree[2], scope), name) == decides:
            return decides
        raise
    return decides if left == decides else truth(evaluate(tree[2], scope), name)


def evaluate(tree, scope):
    operator = tree[0]
    if operator in ("value", "pattern"):
        return tree[1]
    if operator == "id":
        return root(tree[1], scope)
    if operator == ".":
        return access(tree[1], tree[2], scope)
    if operator == "[]":
        return access(tree[1], evaluate(tree[2], scope), scope)
    if operator == "list":
        return [evaluate(entry, scope) for entry in tree[1]]
    if operator == "call":
        return call(tree[1], [evaluate(argument, scope) for argument in tree[2]])
    if operator == "?:":
        return evaluate(tree[2] if truth(evaluate(tree[1], scope), "?:") else tree[3], scope)
    if operator in ("&&", "||"):
        return logical(tree, scope, operator == "||")
    if operator == "!":
        return not truth(evaluate(tree[1], scope), "!")
    if operator == "negative":
        return -numeric(evaluate(tree[1], scope), "-")
    left, right = evaluate(tree[1], scope), evaluate(tree[2], scope)
    if operator in ("==", "!="):
        return equal(left, right) == (operator == "==")
    if operator == "in":
        return within(left, right)
    if operator in ("<", "<=", ">", ">="):
        return ordered(operator, left, right)
    return arithmetic(operator, left, right)


def holds_true(tree, scope):
    """The answer of a condition. Raises NoAnswer where there is none, or it is neither true nor false."""
    value = evaluate(tree, scope)
    if isinstance(value, bool):
        return value
    raise NoAnswer("The condition gives %s, which is neither true nor false." % shown(value))
