"""Times that were written in microseconds are cut to milliseconds, in which they are kept, compared and shown.

All of a row at once, so that what the table's checks compare stays as it is. On SQLite those of whole seconds that were
written with a fraction lose it: texts of one moment are one text.
"""

from collections.abc import Iterable

from tortoise import migrations
from tortoise.backends.base.client import BaseDBAsyncClient

from app.migration_batches import RowUpdate, UpdateInBatches

ON_POSTGRES = "date_trunc('milliseconds', {column})"
ON_SQLITE = """CASE WHEN substr({column}, 20, 1) <> '.' THEN {column}
    ELSE substr({column}, 1, 19) || CASE substr({column}, 20, 4)
        WHEN '.000' THEN '' ELSE substr({column}, 20, 4) || '000' END || '+00:00' END"""

COLUMNS_ON_POSTGRES = """
    SELECT c.table_name AS name, c.column_name AS part FROM information_schema.columns c
    JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
    WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'
        AND c.data_type = 'timestamp with time zone'
    ORDER BY 1, 2
"""
COLUMNS_ON_SQLITE = """
    SELECT t.name AS name, c.name AS part FROM sqlite_master t, pragma_table_info(t.name) c
    WHERE t.type = 'table' AND c.type = 'TIMESTAMP' ORDER BY 1, 2
"""
#: The record of the migrations themselves, which has another key and is nobody's row.
RECORD = "tortoise_migrations"

# A share that began and ended within a millisecond: its end stays after its beginning.
SHARES, BEGINNING, END = "lead_shares", "valid_from", "valid_until"
LATER_ON_POSTGRES = "{cut} + interval '1 millisecond'"
LATER_ON_SQLITE = "replace(strftime('%Y-%m-%d %H:%M:%f000+00:00', {cut}, '+0.001 seconds'), '.000000', '')"


async def times_of_all_tables(client: BaseDBAsyncClient) -> Iterable[RowUpdate]:
    is_sqlite = client.capabilities.dialect == "sqlite"
    cut = ON_SQLITE if is_sqlite else ON_POSTGRES
    found: dict[str, dict[str, str]] = {}
    for row in await client.execute_query_dict(COLUMNS_ON_SQLITE if is_sqlite else COLUMNS_ON_POSTGRES):
        if row["name"] != RECORD:
            found.setdefault(row["name"], {})[row["part"]] = cut.format(column=f'"{row["part"]}"')
    later = LATER_ON_SQLITE if is_sqlite else LATER_ON_POSTGRES
    shares = found[SHARES]
    shares[END] = _not_before(shares[END], shares[BEGINNING], later)
    return [RowUpdate(table, values) for table, values in found.items()]


def _not_before(end: str, beginning: str, later: str) -> str:
    return f"CASE WHEN {end} <= {beginning} THEN {later.format(cut=f'({beginning})')} ELSE {end} END"


class Migration(migrations.Migration):
    dependencies = [("models", "0012_reminder_defaults")]

    atomic = False

    operations = [UpdateInBatches(times_of_all_tables)]
