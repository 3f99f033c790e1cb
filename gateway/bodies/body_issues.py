"""What is wrong with a body, from pydantic's errors: the element and the rule, never the input."""

from pydantic import ValidationError

from r4.outcome import Issue


def issues_of(failure: ValidationError) -> list[Issue]:
    """What pydantic found, without its input: an unknown member is reported on its parent, for its name is input."""
    found = []
    for error in failure.errors(include_url=False, include_context=False, include_input=False):
        unknown = error["type"] == "extra_forbidden"
        path = error["loc"][:-1] if unknown else error["loc"]
        code = "required" if error["type"] == "missing" else "structure" if unknown else "value"
        text = "has a member that is not defined" if unknown else _sentence(error["type"], error["msg"])
        found.append(Issue(code, text, _path(path), error["type"]))
    return found


def _sentence(kind: str, message: str) -> str:
    if kind == "missing":
        return "is required"
    return message.removeprefix("Value error, ").replace("Input should be", "must be")


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path or "body"
