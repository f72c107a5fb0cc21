"""A document's text is parsed, limited and validated once, then remembered.

Transports read documents here before they run them; `KnownDocuments` makes every other road into the schema do it too.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import recommended_rules
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.engine.engine import Engine
from app.errors import BadRequest
from app.schema.errors import PARSE_FAILED, VALIDATION_FAILED, CodedErrors, coded
from app.schema.limits import Limits, exceeded

RULES = (*specified_rules, *recommended_rules, MaybeNullValidationRule, OneOfInputValidationRule)
MOST_ERRORS = 10

REMEMBERED_DOCUMENTS = 1_000
# Anybody may have documents remembered, and the tree of a dense one takes 140 bytes for each of its characters.
REMEMBERED_CHARACTERS = 500_000


@dataclass(frozen=True, eq=False, slots=True)
class Document:
    """A document that was read. With `errors` it must not be run; `ast` is None if it could not even be parsed."""

    text: str
    ast: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation to run. Raises BadRequest if `name` does not say which one it is."""
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
    """The documents of one schema, the latest used remembered."""

    def __init__(self, schema: GraphQLSchema, limits: Limits | None = None) -> None:
        self._schema = schema
        self._limits = limits or Limits()
        self._known: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0

    def read(self, text: str) -> Document:
        """Parses, limits and validates `text`, or remembers it."""
        if known := self._known.get(text):
            self._known.move_to_end(text)
            return known
        document = self._read(text)
        if not document.errors:  # a wrong one comes once; remembering it would push out the right ones
            self._remember(document)
        return document

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

    def _remember(self, document: Document) -> None:
        self._known[document.text] = document
        self._characters += len(document.text)
        while len(self._known) > REMEMBERED_DOCUMENTS or self._characters > REMEMBERED_CHARACTERS:
            forgotten, _ = self._known.popitem(last=False)
            self._characters -= len(forgotten)


class KnownDocuments(SchemaExtension):
    """Hands Strawberry the parsed tree and the verdict, so that it parses and validates nothing itself."""

    document: Document

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        self.document = _documents_of(context.schema).read(context.query or "")
        # Strawberry wants a tree before it asks for errors: an unparsable text gets a stand-in that is never run.
        context.graphql_document = self.document.ast or _stand_in(context.operation_name)
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = list(self.document.errors)
        yield


class DocumentSchema(CodedErrors):
    """A Strawberry schema behind limits, whose errors are coded and masked. Build the API with this one."""

    documents: Documents
    engine: Engine

    def __init__(
        self,
        query: type,
        mutation: type | None = None,
        subscription: type | None = None,
        *,
        extensions: Iterable[Any] = (),
        config: StrawberryConfig | None = None,
        limits: Limits | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            query,
            mutation,
            subscription,
            extensions=(KnownDocuments, *extensions),
            config=config or StrawberryConfig(disable_field_suggestions=True, batching_config=None),
            **kwargs,
        )
        self.documents = Documents(self._schema, limits)
        self.engine = Engine(self._schema)


def _documents_of(schema: Any) -> Documents:
    assert isinstance(schema, DocumentSchema)
    return schema.documents


def _stand_in(operation_name: str | None) -> DocumentNode:
    field = FieldNode(name=NameNode(value="__typename"), directives=(), arguments=())
    operation = OperationDefinitionNode(
        operation=OperationType.QUERY,
        name=NameNode(value=operation_name) if operation_name else None,
        selection_set=SelectionSetNode(selections=(field,)),
        directives=(),
        variable_definitions=(),
    )
    return DocumentNode(definitions=(operation,))
