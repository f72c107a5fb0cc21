"""The other tables of a large installation: each so large that PostgreSQL reads all of it only for want of an index."""

import asyncpg

from tests.engine.large import ACCOUNT, BIG_PROJECT, CONTACT, EMPLOYEE, PROJECT, PROJECTS
from tests.engine.large import fill as fill_contacts
from tests.engine.large import sql_id as _id

#: Rows of each of the tables below; half of them, or all, are the big project's.
ROWS = 20_000
PARTNER, SHARE, EMAIL, OUTSIDE = range(20, 24)

_PROJECT = _id(PROJECT, "p")
#: Some project, one of its employees, one of its contacts and a time of its own for each number.
_NUMBERS = f"""FROM (SELECT n, CASE WHEN n % 2 = 0 THEN {BIG_PROJECT} ELSE 1 + n % {PROJECTS} END AS p
  FROM generate_series(0, {ROWS - 1}) n) numbers
  CROSS JOIN LATERAL (SELECT {_id(EMPLOYEE, "10 * p + n % 10")} AS employee, {_PROJECT} AS project,
    '2026-01-01'::timestamptz + n * interval '1 minute' AS at) of"""
_IN_BIG = f"""FROM (SELECT n, {BIG_PROJECT} AS p FROM generate_series(0, {ROWS - 1}) n) numbers
  CROSS JOIN LATERAL (SELECT {_PROJECT} AS project, {_id(EMPLOYEE, "10 * p + n % 10")} AS employee,
    '2026-01-01'::timestamptz + n * interval '1 minute' AS at) of"""
#: Contacts with an even number are the big project's.
_CONTACT = _id(CONTACT, "2 * n")
_LATER, _PAST = "now() + interval '30 days'", "now() - interval '1 hour'"


async def fill(url: str) -> None:
    """Into a migrated, empty database; nothing in it is due."""
    await fill_contacts(url)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET session_replication_role = replica")
        for statement in (*_STATEMENTS, "VACUUM ANALYZE"):
            await connection.execute(statement)
    finally:
        await connection.close()


_STATEMENTS = (
    f"""INSERT INTO projects (id, name, sort_key, time_zone, daily_delete_limit, external_read_limit, created_by_id, version,
          created_at, updated_at)
        SELECT {_id(PROJECT, "100000 + n")}, 'Prázdná ' || n, 'prazdna ' || n, 'Europe/Prague', 100, 300,
          {_id(ACCOUNT, "10")}, 1, at, at {_NUMBERS}""",
    f"""INSERT INTO accounts (id, email, name, version, created_at, updated_at)
        SELECT {_id(ACCOUNT, "100000 + n")}, 'dalsi' || n || '@example.cz', 'Další ' || n, 1, at, at {_NUMBERS}""",
    f"""INSERT INTO divisions (id, project_id, name, sort_key, version, created_at, updated_at)
        SELECT gen_random_uuid(), project, 'Další ' || n, 'dalsi ' || n, 1, at, at {_IN_BIG}""",
    f"""INSERT INTO partners (id, project_id, name, sort_key, version, created_at)
        SELECT {_id(PARTNER, "n")}, project, 'Partner ' || n, 'partner ' || n, 1, at {_IN_BIG}""",
    f"""INSERT INTO employees (id, project_id, account_id, name, sort_key, search_text, email, roles, division_scope,
          can_delete_contacts, can_send_bulk_email, status, feed_number, version, created_at, updated_at, partner_id)
        SELECT {_id(OUTSIDE, "n")}, project, {_id(ACCOUNT, "100000 + n")}, 'Další ' || n, 'dalsi ' || n, 'dalsi ' || n,
          'dalsi' || n || '@example.cz', 'EXTERNAL_TELEPHONIST', 'ALL', false, false, 'ACTIVE', 0, 1, at, at,
          {_id(PARTNER, "n")} {_IN_BIG}""",
    f"""INSERT INTO invitations (id, project_id, employee_id, invited_by_id, created_at, expires_at)
        SELECT gen_random_uuid(), project, {_id(OUTSIDE, "n")}, employee, at, {_LATER} {_IN_BIG}""",
    """INSERT INTO employee_divisions (id, project_id, employee_id, division_id)
        SELECT gen_random_uuid(), e.project_id, e.id, d.id FROM employees e
        CROSS JOIN LATERAL (SELECT id FROM divisions WHERE project_id = e.project_id LIMIT 1) d""",
    f"""INSERT INTO sessions (id, account_id, project_id, employee_id, token_hash, created_at, last_used_at, expires_at,
          absolute_expires_at, user_agent, client_ip, revoked_at)
        SELECT gen_random_uuid(), {_id(ACCOUNT, "10 * p + n % 10")}, project, employee, 'session ' || n, at, at, {_LATER},
          {_LATER}, '', '', CASE WHEN n % 3 = 0 THEN {_PAST} END {_NUMBERS}""",
    f"""INSERT INTO account_tokens (id, account_id, purpose, token_hash, created_at, expires_at, project_id)
        SELECT gen_random_uuid(), {_id(ACCOUNT, "10 * p + n % 10")}, 'ADDRESS_VERIFICATION', 'token ' || n, at, {_LATER}, project
        {_NUMBERS}""",
    f"""INSERT INTO sign_in_attempts (id, email_hash, client_ip, succeeded, at)
        SELECT gen_random_uuid(), 'somebody ' || n, '192.0.2.1', false, now() - n * interval '1 second' {_NUMBERS}""",
    f"""INSERT INTO idempotency_records (id, scope_id, mutation, key, input_hash, result, created_at, project_id)
        SELECT gen_random_uuid(), employee, 'contactCreate', 'key ' || n, '', '{{}}', now(), project {_NUMBERS}""",
    f"""INSERT INTO external_reads (id, project_id, employee_id, contact_id, read_at)
        SELECT gen_random_uuid(), project, {_id(OUTSIDE, "n")}, {_CONTACT}, now() {_IN_BIG}""",
    f"""INSERT INTO external_questions (id, project_id, employee_id, question_hash, asked_at)
        SELECT gen_random_uuid(), project, {_id(OUTSIDE, "n")}, 'question ' || n, now() {_IN_BIG}""",
    f"""INSERT INTO external_searches (id, project_id, employee_id, began_at, searches)
        SELECT gen_random_uuid(), project, {_id(OUTSIDE, "n")}, now(), 1 {_IN_BIG}""",
    f"""INSERT INTO reminder_events (id, project_id, employee_id, number, kind, reminder_ids, created_at)
        SELECT gen_random_uuid(), project, employee, n, 'POPUP', '[]', now() {_NUMBERS}""",
    f"""INSERT INTO mailboxes (id, project_id, level, host, port, username, secret, address, display_name, version, created_at,
          employee_id)
        SELECT gen_random_uuid(), project, 'EMPLOYEE', 'localhost', 465, '', '', 'a@example.cz', '', 1, at, {_id(OUTSIDE, "n")}
        {_IN_BIG}""",
    f"""INSERT INTO emails (id, project_id, contact_id, author_id, area, purpose, message_id, from_address, from_name, via,
          subject, text, state, attempt, sent_at, version, created_at, updated_at)
        SELECT {_id(EMAIL, "n")}, project, {_CONTACT}, employee, 'SALES', 'BUSINESS', n || '@example.cz', 'a@example.cz', '',
          'RELAY', 'Nabídka', 'x', 'SENT', 1, at, 1, at, at {_IN_BIG}""",
    f"""INSERT INTO email_recipients (id, project_id, email_id, address, state, attempts)
        SELECT gen_random_uuid(), project, {_id(EMAIL, "n")}, 'a@example.cz', 'SENT', 1 {_IN_BIG}""",
    f"""INSERT INTO lead_shares (id, project_id, partner_id, created_by_id, campaign, valid_from, valid_until, recalled_at,
          closed_at, created_at, version)
        SELECT {_id(SHARE, "n")}, project, {_id(PARTNER, "n")}, employee, 'Jaro', at,
          CASE WHEN n % 10 > 1 THEN at + interval '1 day' WHEN n % 10 = 1 THEN {_LATER} + n * interval '1 minute' END,
          CASE WHEN n % 10 > 8 THEN at END, CASE WHEN n % 10 > 1 THEN at END, at, 1 {_IN_BIG}""",
    f"""INSERT INTO lead_share_contacts (id, project_id, share_id, contact_id)
        SELECT gen_random_uuid(), project, {_id(SHARE, "n")}, {_CONTACT} {_IN_BIG}""",
    f"""INSERT INTO persons (id, project_id, contact_id, name, sort_key, search_text, version, created_at, updated_at)
        SELECT gen_random_uuid(), project, {_CONTACT}, 'Osoba ' || n, 'osoba ' || n, 'osoba ' || n, 1, at, at {_IN_BIG}""",
    f"""INSERT INTO contact_proposals (id, project_id, proposed_by_id, name, version, created_at)
        SELECT gen_random_uuid(), project, {_id(OUTSIDE, "n")}, 'Návrh ' || n, 1, at {_IN_BIG}""",
    f"""INSERT INTO audit_entries (id, project_id, employee_id, action, subject, subject_id, changes, request_id, client_ip,
          created_at)
        SELECT gen_random_uuid(), project, employee, 'contactUpdate', 'Contact', {_CONTACT}, '{{}}', '', '',
          now() - (10 * n + more) * interval '1 minute' {_NUMBERS} CROSS JOIN generate_series(0, 9) more""",
    """UPDATE contacts SET city = 'Město ' || right(id::text, 5), status = (ARRAY['LEAD', 'CUSTOMER', 'FORMER'])
          [1 + abs(hashtext(id::text)) % 3]""",
    """UPDATE reminders SET state = 'RESOLVED', resolved_at = updated_at WHERE abs(hashtext(id::text)) % 2 = 0""",
)
