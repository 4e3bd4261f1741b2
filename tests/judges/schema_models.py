"""Closed schemas from the models of the pinned SDK packages, and which request and answer has which.

Nothing here is written by hand about any one operation: the SDKs' operations say their URLs and their models, and the
models say their fields. It reads the packages' sources where their objects do not tell (URLs, list items).
"""

import ast
import datetime
import enum
import importlib
import importlib.util
import re
import typing

# The packages whose operations are read: module, file of operations below it, and where their URLs begin.
PACKAGES = [
    ("azure.mgmt.compute", "operations/_operations.py", ""),
    ("azure.mgmt.batch", "operations/_operations.py", ""),
    ("azure.batch", "_operations/_operations.py", "/batch/{account}"),
]


class Models:
    """One package's models as closed schemas, by name."""

    def __init__(self, package):
        self.public = importlib.import_module(package + ".models")
        private = importlib.import_module(package + ".models._models")
        self.names = {
            n: c for n, c in vars(private).items() if isinstance(c, type) and c.__module__ == private.__name__
        }
        self.scope = {"datetime": datetime, "typing": typing, **vars(private), "_models": self.public}
        self.scope.setdefault("_types", self.public)
        self.schemas = {}

    def schema(self, name):
        if name not in self.schemas:
            self.schemas[name] = {}
            self.schemas[name].update(self._model(self.names[name]))
        return self.schemas[name]

    def _model(self, model):
        properties, required = {}, []
        for attribute, (field, annotation) in self._fields(model).items():
            wire = field._rest_name_input or attribute
            kind = self._resolve(annotation) if annotation is not None else None
            # Some numbers travel as text; the field says so.
            as_text = field._format == "str"
            properties[wire] = {"type": "string"} if as_text else self._type(kind) if kind is not None else {}
            optional = kind is None or type(None) in typing.get_args(kind)
            if not optional:
                required.append((wire, field._visibility == ["read"]))
        open_ = any(other is not model and issubclass(other, model) for other in self.names.values())
        return {"type": "object", "properties": properties, "required": required, "open": open_}

    @staticmethod
    def _fields(model):
        found = {}
        for base in reversed(model.__mro__):
            for name, value in vars(base).items():
                if type(value).__name__ == "_RestField":
                    found[name] = (value, base.__annotations__.get(name))
        return found

    def _resolve(self, annotation):
        if isinstance(annotation, typing.ForwardRef):
            annotation = annotation.__forward_arg__
        if isinstance(annotation, str):
            return eval(annotation, self.scope)  # Annotations of the pinned packages, nothing from outside.
        return annotation

    def _type(self, annotation):
        kind = self._resolve(annotation)
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin is typing.Union:
            inner = [self._resolve(part) for part in arguments if part is not type(None)]
            if any(isinstance(part, type) and issubclass(part, enum.Enum) for part in inner):
                return {"type": "string"}
            return self._type(inner[0]) if len(inner) == 1 else {}
        if origin is list:
            return {"type": "array", "items": self._type(arguments[0])}
        if origin is dict:
            return {"type": "object", "values": self._type(arguments[1])}
        if isinstance(kind, type):
            if issubclass(kind, enum.Enum) or kind in (str, bytes, datetime.timedelta):
                return {"type": "string"}
            if kind is datetime.datetime:
                return {"type": "string", "format": "date-time"}
            if kind is bool:
                return {"type": "boolean"}
            if kind is int:
                return {"type": "integer"}
            if kind is float:
                return {"type": "number"}
            if self.names.get(kind.__name__) is not None:
                return {"model": kind.__name__}
        return {}

    def differences(self, schema, value, path=""):
        """Everything in which a value is not what the schema says, as (path, what)."""
        if "model" in schema:
            schema = self.schema(schema["model"])
        if not schema or value is None:
            return
        kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
        wanted = schema["type"]
        if not isinstance(value, kinds[wanted]) or (wanted in ("integer", "number") and isinstance(value, bool)):
            yield path, f"is a {type(value).__name__}, not a {wanted}"
        elif wanted == "string" and schema.get("format") == "date-time":
            if not re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$", value):
                yield path, f"is no time: {value!r}"
        elif wanted == "array":
            for item in value:
                yield from self.differences(schema["items"], item, path + "[]")
        elif "values" in schema:
            for item in value.values():
                yield from self.differences(schema["values"], item, path + ".*")
        elif wanted == "object":
            yield from self._members(schema, value, path)

    def _members(self, schema, value, path):
        for name, item in value.items():
            known = schema["properties"].get(name)
            if known is not None:
                yield from self.differences(known, item, f"{path}.{name}")
            elif not schema["open"]:
                yield f"{path}.{name}", "is unknown"
        for name, read_only in schema["required"]:
            if name not in value:
                yield f"{path}.{name}", "is missing (read-only)" if read_only else "is missing"


class Operation:
    """One operation: its verb and URL, and the models of its body and answer."""

    def __init__(self, method, url, body, answer, is_list):
        self.method, self.url, self.body, self.answer, self.is_list = method, url, body, answer, is_list
        parts = [
            ".+" if part == "{filePath}" else "[^/]+" if part.startswith("{") else re.escape(part)
            for part in url.strip("/").split("/")
        ]
        self.pattern = re.compile("/" + "/".join(parts) + "/?", re.IGNORECASE)
        # Of two that match, the one with more fixed parts is meant.
        self.fixed = sum(not part.startswith("{") for part in url.split("/"))


def _model_in(annotation):
    """The model that an annotation names first, and whether it is a page of them."""
    text = ast.unparse(annotation) if annotation is not None else ""
    found = re.search(r"_models\.(\w+)", text)
    return (found.group(1) if found else None), "ItemPaged" in text


def _builders(tree):
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("build_"):
            text = ast.unparse(node)
            url = re.search(r"_url = '([^']+)'", text)
            method = re.search(r"HttpRequest\(method='(\w+)'", text)
            if url and method:
                found[node.name] = (method.group(1), url.group(1))
    return found


def operations(package, file, prefix):
    """All operations of a package."""
    root = importlib.util.find_spec(package).submodule_search_locations[0]
    with open(f"{root}/{file}", encoding="utf-8") as source:
        tree = ast.parse(source.read())
    builders = _builders(tree)
    found = []
    for group in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        methods = {}
        for node in group.body:
            if isinstance(node, ast.FunctionDef) and not any("overload" in ast.unparse(d) for d in node.decorator_list):
                methods[node.name] = node
        for name, node in methods.items():
            built = next((b for b in re.findall(r"\b(build_\w+_request)\(", ast.unparse(node)) if b in builders), None)
            if built is None:
                continue
            public = methods.get("begin" + name.removesuffix("_initial"), node)
            arguments = [*node.args.args, *node.args.kwonlyargs]
            bodies = [
                _model_in(a.annotation)[0]
                for a in arguments
                if a.annotation is not None and "IO[bytes]" in ast.unparse(a.annotation)
            ]
            if package == "azure.batch":
                bodies = [
                    _model_in(a.annotation)[0]
                    for a in arguments
                    if a.annotation and "_models.Batch" in ast.unparse(a.annotation)
                ]
                bodies += [
                    _model_in(a.annotation)[0]
                    for a in arguments
                    if a.annotation and "_models.Upload" in ast.unparse(a.annotation)
                ]
            answer, is_list = _model_in(public.returns)
            method, url = builders[built]
            found.append(Operation(method, prefix + url, bodies[0] if bodies else None, answer, is_list))
    return found
