"""A small library: GraphQL types over tables, declared once, read by one statement per root field. It knows no word of CRM.

docs/read-engine.md tells what happens to an operation. Declaring: `guards` `declare` `types` `filters` `paging` `ids`
`scalars` `assemble`. Reading an operation: `document` `inputs` `variables` `authorise`. What it asks of rows: `selection`
`selecting` `reads` `asked` `where` `cost`. To SQL: `compile` `compile_pages` `parameters` `dialects`. Running: `statement`
`together` `fill` `values` `plan` `run` `core` `engine`. `cache`: what is kept stays within bounds.
"""
