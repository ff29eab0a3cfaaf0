"""A workflow of Signalbox (signalbox/v1), compiled for Airflow 2 and 3.

The code of this file is the same for every workflow. What is of this one is the JSON document at its end, which is
read as data: nothing of it is executed, imported or rendered as a template.
"""
import json
import math
import re


# --- Values: JSON as JavaScript reads and writes it, so that a task gets the same bytes on every engine. Every number
# is a float, as there is one kind of number.


class BadJson(ValueError):
    """A text that is no JSON."""


def no_number(word):
    raise BadJson(word + " is no JSON")


def load_json(text):
    try:
        return json.loads(text, parse_int=float, parse_constant=no_number)
    except ValueError as error:
        raise BadJson(str(error)) from error


def number_text(number):
    if not math.isfinite(number):
        return "null"
    if number == 0:
        return "0"
    # The shortest digits that read back as the number are those of JavaScript; where the point stands is not.
    mantissa, _, power = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(power or "0") - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    sign = "-" if number < 0 else ""
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    tail = "." + digits[1:] if len(digits) > 1 else ""
    return sign + digits[0] + tail + "e" + ("+" if point > 0 else "-") + str(abs(point - 1))


def escaped(match):
    return "\\u%04x" % ord(match.group())


def string_text(text):
    # Half a surrogate pair has no bytes of its own.
    return re.sub("[\ud800-\udfff]", escaped, json.dumps(text, ensure_ascii=False))


def key_order(key):
    is_index = re.fullmatch("0|[1-9][0-9]{0,9}", key) is not None and int(key) < 4294967295
    return (0, int(key)) if is_index else (1, 0)


def json_text(value):
    """One compact JSON text per value: JSON.stringify."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number_text(float(value))
    if isinstance(value, str):
        return string_text(value)
    if isinstance(value, list):
        return "[" + ",".join([json_text(entry) for entry in value]) + "]"
    members = [string_text(key) + ":" + json_text(value[key]) for key in sorted(value, key=key_order)]
    return "{" + ",".join(members) + "}"


def whole_text(text):
    """Two halves of a surrogate pair that met become the character they stand for."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def as_bytes(text):
    """UTF-8 as a process gets it; what has no UTF-8 becomes the sign for a character that cannot be read."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("utf-8")


def argument_text(value):
    """How a value arrives in a command or a variable: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json_text(value)


def type_name(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def has_type(value, wanted):
    if wanted == "integer":
        return type_name(value) == "number" and float(value).is_integer()
    return type_name(value) == wanted


# --- References: what a value of the definition stands for, once the values it looks at are known.


def look_up(reference, scope):
    """The value of one reference, None when it is absent."""
    kind = reference[0]
    if kind == "param":
        return scope["params"].get(reference[1])
    if kind == "item":
        return scope.get("item")
    if kind == "run-id":
        return scope["run"]["id"]
    if kind == "run-state":
        return scope["run"].get("state")
    task = scope["tasks"].get(reference[1])
    if task is None:
        return None
    if kind == "state":
        return task["state"]
    if kind == "outputs":
        return dict(task["outputs"])
    return task["outputs"].get(reference[2])


def resolve(template, scope):
    """The value of a template: a tagged list, made of a value of the definition by the compiler."""
    kind = template[0]
    if kind == "value":
        return template[1]
    if kind == "text":
        return whole_text("".join([argument_text(resolve(part, scope)) for part in template[1]]))
    if kind == "list":
        return [resolve(entry, scope) for entry in template[1]]
    if kind == "object":
        return {key: resolve(entry, scope) for key, entry in template[1]}
    return look_up(template, scope)
