"""A document's text is parsed, limited and validated once, then remembered: when somebody was allowed to run it.

What strangers run has little room of its own, since anybody may send any number of `{ __typename }`s and sign-ins.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import strawberry
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import recommended_rules
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.engine.cache import Bounded
from app.engine.engine import Engine
from app.engine.introspection import keep_to_specification
from app.engine.prepared import Prepared
from app.errors import BadRequest
from app.policy import Level, Viewer
from app.schema.errors import PARSE_FAILED, VALIDATION_FAILED, coded
from app.schema.limits import Limits, exceeded

RULES = (*specified_rules, *recommended_rules, MaybeNullValidationRule, OneOfInputValidationRule)
MOST_ERRORS = 10

#: Documents with their plans and statements, and what all that takes.
REMEMBERED_DOCUMENTS, REMEMBERED_BYTES = 1_000, 160_000_000
OF_STRANGERS, BYTES_OF_STRANGERS = 50, 4_000_000


@dataclass(eq=False, slots=True, weakref_slot=True)
class Document:
    """A document that was read. With `errors` it must not be run; `ast` is None if it could not even be parsed."""

    text: str
    ast: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()
    prepared: Prepared | None = None
    _chosen: dict[str | None, OperationDefinitionNode] = field(default_factory=dict)

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation to run. Raises BadRequest if `name` does not say which one it is."""
        if name not in self._chosen:
            self._chosen[name] = self._choose(name)
        return self._chosen[name]

    def _choose(self, name: str | None) -> OperationDefinitionNode:
        found = [
            node for node in self._operations() if name is None or (node.name and node.name.value == name)
        ]
        if not found and name is not None:
            raise BadRequest(f"There is no operation {name[:100]!r} in the document.")
        if not found:
            raise BadRequest("The document holds no operation.")
        if len(found) > 1:
            raise BadRequest("The document holds several operations: say which one in `operationName`.")
        return found[0]

    def _operations(self) -> Iterator[OperationDefinitionNode]:
        for node in self.ast.definitions if self.ast else ():
            if isinstance(node, OperationDefinitionNode):
                yield node


class Documents:
    """The documents of one schema, of those that somebody was allowed to run the latest used remembered."""

    def __init__(self, schema: GraphQLSchema, limits: Limits | None = None) -> None:
        self._schema = schema
        self._limits = limits or Limits()
        self.known: Bounded[Document] = Bounded(entries=REMEMBERED_DOCUMENTS, most_bytes=REMEMBERED_BYTES)
        self.of_strangers: Bounded[Document] = Bounded(entries=OF_STRANGERS, most_bytes=BYTES_OF_STRANGERS)
        # What is being run, the kept ones too: a thousand sockets that come back at once share a document and its plans.
        self._in_use: WeakValueDictionary[str, Document] = WeakValueDictionary()

    def read(self, text: str) -> Document:
        """Parses, limits and validates `text`, or remembers it."""
        if known := self.known.get(text) or self.of_strangers.get(text) or self._in_use.get(text):
            return known
        document = self._read(text)
        if document.ast is not None and not document.errors:
            document.prepared = Prepared(document.ast, partial(self._remember, text))
            self._in_use[text] = document
        return document

    def _remember(self, text: str, viewer: Viewer) -> None:
        """Called whenever an operation of the document was run, for whoever asked for it."""
        document = self._in_use.get(text)
        assert document is not None and document.prepared is not None
        weight = document.prepared.weight
        cache = self.of_strangers if viewer.level is Level.ANONYMOUS else self.known
        if weight.cache in (cache, self.known):
            return
        document.prepared.weigh_tree()
        self.of_strangers.forget(text)
        cache.put(text, document, weight)

    def _read(self, text: str) -> Document:
        most = self._limits.tokens
        try:
            ast = parse(text, max_lexical_tokens=most, max_comments=most)
        except GraphQLError as error:
            return Document(text, None, (coded(error, PARSE_FAILED),))
        if excess := exceeded(ast, self._limits):
            return Document(text, ast, (coded(excess, VALIDATION_FAILED),))
        errors = validate(self._schema, ast, RULES, max_errors=MOST_ERRORS, hide_suggestions=True)
        return Document(text, ast, tuple(coded(error, VALIDATION_FAILED) for error in errors))


class DocumentSchema(strawberry.Schema):
    """A Strawberry schema whose documents are read behind limits, and whose operations the engine answers.

    Strawberry makes it and prints it. Its own `execute` reads nothing: see `app.engine.core`.
    """

    documents: Documents
    engine: Engine

    def __init__(
        self,
        query: type,
        mutation: type | None = None,
        subscription: type | None = None,
        *,
        config: StrawberryConfig | None = None,
        limits: Limits | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            query,
            mutation,
            subscription,
            config=config or StrawberryConfig(disable_field_suggestions=True, batching_config=None),
            **kwargs,
        )
        keep_to_specification(self._schema)
        self.documents = Documents(self._schema, limits)
        self.engine = Engine(self._schema)
