"""Reminders that are nobody's are shown to those who can give them to somebody: pop-ups name them.

What is open and nobody's already, or with somebody who may not have it, is taken in. What reads rights is written out here
as they are now, whatever the policy says some day.
"""

from typing import Any

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from app.models.base import JsonText

AT_ONCE = 1_000
NOW = {
    "postgres": "date_trunc('milliseconds', now())",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')",
}
IS_EXTERNAL = "(e.partner_id IS NOT NULL OR e.roles LIKE '%EXTERNAL_TELEPHONIST%')"
#: The assignee is at work, has a role, and sees the contact.
IS_ABLE = f"""EXISTS (
    SELECT 1 FROM employees e LEFT JOIN contacts c ON c.id = reminders.contact_id
    WHERE e.id = reminders.assignee_id AND e.status = 'ACTIVE' AND e.roles <> '' AND (
        c.id IS NULL OR (
            (e.division_scope = 'ALL' OR c.division_id IS NULL OR EXISTS (
                SELECT 1 FROM employee_divisions d WHERE d.employee_id = e.id AND d.division_id = c.division_id
            )) AND (NOT {IS_EXTERNAL} OR EXISTS (
                SELECT 1 FROM lead_share_contacts l JOIN lead_shares s ON s.id = l.share_id
                WHERE l.contact_id = c.id AND s.partner_id = e.partner_id AND s.recalled_at IS NULL
                    AND s.valid_from <= {{now}} AND (s.valid_until IS NULL OR s.valid_until > {{now}})
            ))
        )
    )
)"""  # noqa: S608  Nothing of it comes from outside.
PAGE = "SELECT MAX(id) AS last FROM (SELECT id FROM reminders WHERE id > '{after}' ORDER BY id LIMIT {most}) page"
PAGE_OF_POSTGRES = (
    "SELECT id AS last FROM (SELECT id FROM reminders WHERE id > '{after}' ORDER BY id LIMIT {most}) page "
    "ORDER BY id DESC LIMIT 1"
)
TAKE_IN = f"""
    UPDATE reminders SET assignee_id = NULL, snoozed_until = NULL, alert_at = due_at, version = version + 1,
        updated_at = {{now}}
    WHERE id > '{{after}}' AND id <= '{{last}}' AND state = 'OPEN' AND CASE
        WHEN assignee_id IS NULL THEN snoozed_until IS NOT NULL
        ELSE NOT {IS_ABLE}
    END
"""  # noqa: S608
#: Whoever can give them to somebody: their windows open, and find what they show.
OPEN_WINDOWS = f"""
    UPDATE employees AS e SET next_popup_at = {{now}}
    WHERE e.status = 'ACTIVE' AND e.reminder_interval_minutes IS NOT NULL AND NOT {IS_EXTERNAL}
        AND (e.roles LIKE '%COMPLAINTS%' OR e.roles LIKE '%DIRECTOR%' OR e.roles LIKE '%ADMIN%')
        AND (e.next_popup_at IS NULL OR e.next_popup_at > {{now}})
        AND e.project_id IN (SELECT project_id FROM reminders WHERE assignee_id IS NULL AND state = 'OPEN')
        AND e.project_id IN (SELECT id FROM projects WHERE deletion_requested_at IS NULL)
"""  # noqa: S608
BEFORE_ALL = "00000000-0000-0000-0000-000000000000"


async def take_in(apps: Any, editor: Any) -> None:
    """A thousand at a time. Before the first of them there is none without an index to look for."""
    client = editor.client
    now, page = NOW[editor.DIALECT], PAGE_OF_POSTGRES if editor.DIALECT == "postgres" else PAGE
    after = BEFORE_ALL
    while True:
        found = await client.execute_query_dict(page.format(after=after, most=AT_ONCE))
        last = found[0]["last"] if found else None
        if last is None:
            break
        await client.execute_query_dict(TAKE_IN.format(after=after, last=last, now=now))
        after = last
    await client.execute_query_dict(OPEN_WINDOWS.format(now=now))


class Migration(migrations.Migration):
    dependencies = [("models", "0010_audit_purge")]

    initial = False

    operations = [
        ops.AddField(
            model_name="ReminderEvent",
            name="unassigned_ids",
            field=JsonText(null=True, unique=False),
        ),
        ops.AddField(
            model_name="ReminderEvent",
            name="more_unassigned",
            field=fields.IntField(null=True),
        ),
        ops.RunPython(take_in, ops.RunPython.noop),
    ]
