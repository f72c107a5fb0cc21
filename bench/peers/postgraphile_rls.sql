-- Who sees and writes what behind bench/peers/postgraphile_rls.mjs: what app/models says in `visible_q`, as policies.
--
-- Written as the manuals of PostgreSQL and PostGraphile want it for speed: claims stand in sub-selects, which are read
-- once for a statement and not for each row. Whoever is no member of the role, which is everybody else, is not touched.
-- May be run again.

DO $$ BEGIN
    CREATE ROLE crm_director NOLOGIN;
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;
GRANT crm_director TO CURRENT_USER;
GRANT USAGE ON SCHEMA public TO crm_director;
GRANT SELECT ON contacts, divisions, employees, activities, reminders TO crm_director;
GRANT INSERT ON activities TO crm_director;

ALTER TABLE contacts ENABLE ROW LEVEL SECURITY;
ALTER TABLE divisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE employees ENABLE ROW LEVEL SECURITY;
ALTER TABLE activities ENABLE ROW LEVEL SECURITY;
ALTER TABLE reminders ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS seen ON contacts;
CREATE POLICY seen ON contacts FOR SELECT TO crm_director USING (
    project_id = (SELECT current_setting('claims.project_id')::uuid)
    AND (
        (SELECT current_setting('claims.division_scope') = 'ALL')
        OR division_id IS NULL
        OR division_id = ANY ((SELECT current_setting('claims.divisions')::uuid[])::uuid[])
    )
);

DROP POLICY IF EXISTS seen ON divisions;
CREATE POLICY seen ON divisions FOR SELECT TO crm_director
    USING (project_id = (SELECT current_setting('claims.project_id')::uuid));

DROP POLICY IF EXISTS seen ON employees;
CREATE POLICY seen ON employees FOR SELECT TO crm_director
    USING (project_id = (SELECT current_setting('claims.project_id')::uuid));

-- What hangs on a contact follows it: the sub-select over contacts sees what their policy lets it see.
DROP POLICY IF EXISTS seen ON activities;
CREATE POLICY seen ON activities FOR SELECT TO crm_director USING (
    project_id = (SELECT current_setting('claims.project_id')::uuid)
    AND area = ANY ((SELECT current_setting('claims.areas_read')::text[])::text[])
    AND (
        (SELECT current_setting('claims.division_scope') = 'ALL')
        OR EXISTS (SELECT FROM contacts WHERE contacts.id = contact_id)
    )
);

DROP POLICY IF EXISTS seen ON reminders;
CREATE POLICY seen ON reminders FOR SELECT TO crm_director USING (
    project_id = (SELECT current_setting('claims.project_id')::uuid)
    AND (
        (SELECT current_setting('claims.division_scope') = 'ALL')
        OR contact_id IS NULL
        OR EXISTS (SELECT FROM contacts WHERE contacts.id = contact_id)
    )
);

DROP POLICY IF EXISTS recorded ON activities;
CREATE POLICY recorded ON activities FOR INSERT TO crm_director WITH CHECK (
    project_id = (SELECT current_setting('claims.project_id')::uuid)
    AND author_id = (SELECT current_setting('claims.employee_id')::uuid)
    AND area = ANY ((SELECT current_setting('claims.areas_written')::text[])::text[])
    AND EXISTS (SELECT FROM contacts WHERE contacts.id = contact_id)
);

-- The entry that our server writes for an activity. None is written, nor is the activity, for a session that has ended.
CREATE OR REPLACE FUNCTION audit_recorded_activity() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO audit_entries (
        project_id, account_id, employee_id, action, subject, subject_id, contact_id, division_id, changes, request_id,
        client_ip, created_at
    )
    SELECT NEW.project_id, s.account_id, s.employee_id, 'activityRecord', 'Activity', NEW.id, NEW.contact_id, c.division_id,
        json_build_object(
            'kind', json_build_array(NULL, NEW.kind), 'area', json_build_array(NULL, NEW.area),
            'summary', json_build_array(NULL, NEW.summary), 'occurred_at', json_build_array(NULL, NEW.occurred_at),
            'author_id', json_build_array(NULL, NEW.author_id)
        )::text,
        current_setting('claims.request_id'), current_setting('claims.client_ip'), clock_timestamp()
    FROM contacts c, sessions s
    JOIN employees e ON e.id = s.employee_id
    JOIN projects p ON p.id = s.project_id
    WHERE c.id = NEW.contact_id
        AND s.id = current_setting('claims.session_id')::uuid AND s.revoked_at IS NULL
        AND least(s.expires_at, s.absolute_expires_at) > clock_timestamp()
        AND e.status = 'ACTIVE' AND p.deletion_requested_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'This session has ended. Sign in again.';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER audit_recorded_activity AFTER INSERT ON activities FOR EACH ROW
    WHEN (current_user = 'crm_director') EXECUTE FUNCTION audit_recorded_activity();
