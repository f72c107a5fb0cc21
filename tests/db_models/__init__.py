"""Three small tables and their migrations, for the tests of the migration runner.

`created` makes them with everything a table can have, `changed` goes on to what `models` says, and
`broken` fails in the middle of its second migration.
"""
