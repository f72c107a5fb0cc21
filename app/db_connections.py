"""One connection to PostgreSQL, and whether it may be lent to the next one."""

import asyncpg


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """asyncpg's own, which says whether it is left as it was found."""

    def is_quiet(self) -> bool:
        """Whether it is open, in no transaction, and waits for no answer.

        Right after a cancellation asyncpg does not know yet what the server made of the statement: a BEGIN that was on
        the wire leaves a transaction behind, in which the next one's writes would be acknowledged and then rolled back.
        """
        if self.is_closed() or self.is_waiting():
            return False
        return self._top_xact is None and not self.is_in_transaction()

    def is_waiting(self) -> bool:
        """Whether the server has yet to answer a statement that was given up."""
        return not self.is_closed() and bool(self._protocol._is_cancelling())
