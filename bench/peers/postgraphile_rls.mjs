/**
 * PostGraphile 5 on the work that our server does: row security, a role and claims per request, audit by trigger.
 *
 *     node bench/peers/postgraphile_rls.mjs PORT DATABASE_URL
 *
 * The normal way of its manual: `pgSettings` of each request name the role and the claims, which the policies and the
 * trigger of bench/peers/postgraphile_rls.sql read; PostGraphile sets them in a transaction around each of its statements.
 * Who asks is looked up as we do it: by the token's hash, in the table of sessions, believed for a second. The trigger
 * reads the session again inside the transaction of a mutation.
 */
import { hash as hashed, randomUUID } from "node:crypto";

import pg from "pg";

import { poolConfig, serve } from "./postgraphile_server.mjs";

const BELIEVED_FOR_MS = 1_000;
const [port, url] = process.argv.slice(2);
const pool = new pg.Pool({ ...poolConfig, connectionString: url, min: 1, max: 2 });

const SESSION = {
  name: "session",
  text: `
    SELECT s.id, s.account_id, s.project_id, s.employee_id, e.roles, e.division_scope,
      ARRAY(SELECT division_id FROM employee_divisions d WHERE d.employee_id = e.id) AS divisions
    FROM sessions s JOIN employees e ON e.id = s.employee_id JOIN projects p ON p.id = s.project_id
    WHERE s.token_hash = $1 AND s.revoked_at IS NULL AND least(s.expires_at, s.absolute_expires_at) > now()
      AND e.status = 'ACTIVE' AND p.deletion_requested_at IS NULL`,
};

/** The rows of app/policy.md that the reference queries need. No other role asks them. */
const AREAS = "{SALES,SERVICE,COMPLAINT,BILLING}";
const RIGHTS = {
  DIRECTOR: { role: "crm_director", "claims.areas_read": AREAS, "claims.areas_written": AREAS },
};

/** By the token's hash: the settings of its viewer, and until when they are believed. */
const viewers = new Map();

async function lookedUp(hash) {
  const { rows } = await pool.query({ ...SESSION, values: [hash] });
  if (!rows.length || !(rows[0].roles in RIGHTS)) {
    throw new Error("This session has ended. Sign in again.");
  }
  const [{ id, account_id, project_id, employee_id, roles, division_scope, divisions }] = rows;
  const settings = {
    ...RIGHTS[roles],
    "claims.session_id": id,
    "claims.account_id": account_id,
    "claims.project_id": project_id,
    "claims.employee_id": employee_id,
    "claims.division_scope": division_scope,
    "claims.divisions": `{${divisions}}`,
  };
  viewers.set(hash, { settings, until: Date.now() + BELIEVED_FOR_MS });
  return settings;
}

/** Not asynchronous where the viewer is known: that spares each request a turn of the loop. */
function context({ node: { req } }) {
  const hash = hashed("sha256", (req.headers.authorization ?? "").replace(/^bearer /i, ""));
  const known = viewers.get(hash);
  return known && known.until > Date.now() ? withRequest(known.settings, req) : asked(hash, req);
}

async function asked(hash, req) {
  return withRequest(await lookedUp(hash), req);
}

function withRequest(settings, req) {
  const request = { "claims.request_id": randomUUID(), "claims.client_ip": req.socket.remoteAddress };
  return { pgSettings: { ...settings, ...request } };
}

await serve(port, url, { context });
