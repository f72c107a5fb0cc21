"""A small library: GraphQL types over tables, declared once. It knows no word of CRM.

`guards` what stands before a field · `declare` types and their fields · `types` making Strawberry types by hand ·
`filters` where and orderBy · `paging` pages and cursors · `assemble` the schema made of it · `authorise` the decision
before execution · `document` reading a selection · `selection` what it asks of rows · `fetch` rows into the tree that
the executor looks up · `connections` pages for many parents at once · `resolvers` what stands behind the root fields ·
`ids` and `scalars` how values are written.
"""
