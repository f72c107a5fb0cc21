"""A small library: GraphQL types over tables, declared once.

`guards` what stands before a field · `declare` types and their fields · `filters` where and orderBy inputs ·
`paging` connections and cursors · `assemble` the Strawberry schema made of it · `document` reading a selection ·
`authorise` the decision before execution · `fetch` rows into the tree that the executor looks up.
"""
