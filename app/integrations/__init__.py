"""One file per outside system. None of them knows a row of the database."""
