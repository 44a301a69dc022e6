"""The Common Expression Language, as far as Kubernetes' validation rules go.

    syntax     an expression as a tree; refusals with their place
    values     what expressions compute with: timestamps, durations, optional values, quantities
    library    the functions that may be called
    evaluate   a tree and its variables → a value, or CelError
    checking   what can be told wrong from a schema before there is a value: fields and names that do not exist

An expression is parsed and checked once and evaluated often. Arithmetic is Python's, with CEL's limits; `&&` and `||`
take a decided side whatever is wrong with the other. Not there: protobuf messages, types as values, cost limits.
Source: the language's specification (cel-spec doc/langdef.md) and Kubernetes' libraries (apiserver/pkg/cel/library).
"""
