"""At which line of a YAML text a field stands, so that an error about `spec.containers[0].image` lands there."""

from __future__ import annotations

import re
from typing import Any, Final

_PART: Final = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")


def line_of(text: str, path: str) -> tuple[int, int]:
    """(line, column) from 1 of the deepest part of a field path that the text has; (1, 1) when it has none of it.

    `path` as Kubernetes writes it: `spec.template.spec.containers[0].image`, `metadata.labels[app]`.
    """
    import yaml

    try:
        node: Any = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    place = (1, 1)
    for index, name in _PART.findall(path):
        key = (index or name).strip("\"'")
        if isinstance(node, yaml.SequenceNode) and key.isdigit() and int(key) < len(node.value):
            node = node.value[int(key)]
            mark = node.start_mark
        elif isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == key), None)
            if found is None:
                break
            mark, node = found[0].start_mark, found[1]
        else:
            break
        place = (mark.line + 1, mark.column + 1)
    return place
