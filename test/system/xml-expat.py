"""Reads documents, one JSON string a line, with expat; writes the tree of each, one JSON value a line, null for a refusal."""

import json
import sys
from xml.parsers import expat


def tree(document):
    root, around = [], []

    def split(name):
        namespace, _, local = name.rpartition("\n")
        return namespace, local

    def start(name, attributes):
        namespace, local = split(name)
        pairs = [split(each) + (value,) for each, value in attributes.items()]
        element = {
            "name": local,
            "namespace": namespace,
            "attributes": [{"name": n, "namespace": ns, "value": v} for ns, n, v in pairs],
            "children": [],
        }
        (around[-1]["children"] if around else root).append(element)
        around.append(element)

    def text(data):
        if around:
            around[-1]["children"].append(data)

    parser = expat.ParserCreate(namespace_separator="\n")
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: around.pop()
    parser.CharacterDataHandler = text
    try:
        parser.Parse(document.encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError:
        return None
    return root[0]


for line in sys.stdin:
    print(json.dumps(tree(json.loads(line))))
